#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/scheduler.hpp"
#include "flow/connector.hpp"
#include "ledger/history.hpp"
#include "ledger/schedule_book.hpp"
#include "services/service.hpp"
#include "web/gate.hpp"
#include "web/lineage.hpp"
#include "web/live_changes.hpp"
#include "web/queries.hpp"
#include "web/route.hpp"
#include "web/secrets.hpp"

namespace weir::web {

// What the routes work with; lives as long as the server. Everything in it may be used from any thread.
struct Api {
  engine::Scheduler& scheduler;
  services::Supervisor& supervisor;
  const flow::Registry& registry;
  ledger::History& history;
  ledger::ScheduleBook& book;  // of a ledger that is opened to read
  ledger::AccessStore& access;
  Gate& gate;
  SecretFilter& secrets;
  LiveChanges& live;
  Versions& versions;
  Queries& queries;
  std::filesystem::path state_folder;  // <project>/.weir
  std::string weir_version;
  Json settings;  // what the server runs with, for /settings

  std::shared_ptr<const engine::ProjectVersion> version() const { return scheduler.version(); }
  Instant now() const { return gate.clock().now(); }
  // NotFound, with the nearest name.
  Result<const project::Pipeline*> pipeline(const engine::ProjectVersion& version, const std::string& name) const;
  // NotFound for an id that the ledger does not know.
  Result<ledger::RunRecord> run(const std::string& id) const;
};

// The routes by what they are about, one file each.
std::vector<Route> overview_routes(const Api& api);
std::vector<Route> pipeline_routes(const Api& api);
std::vector<Route> backfill_routes(const Api& api);
std::vector<Route> run_routes(const Api& api);
std::vector<Route> log_routes(const Api& api);
std::vector<Route> table_routes(const Api& api);
std::vector<Route> connection_routes(const Api& api);
std::vector<Route> query_routes(const Api& api);
std::vector<Route> session_routes(const Api& api);
std::vector<Route> access_routes(const Api& api);
std::vector<Route> event_routes(const Api& api);

// All of them.
std::vector<Route> all_routes(const Api& api);

}  // namespace weir::web
