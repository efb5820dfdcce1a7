#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "services/endpoint.hpp"
#include "services/postgres_data.hpp"
#include "services/start.hpp"
#include "services/wait.hpp"

namespace weir::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::filesystem::path;

// Recovery after a crash reads up to max_wal_size of log.
constexpr seconds kReadyTimeMax{600};
constexpr seconds kLeftoverServerTimeMax{60};
constexpr seconds kLeftoverBackendTimeMax{5};
constexpr int kStartsMax = 3;

// What the server writes about itself into its data folder; line 1 is its pid, line 8 its status (miscadmin.h,
// LOCK_FILE_LINE_PM_STATUS).
struct PidFile {
  pid_t pid = 0;
  std::string status;
};

PidFile read_pid_file(const path& data) {
  PidFile file;
  const auto text = read_file(data / "postmaster.pid");
  if (!text.ok()) return file;
  std::string_view rest{*text};
  std::from_chars(rest.data(), rest.data() + rest.size(), file.pid);
  for (int line = 1; line < 8; ++line) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return file;
    rest.remove_prefix(end + 1);
  }
  file.status = rest.substr(0, rest.find_first_of(" \n"));
  return file;
}

// The processes of a server on this folder, dead or alive postmaster: each works in its data folder.
std::vector<pid_t> processes_in(const path& data) {
  std::vector<pid_t> found;
  std::error_code error;
  const auto canonical = std::filesystem::canonical(data, error);
  if (error) return found;
  for (std::filesystem::directory_iterator entry{"/proc", error}, end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    std::error_code unreadable;
    if (std::filesystem::read_symlink(entry->path() / "cwd", unreadable) == canonical && !unreadable)
      found.push_back(pid);
  }
  return found;
}

bool wait_for_ends(const std::vector<pid_t>& pids, milliseconds timeout, const StopEvent& stopped) {
  const auto deadline = steady_clock::now() + timeout;
  for (const pid_t pid : pids) {
    const auto process = open_process(identify(pid));
    if (!process) continue;
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (wait_readable({process.get(), stopped.descriptor()}, left) != 0U) return false;
  }
  return true;
}

// A server whose owner was killed is on its way out, and one that was killed itself may leave sessions behind that have
// not noticed. Both must be gone before another starts on the same files.
Result<void> await_leftovers(const StartRequest& request, const path& data) {
  const StopEvent stopped{request.stop};
  for (;;) {
    const auto pids = processes_in(data);
    if (pids.empty()) return {};
    const pid_t server = read_pid_file(data).pid;
    const bool has_server = std::find(pids.begin(), pids.end(), server) != pids.end();
    if (wait_for_ends(pids, has_server ? kLeftoverServerTimeMax : kLeftoverBackendTimeMax, stopped)) continue;
    if (request.stop.stop_requested()) return Error::cancelled();
    if (has_server) {
      return Error::system(Code::Conflict, "another PostgreSQL runs on the data of service {}: process {}",
                           request.spec.name, server)
          .hint(fmt::format("stop it: kill -INT {}", server));
    }
    for (const pid_t pid : pids) end_process(identify(pid), SIGKILL, kLeftoverBackendTimeMax);
  }
}

// With no process left in the folder, lock files that name a living process name somebody else's: its number was used
// again. PostgreSQL would refuse to start; those of dead processes it handles itself.
void remove_stale_locks(const path& data, const path& run_folder) {
  const auto names_a_stranger = [](const path& file) {
    const auto text = read_file(file);
    pid_t pid = 0;
    if (text.ok()) std::from_chars(text->data(), text->data() + text->size(), pid);
    return pid > 0 && ::kill(pid, 0) == 0;
  };
  std::error_code ignored;
  if (names_a_stranger(data / "postmaster.pid")) std::filesystem::remove(data / "postmaster.pid", ignored);
  std::error_code error;
  for (std::filesystem::directory_iterator entry{run_folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".lock" && names_a_stranger(entry->path())) {
      std::filesystem::remove(entry->path(), ignored);
    }
  }
}

Error start_error(const StartRequest& request, const ExitStatus& status, std::uintmax_t log_start) {
  const auto tail = log_tail(request.paths.log, log_start);
  const bool full = tail.find("No space left") != std::string::npos;
  return Error::system(full ? Code::ResourceExhausted : Code::Unavailable,
                       "PostgreSQL of service {} did not start: {}: {}", request.spec.name, status.text(), tail)
      .hint(full ? "free some space on that disk, then retry" : fmt::format("see {}", request.paths.log.string()));
}

