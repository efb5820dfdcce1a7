#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

// The databases that Weir runs itself: the warehouse (libchdb in a `weir warehouse` process) and PostgreSQL.
namespace weir::services {

enum class ServiceKind { Warehouse, Postgres };
enum class ServiceState { Stopped, Starting, Running, Failed };

// A managed service is one connection of the project with `managed: true`; its name is the connection's.
struct ServiceSpec {
  ServiceKind kind = ServiceKind::Warehouse;
  std::string name;
  std::filesystem::path state_folder;  // <project>/.weir
  std::filesystem::path weir_binary;   // for `weir warehouse` and `weir services keep`; absolute
  Json settings = Json::object();      // port and friends from the connection
};

// How to reach a running service. Written to .weir/services/<name>.json (0600), so that other processes share it.
struct ServiceAddress {
  std::string unix_socket;  // the warehouse's socket file; for PostgreSQL the folder that holds it
  std::string host = "127.0.0.1";
  int port = 0;
  std::string user;
  Secret password;
  std::string database;
};

struct ServiceStatus {
  std::string name;
  ServiceKind kind = ServiceKind::Warehouse;
  ServiceState state = ServiceState::Stopped;
  int pid = 0;
  std::filesystem::path data_folder;
  std::optional<ServiceAddress> address;
  std::string detail;  // why it is not running
};

// Where a service writes what it has to say.
std::filesystem::path log_file(const std::filesystem::path& state_folder, std::string_view name);

// Starts, shares, watches and stops the managed services of one project. Thread-safe.
class Supervisor {
 public:
  // Services that this supervisor starts stop with it (and die with its process); with Detached they outlive it: a
  // keeper process owns them (`weir services keep`, whose body is keep_service() in keeper.hpp) until stop().
  enum class Lifetime { WithSupervisor, Detached };
  static std::unique_ptr<Supervisor> create(std::vector<ServiceSpec> specs, Lifetime lifetime, Log& log);
  virtual ~Supervisor() = default;  // stops what it started, in reverse order

  // Takes on the services that it does not know by name yet: the project has changed.
  virtual void know(std::vector<ServiceSpec> specs) = 0;
  // Running and answering, started when it was not; a service that another process started is shared. Idempotent.
  virtual Result<ServiceAddress> ensure(const std::string& name, std::stop_token stop) = 0;
  // Starts several at once.
  virtual Result<void> ensure_all(std::stop_token stop) = 0;
  virtual std::vector<ServiceStatus> status() = 0;
  // In order. A service that a keeper owns is stopped too; one that another Weir at work owns is a Conflict.
  virtual Result<void> stop(const std::string& name) = 0;
};

}  // namespace weir::services
