#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/replication_watch.hpp"
#include "engine/scheduler.hpp"
#include "flow/connector.hpp"
#include "net/http_server.hpp"
#include "services/service.hpp"
#include "web/open_lineage.hpp"
#include "web/password.hpp"

namespace weir::web {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8817;                      // 0: any free one
  std::optional<net::TlsFiles> tls;     // none: plain HTTP
  std::vector<std::string> host_names;  // further names by which browsers may call this server
  std::optional<OpenLineageTarget> open_lineage;
  HashCost hash_cost = HashCost::Usual;
};

// What the server shows and changes; all of it outlives the server.
struct ServerParts {
  engine::Scheduler& scheduler;
  services::Supervisor& supervisor;
  const flow::Registry& registry;
  engine::VersionSource source;
  std::filesystem::path state_folder;  // <project>/.weir, with a ledger in it
  std::string weir_version;
  const Clock& clock;
  std::function<std::vector<engine::WatchedSource>()> replications = {};  // what is watched; none without it
};

// The REST API, the live events, the UI and the metrics of one project, on one port.
class Server {
 public:
  // Listens when it returns. InvalidArgument for an address that others can reach while no user exists: whoever comes
  // first would be admin.
  static Result<std::unique_ptr<Server>> start(const ServerParts& parts, const ServerOptions& options);
  virtual ~Server() = default;  // stop()

  virtual int port() const = 0;
  // "http://127.0.0.1:8817"
  virtual std::string address() const = 0;
  // Closes the scheduler's feed, so that streams end, and gives other requests a moment. Idempotent.
  virtual void stop() = 0;
};

}  // namespace weir::web
