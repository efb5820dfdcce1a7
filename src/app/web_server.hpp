#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/scheduler.hpp"
#include "web/server.hpp"

namespace weir::app {

// What `weir serve` takes for its web server.
struct WebOptions {
  std::string bind = "127.0.0.1";
  int port = 8817;
  std::string tls_certificate;
  std::string tls_key;
  std::vector<std::string> host_names;
  std::string open_lineage;  // a file or an address; "" is none
};
void add_web_options(CLI::App& verb, WebOptions& options);

// Starts it on a scheduler that serves the project of `source`. The supervisor and the scheduler outlive it.
Result<std::unique_ptr<web::Server>> start_web_server(engine::Scheduler& scheduler, services::Supervisor& supervisor,
                                                      const engine::ReplicationWatch& watch,
                                                      const engine::VersionSource& source, const WebOptions& options);

}  // namespace weir::app