Result<void> await_ready(const StartRequest& request, Process& process, const path& data, std::uintmax_t log_start) {
  const StopEvent stopped{request.stop};
  const auto start = steady_clock::now();
  auto pause = milliseconds{2};
  bool told = false;
  while (steady_clock::now() - start < kReadyTimeMax) {
    const auto first = wait_readable({process.descriptor(), stopped.descriptor()}, pause);
    if (first == 0U) return start_error(request, process.wait(), log_start);
    if (first == 1U) return Error::cancelled();
    const auto file = read_pid_file(data);
    if (file.pid == process.pid() && file.status == "ready") return {};
    pause = std::min(pause * 2, milliseconds{50});
    if (!told && steady_clock::now() - start > seconds{5}) {
      request.log.info("service {}: PostgreSQL is recovering from a crash", request.spec.name);
      told = true;
    }
  }
  return Error::system(Code::TimedOut, "PostgreSQL of service {} did not become ready", request.spec.name)
      .hint(fmt::format("see {}", request.paths.log.string()));
}

struct Launch {
  const StartRequest& request;
  const PostgresPlace& place;
  const PostgresInstallation& installation;
  path run_folder;
  int log;
};

Result<Process> launch(const Launch& launch, int port) {
  ProcessSpec spec;
  spec.program = launch.installation.folder / "postgres";
  // On the command line, so that no setting in the data folder makes the server differ from what we record.
  // The socket's folder is quoted: it is read as a list.
  spec.arguments = {"-D", launch.place.data.string(), "-h", "127.0.0.1",
                    "-p", fmt::format("{}", port),    "-k", quote_identifier(launch.run_folder.string())};
  spec.user = launch.place.user;
  spec.folder = "/";
  spec.stdout_fd = launch.log;
  spec.stderr_fd = launch.log;
  spec.signal_on_parent_death = stop_signal(ServiceKind::Postgres);
  std::error_code missing;
  const auto log_start = std::filesystem::file_size(launch.request.paths.log, missing);
  auto process = WEIR_TRY(Process::spawn(spec));
  if (auto ready = await_ready(launch.request, process, launch.place.data, missing ? 0 : log_start); !ready.ok()) {
    process.stop(seconds{10}, stop_signal(ServiceKind::Postgres));
    return std::move(ready).error();
  }
  return process;
}

// A port that is free now may be taken before the server has it: then another one is tried.
Result<std::pair<Process, int>> launch_on_some_port(const Launch& what) {
  int port = choose_port(what.request);
  for (int start = 1;; ++start) {
    if (port == 0) port = WEIR_TRY(find_free_port());
    auto process = launch(what, port);
    if (process.ok()) return std::pair{std::move(process).value(), port};
    if (start == kStartsMax || port_is_free(port)) return std::move(process).error();
    port = 0;
  }
}

}  // namespace

Result<StartedService> start_postgres(const StartRequest& request) {
  const auto log = WEIR_TRY(open_log(request.paths));
  const auto place = WEIR_TRY(place_postgres(request));
  const auto installation =
      WEIR_TRY(choose_postgres(find_postgres_installations(), place.data_major, place.data, request.spec.name));
  const bool password_kept = std::filesystem::exists(request.paths.password);
  const auto password = WEIR_TRY(keep_password(request.paths));
  const auto run_folder = WEIR_TRY(make_run_folder(request.spec, place.uid, place.gid));

  if (place.data_major == 0) {
    request.log.info("service {}: making a PostgreSQL {} database in {}", request.spec.name, installation.version,
                     place.data.string());
    WEIR_TRY(make_postgres_data(request, place, installation, password, log.get()));
  } else {
    WEIR_TRY(await_leftovers(request, place.data));
    remove_stale_locks(place.data, run_folder);
    if (!password_kept) WEIR_TRY(reset_postgres_password(request, place, installation, password, log.get()));
  }
  // After the data is complete: a pointer always points to data.
  if (place.data != request.paths.data) {
    WEIR_TRY(write_file(request.paths.pointer, place.data.string()));
  }
  WEIR_TRY(configure_postgres(place));
  auto [process, port] = WEIR_TRY(launch_on_some_port({request, place, installation, run_folder, log.get()}));

  ServiceAddress address;
  address.unix_socket = run_folder.string();
  address.port = port;
  address.user = "weir";
  address.password = password;
  address.database = request.spec.name;
  return StartedService{std::move(process), std::move(address), place.data, installation.version};
}

}  // namespace weir::services
