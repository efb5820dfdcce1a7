#include "warehouse/warehouse.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"
#include "net/http_server.hpp"
#include "warehouse/chdb.hpp"
#include "warehouse/engine.hpp"
#include "warehouse/http_interface.hpp"
#include "warehouse/query_log.hpp"

namespace weir::warehouse {
namespace {

constexpr int kCannotStart = 3;
// What running statements get to end by themselves after SIGTERM.
constexpr std::chrono::seconds kPatience{5};

// Everything that must hold before the library is loaded: its threads inherit it.
void prepare_process() {
  // A session of our own: SYSTEM SHUTDOWN signals the whole process group, and Ctrl-C on the parent's terminal is the
  // parent's to handle. Fails when we lead a group already, which is as good.
  ::setsid();
  ::signal(SIGPIPE, SIG_IGN);
  // The engine holds three descriptors a pool thread, and two a column of every open part.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

sigset_t stop_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  return signals;
}

// Held as long as the process lives. The engine has a lock of its own, but says "Cannot lock file" on stderr only.
Result<Descriptor> lock_folder(const std::filesystem::path& folder) {
  WEIR_TRY(make_folder(folder));
  const auto path = folder / "lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return Error::from_errno(errno, fmt::format("opening: {}", path.string()));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error::user(Code::Conflict, "another warehouse process has this data folder open: {}", folder.string())
        .hint("one process serves all: connect to its address, or stop it first");
  }
  return lock;
}

Result<Secret> read_password(const std::filesystem::path& file) {
  auto text = WEIR_TRY(read_file(file));
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.empty()) return Error::user(Code::InvalidArgument, "the password file is empty: {}", file.string());
  return Secret(std::move(text));
}

Result<void> announce(const WarehouseOptions& options, int port, const std::string& version) {
  const auto line =
      to_text(Json{{"port", port}, {"socket", options.unix_socket}, {"pid", ::getpid()}, {"version", version}});
  if (!options.ready_file.empty()) WEIR_TRY(write_file(options.ready_file, line + "\n"));
  if (options.ready_fd >= 0) {
    WEIR_TRY(write_all(options.ready_fd, line + "\n", "telling that the warehouse is ready"));
    ::close(options.ready_fd);
  }
  return {};
}

Result<void> serve(const WarehouseOptions& options) {
  const auto signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread: only sigwait below gets them
  prepare_process();
  const auto lock = WEIR_TRY(lock_folder(options.data_folder));
  InterfaceOptions interface_options;
  interface_options.scratch_folder = options.data_folder;
  interface_options.password = WEIR_TRY(read_password(options.password_file));
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  interface_options.statements_max = options.statements_max > 0 ? options.statements_max : std::max(8, 4 * cores);

  auto library = WEIR_TRY(Chdb::load(options.library.empty() ? Chdb::default_library() : options.library));
  auto arguments =
      WEIR_TRY(prepare_engine({options.data_folder, options.durability, options.memory_bytes_max, options.sources}));
  const auto engine = WEIR_TRY(Engine::open(std::move(library), std::move(arguments)));
  const auto log = WEIR_TRY(QueryLog::open(options.data_folder / "queries.jsonl"));
  HttpInterface interface(*engine, *log, std::move(interface_options));

  net::HttpServerOptions server_options;
  server_options.unix_socket = options.unix_socket;
  server_options.port = options.port;
  const auto server = WEIR_TRY(net::HttpServer::start(
      server_options,
      [&](net::IncomingRequest& request, net::ResponseWriter& response) { interface.handle(request, response); }));
  WEIR_TRY(announce(options, server->port(), engine->facts().version));

  int signal = 0;
  ::sigwait(&signals, &signal);
  server->stop(kPatience);
  if (!options.unix_socket.empty()) ::unlink(options.unix_socket.c_str());
  if (!options.ready_file.empty()) ::unlink(options.ready_file.c_str());
  // From here the destructors would run while the engine's threads do; the tables are on disk already.
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace

void run_warehouse(const WarehouseOptions& options) {
  const auto served = serve(options);
  fmt::print(stderr, "{}\n", served.error().explain());
  std::fflush(nullptr);
  ::_exit(served.error().code() == Code::InvalidArgument ? 2 : kCannotStart);
}

}  // namespace weir::warehouse
