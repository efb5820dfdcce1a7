#include "services/postgres_data.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <thread>

#include "services/endpoint.hpp"
#include "services/user.hpp"
#include "services/wait.hpp"

namespace weir::services {
namespace {

using std::chrono::seconds;
using std::filesystem::path;

constexpr seconds kProgramTimeMax{300};
// Where the data of projects lies whose folder PostgreSQL's user cannot enter.
constexpr const char* kSharedRoot = "/var/lib/weir";

// The major version in the data folder's PG_VERSION; 0 when there is no data.
Result<int> data_version(const path& data) {
  const auto text = read_file(data / "PG_VERSION");
  if (!text.ok()) {
    if (text.error().code() == Code::NotFound) return 0;
    return Error{text.error()}.hint("the data belongs to another user: run as that user or as root");
  }
  int major = 0;
  std::from_chars(text->data(), text->data() + text->size(), major);
  if (major == 0) return Error::system(Code::InvalidData, "not a PostgreSQL data folder: {}", data.string());
  return major;
}

// Root steps down to the owner of the data that exists, or else to `postgres` or `nobody`.
Result<void> choose_user(PostgresPlace& place) {
  struct stat found {};
  std::optional<User> user;
  if (place.data_major != 0 && ::stat(place.data.c_str(), &found) == 0) {
    if (found.st_uid != 0) user = find_user(found.st_uid);
  } else {
    user = find_user("postgres");
    if (!user) user = find_user("nobody");
  }
  if (!user) {
    return Error::system(Code::NotFound, "no user to run PostgreSQL as, since it refuses root: {}", place.data.string())
        .retry(Retry::Never)
        .hint("make a user named postgres, or give the data folder to a user that exists, or run Weir as a plain user");
  }
  place.user = user->name;
  place.uid = user->uid;
  place.gid = user->gid;
  return {};
}

// A pointer that was copied along with a project's folder must not make two projects share one database: the data folder
// names its project, too.
Result<void> check_owner_of(const path& data, const path& pointer) {
  const auto note = data.parent_path() / "project";
  const auto owner = read_file(note);
  std::error_code error;
  const auto ours = std::filesystem::canonical(pointer.parent_path(), error).string();
  if (owner.ok() && *owner == ours) return {};
  const auto theirs = owner.ok() ? read_file(path{*owner} / pointer.filename()) : Result<std::string>{""};
  if (theirs.ok() && *theirs == data.string()) {
    return Error::user(Code::Conflict, "the database of this project belongs to another one, of which it is a copy: {}",
                       *owner)
        .hint(fmt::format("remove {} to begin with an empty database", pointer.string()));
  }
  return write_file(note, ours);
}

Result<path> shared_data_folder(const StartRequest& request) {
  std::error_code error;
  const auto services = std::filesystem::canonical(request.paths.folder, error);
  if (error) return Error::from_errno(error.value(), fmt::format("finding folder: {}", request.paths.folder.string()));
  const auto folder = path{kSharedRoot} / path_hash(services);
  WEIR_TRY(make_folder(folder));
  // Passable whatever our umask: the user that PostgreSQL runs as has to get through.
  for (const auto& passed : {path{kSharedRoot}, folder}) {
    std::filesystem::permissions(passed, std::filesystem::perms{0711}, std::filesystem::perm_options::add, error);
    if (error) return Error::from_errno(error.value(), fmt::format("opening folder: {}", passed.string()));
  }
  WEIR_TRY(write_file(folder / "project", services.string()));
  return folder / request.spec.name;
}

Result<void> run(const ProcessSpec& spec, const StartRequest& request) {
  std::error_code missing;
  const auto log_start = std::filesystem::file_size(request.paths.log, missing);
  auto process = WEIR_TRY(Process::spawn(spec));
  const StopEvent stopped{request.stop};
  const auto first = wait_readable({process.descriptor(), stopped.descriptor()}, kProgramTimeMax);
  const auto program = spec.program.filename().string();
  if (!first) return Error::system(Code::TimedOut, "{} of service {} takes too long", program, request.spec.name);
  if (*first == 1) return Error::cancelled();
  const auto status = process.wait();
  if (status.ok()) return {};
  const auto tail = log_tail(request.paths.log, missing ? 0 : log_start);
  const bool full = tail.find("No space left") != std::string::npos;
  return Error::system(full ? Code::ResourceExhausted : Code::Unavailable, "{} of service {} failed: {}: {}", program,
                       request.spec.name, status.text(), tail)
      .hint(full ? "free some space on that disk, then retry" : fmt::format("see {}", request.paths.log.string()));
}

ProcessSpec program_of(const PostgresPlace& place, const path& program, int log) {
  ProcessSpec spec;
  spec.program = program;
  spec.user = place.user;
  spec.folder = "/";
  spec.stdout_fd = log;
  spec.stderr_fd = log;
  return spec;
}

// A file without a name, for handing over a secret: the child opens it as /proc/self/fd/N, whatever its user.
Result<Descriptor> memory_file(std::string_view text) {
  Descriptor file{::memfd_create("weir", MFD_CLOEXEC)};
  if (!file) return Error::from_errno(errno, "making a memory file");
  WEIR_TRY(write_all(file.get(), text, "writing a memory file"));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

// In single-user mode, which needs no password and nothing but the server's own program. It runs without fsync: who
// calls it syncs afterwards.
Result<void> run_statement(const StartRequest& request, const PostgresPlace& place, const path& data,
                           const PostgresInstallation& installation, const std::string& statement, int log) {
  const auto input = WEIR_TRY(memory_file(statement + "\n"));
  auto spec = program_of(place, installation.folder / "postgres", log);
  // A statement is a line. A failed one is a failure, and its text stays out of the log: it may hold a password.
  spec.arguments = {
      "--single", "-F", "-D", data.string(), "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic",
      "postgres"};
  spec.inherited = {{input.get(), 0}};
  return run(spec, request);
}

// One call for the thousand files of a new cluster: initdb's own way, one fsync each, takes seconds.
Result<void> sync_filesystem_of(const path& folder) {
  const Descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!opened || ::syncfs(opened.get()) != 0)
    return Error::from_errno(errno, fmt::format("syncing: {}", folder.string()));
  return {};
}

// Replaces a file of the data folder. The folder belongs to a user with fewer rights than ours, so nothing in it is
// followed: neither a link in place of the file nor one in place of its successor.
Result<void> replace_file(const path& data, const PostgresPlace& place, const char* name, std::string_view text) {
  const auto doing = fmt::format("writing file: {}", (data / name).string());
  const Descriptor folder{::open(data.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return Error::from_errno(errno, doing);
  constexpr const char* kSuccessor = "weir.new";
  ::unlinkat(folder.get(), kSuccessor, 0);
  const Descriptor file{::openat(folder.get(), kSuccessor, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file) return Error::from_errno(errno, doing);
  WEIR_TRY(write_all(file.get(), text, doing));
  if (::fchown(file.get(), place.uid, place.gid) != 0 || ::fsync(file.get()) != 0 ||
      ::renameat(folder.get(), kSuccessor, folder.get(), name) != 0) {
    return Error::from_errno(errno, doing);
  }
  return {};
}

std::uint64_t memory_bytes() {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  auto bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  // A container's limit: "max" or a number.
  if (const auto limit = read_file("/sys/fs/cgroup/memory.max"); limit.ok()) {
    std::uint64_t limit_bytes = 0;
    const auto parsed = std::from_chars(limit->data(), limit->data() + limit->size(), limit_bytes);
    if (parsed.ec == std::errc{}) bytes = std::min(bytes, limit_bytes);
  }
  return bytes;
}

SharedMemory shared_memory() {
  constexpr const char* kFolder = "/dev/shm";
  // Containers get 64 MB of it, in which parallel queries fail. A bare chroot has a folder that only root may write, in
  // which a server of another user does not even start.
  constexpr std::uintmax_t kEnough = std::uintmax_t{1} << 30;
  struct stat status {};
  if (::stat(kFolder, &status) != 0 || (status.st_mode & S_IWOTH) == 0) return SharedMemory::Scarce;
  std::error_code missing;
  const auto space = std::filesystem::space(kFolder, missing);
  return !missing && space.capacity >= kEnough ? SharedMemory::Ample : SharedMemory::Scarce;
}

}  // namespace

std::string quote_identifier(const std::string& name) {
  std::string quoted = "\"";
  for (const char letter : name) quoted += letter == '"' ? std::string{"\"\""} : std::string{letter};
  return quoted + "\"";
}

Result<PostgresPlace> place_postgres(const StartRequest& request) {
  const auto& paths = request.paths;
  const bool root = ::geteuid() == 0;
  PostgresPlace place;
  place.uid = ::geteuid();
  place.gid = ::getegid();
  place.data = paths.data;

  const auto pointer = read_file(paths.pointer);
  if (pointer.ok()) {
    place.data = *pointer;
    place.data_major = WEIR_TRY(data_version(place.data));
    if (place.data_major == 0) {
      return Error::system(Code::NotFound, "the data of service {} is gone: {}", request.spec.name, place.data.string())
          .retry(Retry::Never)
          .hint(
              fmt::format("restore that folder, or remove {} to begin with an empty database", paths.pointer.string()));
    }
    WEIR_TRY(check_owner_of(place.data, paths.pointer));
    if (root) WEIR_TRY(choose_user(place));
    return place;
  }

  place.data_major = WEIR_TRY(data_version(place.data));
  if (!root) return place;
  WEIR_TRY(choose_user(place));
  if (can_enter(paths.folder, place.uid, place.gid)) return place;
  if (place.data_major != 0) {
    return Error::system(Code::AccessDenied, "user {} cannot enter the folder of its data: {}", place.user,
                         place.data.string())
        .retry(Retry::Never)
        .hint("give that user the right to enter (chmod o+x) the project's folder and those above it");
  }
  place.data = WEIR_TRY(shared_data_folder(request));
  place.data_major = WEIR_TRY(data_version(place.data));
  return place;
}

Result<void> make_postgres_data(const StartRequest& request, const PostgresPlace& place,
                                const PostgresInstallation& installation, const Secret& password, int log) {
  auto fresh = place.data;
  fresh += ".new";
  std::error_code error;
  std::filesystem::remove_all(fresh, error);
  if (error) return Error::from_errno(error.value(), fmt::format("removing a half-made database: {}", fresh.string()));
  if (::mkdir(fresh.c_str(), 0700) != 0)
    return Error::from_errno(errno, fmt::format("making folder: {}", fresh.string()));
  if (!place.user.empty() && ::chown(fresh.c_str(), place.uid, place.gid) != 0) {
    return Error::from_errno(errno, fmt::format("giving folder to user {}: {}", place.user, fresh.string()));
  }

  const auto password_file = WEIR_TRY(memory_file(password.reveal() + "\n"));
  constexpr int kPasswordDescriptor = 3;
  auto spec = program_of(place, installation.folder / "initdb", log);
  // Texts sort by code point, the same on every machine and as in ClickHouse, and an upgrade of the operating system
  // cannot change the order under an index; upper() and lower() know all of Unicode. C rather than C.UTF-8 for the order:
  // the same one, but PostgreSQL then compares bytes itself, which halves the time of sorts.
  spec.arguments = {"--pgdata=" + fresh.string(),
                    "--username=weir",
                    fmt::format("--pwfile=/proc/self/fd/{}", kPasswordDescriptor),
                    "--auth-local=scram-sha-256",
                    "--auth-host=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--lc-collate=C",
                    "--data-checksums",
                    "--no-sync"};
  spec.inherited = {{password_file.get(), kPasswordDescriptor}};
  WEIR_TRY(run(spec, request));

  const auto settings = WEIR_TRY(read_file(fresh / "postgresql.conf"));
  // At its end, since initdb writes settings of its own.
  WEIR_TRY(replace_file(fresh, place, "postgresql.conf",
                        settings + "\n# Weir's settings, rewritten at every start.\ninclude_if_exists = 'weir.conf'\n"
                                   "# Yours, which win over them (so does ALTER SYSTEM):\n"));
  if (request.spec.name != "postgres") {
    WEIR_TRY(run_statement(request, place, fresh, installation,
                           "CREATE DATABASE " + quote_identifier(request.spec.name), log));
  }
  WEIR_TRY(sync_filesystem_of(fresh));
  std::filesystem::rename(fresh, place.data, error);
  if (error) return Error::from_errno(error.value(), fmt::format("renaming folder: {}", fresh.string()));
  return sync_filesystem_of(place.data);
}

Result<void> reset_postgres_password(const StartRequest& request, const PostgresPlace& place,
                                     const PostgresInstallation& installation, const Secret& password, int log) {
  // The password is of letters and digits; single-user mode does not write statements to the log.
  WEIR_TRY(run_statement(request, place, place.data, installation,
                         fmt::format("ALTER ROLE weir PASSWORD '{}'", password.reveal()), log));
  return sync_filesystem_of(place.data);
}

std::string postgres_configuration(const Machine& machine) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  const auto share = [&](std::uint64_t divisor, std::uint64_t least, std::uint64_t most) {
    return std::clamp(machine.memory_bytes / divisor / kMiB, least, most);
  };
  std::string text = "# Written by Weir at every start: change postgresql.conf or use ALTER SYSTEM instead.\n";
  const auto set = [&](std::string_view key, std::string_view value) { text += fmt::format("{} = {}\n", key, value); };
  // A pipeline's local database: a few sessions, each loading or aggregating a lot.
  set("shared_buffers", fmt::format("{}MB", share(8, 64, 1024)));
  set("effective_cache_size", fmt::format("{}MB", share(2, 128, 65536)));
  set("work_mem", fmt::format("{}MB", share(128, 8, 64)));
  set("maintenance_work_mem", fmt::format("{}MB", share(16, 64, 512)));
  set("max_connections", "100");
  // A load of some gigabytes between two checkpoints, and segments that are reused rather than made anew.
  set("max_wal_size", "'4GB'");
  set("min_wal_size", "'512MB'");
  set("checkpoint_completion_target", "0.9");
  set("wal_buffers", "'16MB'");
  // What was committed stays committed: the ledger relies on it.
  set("fsync", "on");
  set("synchronous_commit", "on");
  set("full_page_writes", "on");
  // Change data capture works without a restart.
  set("wal_level", "logical");
  set("max_replication_slots", "64");
  set("max_wal_senders", "64");
  // A subscriber of several publishers, that tries again at once and tells at once how far it is: seconds are long in a run.
  set("max_worker_processes", "72");
  set("max_logical_replication_workers", "64");  // one for each subscription, and its copies: it waits in silence without
  set("max_sync_workers_per_subscription", "8");  // many small tables are copied side by side
  set("wal_retrieve_retry_interval", "'500ms'");
  set("wal_receiver_status_interval", "'1s'");
  set("random_page_cost", "1.1");
  // The cores are there for the one query that runs, a process each: the defaults assume many sessions that share them.
  set("max_parallel_workers_per_gather", fmt::format("{}", std::clamp(machine.cores, 1U, 9U) - 1));
  set("parallel_setup_cost", "100");
  set("parallel_tuple_cost", "0.01");
  set("jit", "off");  // compiling costs more than it saves in queries of some seconds
  set("dynamic_shared_memory_type", machine.shared_memory == SharedMemory::Ample ? "posix" : "sysv");
  set("timezone", "'UTC'");
  set("log_timezone", "'UTC'");
  set("log_line_prefix", "'%m [%p] %q%u@%d '");
  set("unix_socket_permissions", "0700");
  return text;
}

Result<void> configure_postgres(const PostgresPlace& place) {
  const auto text = postgres_configuration({memory_bytes(), std::thread::hardware_concurrency(), shared_memory()});
  const auto present = read_file(place.data / "weir.conf");
  if (present.ok() && *present == text) return {};
  return replace_file(place.data, place, "weir.conf", text);
}

}  // namespace weir::services
