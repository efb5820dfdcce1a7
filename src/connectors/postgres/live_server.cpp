#include "connectors/postgres/live_server.hpp"

#include <gtest/gtest.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace weir::postgres::live {
namespace {

constexpr auto kPrograms = "/usr/lib/postgresql/15/bin/";

pid_t spawn(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const auto& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: what execve takes
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
  if (std::getenv("WEIR_TEST_VERBOSE") == nullptr)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
  pid_t pid = -1;
  posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// PostgreSQL refuses to run as root, so root's tests run it as the user that Debian's package made.
std::vector<std::string> as_server_user(std::vector<std::string> arguments) {
  std::vector<std::string> command{"setpriv", "--pdeathsig", "KILL"};
  if (geteuid() == 0) command.insert(command.end(), {"--reuid", "postgres", "--regid", "postgres", "--clear-groups"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

class Server {
 public:
  Server() {
    std::string folder = "/tmp/weir-postgres-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) return;
    folder_ = folder;
    if (geteuid() == 0) {
      const auto* user = getpwnam("postgres");
      if (user == nullptr || chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) return;
    }
    int status = -1;
    const auto initdb = spawn(as_server_user({kPrograms + std::string{"initdb"}, "-D", folder + "/data", "-U", "weir",
                                              "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"}));
    waitpid(initdb, &status, 0);
    if (status != 0) return;
    process_ = spawn(as_server_user({kPrograms + std::string{"postgres"}, "-D", folder + "/data", "-k", folder, "-c",
                                     "listen_addresses=", "-c", "fsync=off", "-c", "wal_level=logical", "-c",
                                     "max_connections=50"}));
    endpoint_ = {.folder = folder, .port = 5432};
    wait_until_ready();
  }

  ~Server() {
    if (process_ > 0) {
      kill(process_, SIGINT);  // fast shutdown
      waitpid(process_, nullptr, 0);
    }
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  const Endpoint* endpoint() const { return ready_ ? &endpoint_ : nullptr; }

 private:
  void wait_until_ready() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!ready_ && std::chrono::steady_clock::now() < deadline) {
      ready_ = Connection::open(*address_from(settings(endpoint_)), {}).ok();
      if (!ready_) std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  std::filesystem::path folder_;
  pid_t process_ = -1;
  Endpoint endpoint_;
  bool ready_ = false;
};

}  // namespace

const Endpoint* server() {
  static const Server kServer;
  return kServer.endpoint();
}

Settings settings(const Endpoint& endpoint) {
  return Settings{Json{{"host", endpoint.folder},
                       {"port", endpoint.port},
                       {"user", "weir"},
                       {"database", "postgres"},
                       {"schema", "public"}}};
}

flow::OpenContext context(const Endpoint& endpoint) {
  flow::OpenContext context;
  context.connection = {.name = "shop", .type = "postgres", .settings = settings(endpoint)};
  return context;
}

Connection connect() {
  auto connection = Connection::open(*address_from(settings(*server())), {});
  EXPECT_TRUE(connection.ok()) << connection.error().text();
  return std::move(connection).value();
}

Table run(Connection& connection, const std::string& sql) {
  auto outcome = connection.run(sql, {});
  EXPECT_TRUE(outcome.ok()) << sql << "\n" << (outcome.ok() ? "" : outcome.error().text());
  Table table;
  if (!outcome.ok() || !outcome->rows) return table;
  const auto& rows = *outcome->rows;
  for (int row = 0; row < rows.rows(); ++row) {
    auto& cells = table.emplace_back();
    for (int column = 0; column < rows.columns(); ++column) {
      cells.push_back(rows.is_null(row, column) ? Cell{} : Cell{rows.text(row, column)});
    }
  }
  return table;
}

Table run(const std::string& sql) {
  auto connection = connect();
  return run(connection, sql);
}

std::string value(const std::string& sql) {
  const auto table = run(sql);
  if (table.size() != 1 || table[0].empty()) return "(not one row)";
  return table[0][0].value_or("(null)");
}

Roles open_roles(const Endpoint& endpoint) {
  const auto connector = postgres_connector();
  const auto opened = context(endpoint);
  return {connector.open_source(opened).value(), connector.open_sink(opened).value(),
          connector.open_database(opened).value()};
}

}  // namespace weir::postgres::live
