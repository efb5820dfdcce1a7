#pragma once

#include <map>
#include <string>
#include <string_view>

#include "flow/connector.hpp"
#include "models/models.hpp"
#include "project/project.hpp"
#include "services/service.hpp"

namespace weir::engine {

// The implicit connection of file paths: "files/a.csv" is read through it.
inline constexpr std::string_view kFilesConnection = "files";

// Turns the project's connections into ones that can be opened: templates rendered from the environment, the addresses of
// managed services filled in. Thread-safe.
class Connections {
 public:
  Connections(const project::Project& project, const flow::Registry& registry, services::Supervisor& supervisor)
      : project_(project), registry_(registry), supervisor_(supervisor) {}

  // Starts the managed service behind it when it does not run. A missing environment variable is the user's mistake, named.
  Result<flow::Connection> resolve(std::string_view name, std::stop_token stop) const;
  // Whether resolving may have to start a service first.
  bool is_managed(std::string_view name) const;
  // The roles of a resolved connection, for verbs that work without a task child.
  Result<std::unique_ptr<flow::Database>> open_database(std::string_view name, std::stop_token stop, Log& log,
                                                        flow::Rights rights = flow::Rights::All) const;
  const project::Project& project() const { return project_; }

 private:
  const project::Project& project_;
  const flow::Registry& registry_;
  services::Supervisor& supervisor_;
};

// The managed connections as services; `weir_binary` runs the warehouse.
std::vector<services::ServiceSpec> managed_services(const project::Project& project,
                                                    const std::filesystem::path& weir_binary);

// What models need to know of the connections, without opening any.
models::Targets model_targets(const project::Project& project, const flow::Registry& registry);

}  // namespace weir::engine
