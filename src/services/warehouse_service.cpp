#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "services/endpoint.hpp"
#include "services/start.hpp"
#include "services/wait.hpp"

// How `weir warehouse` is started. It takes --data DIR --socket PATH --port N --password-file FILE --ready-fd N and
// writes one line of JSON to the ready descriptor as soon as it answers: {"port":…,"socket":…,"pid":…,"version":…}. When
// it cannot start, because another process holds the data folder for one, it ends with the reason on stderr: in the log.
namespace weir::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kReadyTimeMax{120};
constexpr seconds kLeftoverTimeMax{30};
constexpr int kReadyDescriptor = 3;
constexpr std::size_t kReadyLineBytesMax = 65536;

Error ended_error(const StartRequest& request, const ExitStatus& status, std::uintmax_t log_start) {
  return Error::system(Code::Unavailable, "warehouse {} did not start: {}: {}", request.spec.name, status.text(),
                       log_tail(request.paths.log, log_start))
      .hint(fmt::format("see {}", request.paths.log.string()));
}

// The line that says that the warehouse answers.
Result<Json> await_ready(const StartRequest& request, Process& process, const Descriptor& ready,
                         std::uintmax_t log_start) {
  const StopEvent stopped{request.stop};
  const auto deadline = steady_clock::now() + kReadyTimeMax;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const auto first = wait_readable({ready.get(), stopped.descriptor()}, left);
    if (!first || line.size() > kReadyLineBytesMax) {
      return Error::system(Code::TimedOut, "warehouse {} did not become ready", request.spec.name)
          .hint(fmt::format("see {}", request.paths.log.string()));
    }
    if (*first == 1) return Error::cancelled();
    char buffer[4096];
    const auto got = ::read(ready.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    // Closed without a line: it has ended, or is about to.
    if (got <= 0) return ended_error(request, process.stop(seconds{5}, SIGTERM), log_start);
    line.append(buffer, static_cast<std::size_t>(got));
  }
  auto answer = WEIR_TRY(parse_json(line.substr(0, line.find('\n'))).while_doing("reading the warehouse's ready line"));
  if (!answer.is_object()) return Error::bug("the warehouse's ready line is no object: {}", line);
  return answer;
}

struct Launched {
  Process process;
  Json ready;
};

// What runs `weir warehouse`. A build with gcc's sanitizers cannot load the engine, whose constructors take their runtime
// for Clang's and call what it lacks: its tests name a build without.
std::filesystem::path program_of(const ServiceSpec& spec) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  if (const char* other = std::getenv("WEIR_WAREHOUSE_PROGRAM"); other != nullptr && *other != '\0') return other;
#endif
  return spec.weir_binary;
}

Result<Launched> launch(const StartRequest& request, const std::filesystem::path& data,
                        const std::filesystem::path& socket, int port, int log) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
  const Descriptor reading{ends[0]};
  Descriptor writing{ends[1]};
  ProcessSpec spec;
  spec.program = program_of(request.spec);
  spec.arguments = {"warehouse",
                    "--data",
                    data.string(),
                    "--socket",
                    socket.string(),
                    "--port",
                    fmt::format("{}", port),
                    "--password-file",
                    request.paths.password.string(),
                    "--ready-fd",
                    fmt::format("{}", kReadyDescriptor)};
  for (const auto& source : request.spec.settings.value("sources", Json::array())) {
    spec.arguments.insert(spec.arguments.end(), {"--source", source.get<std::string>()});
  }
  spec.inherited = {{writing.get(), kReadyDescriptor}};
  spec.folder = "/";
  spec.stdout_fd = log;
  spec.stderr_fd = log;
  spec.signal_on_parent_death = stop_signal(ServiceKind::Warehouse);
  std::error_code missing;
  const auto log_start = std::filesystem::file_size(request.paths.log, missing);
  auto process = WEIR_TRY(Process::spawn(spec));
  writing.reset();
  auto ready = WEIR_TRY(await_ready(request, process, reading, missing ? 0 : log_start));
  return Launched{std::move(process), std::move(ready)};
}

}  // namespace

Result<StartedService> start_warehouse(const StartRequest& request) {
  const auto& paths = request.paths;
  const auto log = WEIR_TRY(open_log(paths));
  // A warehouse whose owner was killed is on its way out; one that hangs there is helped.
  if (!end_process(request.previous.process, stop_signal(ServiceKind::Warehouse), kLeftoverTimeMax)) {
    end_process(request.previous.process, SIGKILL, kLeftoverTimeMax);
  }
  const auto password = WEIR_TRY(keep_password(paths));
  const auto socket = WEIR_TRY(make_run_folder(request.spec, ::geteuid(), ::getegid())) / "http.sock";
  WEIR_TRY(make_folder(paths.data));
  if (::chmod(paths.data.c_str(), 0700) != 0) {
    return Error::from_errno(errno, fmt::format("closing folder to others: {}", paths.data.string()));
  }

  const int port = choose_port(request);
  auto launched = launch(request, paths.data, socket, port, log.get());
  // A port that was free may have been taken before the warehouse had it.
  if (!launched.ok() && port != 0 && !port_is_free(port)) launched = launch(request, paths.data, socket, 0, log.get());
  auto [process, ready] = WEIR_TRY(std::move(launched));

  auto address = address_from(ready);
  address.unix_socket = socket.string();
  address.user = "default";
  address.database = "default";
  address.password = password;
  return StartedService{std::move(process), std::move(address), paths.data, ready.value("version", "")};
}

}  // namespace weir::services
