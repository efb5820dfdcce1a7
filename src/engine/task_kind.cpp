#include "engine/task_kind.hpp"

#include <algorithm>
#include <vector>

#include "engine/connections.hpp"
#include "engine/kinds.hpp"
#include "engine/parquet.hpp"
#include "engine/render.hpp"

namespace weir::engine {
namespace {

struct Opening {
  const flow::Connector* connector;
  flow::OpenContext context;
};

// Files in some formats, also those of an API, are read and written by another connection of the step.
Settings with_reachable(const Settings& settings, const WorkOrder& order) {
  auto values = settings.values();
  auto& reachable = values[std::string{kReachableConnections}];
  for (const auto& [name, connection] : order.connections) {
    reachable[name] = {{"type", connection.type}, {"settings", connection.settings.values()}};
  }
  return Settings{std::move(values)};
}

Result<Opening> find_connection(TaskContext& task, std::string_view name) {
  const auto found = task.order().connections.find(std::string{name});
  if (found == task.order().connections.end()) return Error::bug("the work order lacks the connection: {}", name);
  const auto* connector = task.registry().find(found->second.type);
  if (connector == nullptr) return Error::bug("no connector of type: {}", found->second.type);
  auto connection = found->second;
  if (connection.type == kFilesConnection || connection.type == "http")
    connection.settings = with_reachable(connection.settings, task.order());
  const auto files = task.order().project_folder / "files";
  flow::OpenContext context{
      .connection = std::move(connection), .project_folder = task.order().project_folder, .log = &task.log()};
  if (!task.order().run.empty()) context.run_folder = files / task.order().run.text();
  if (!task.order().replay.empty()) context.replay_folder = files / task.order().replay / "recordings";
  return Opening{connector, std::move(context)};
}

Error lacks_role(const Opening& opening, std::string_view what) {
  return Error::user(Code::Unsupported, "connection {} is of type {}, which {}", opening.context.connection.name,
                     opening.connector->name, what);
}

}  // namespace

Result<std::unique_ptr<flow::Source>> TaskContext::open_source(std::string_view connection, Reading reading) {
  auto opening = WEIR_TRY(find_connection(*this, connection));
  // Whoever reads anew in this run shares that second reading.
  if (reading == Reading::Anew && !opening.context.run_folder.empty()) opening.context.run_folder /= "anew";
  if (!opening.connector->open_source) return lacks_role(opening, "cannot be read from");
  return opening.connector->open_source(opening.context);
}

Result<std::unique_ptr<flow::Sink>> TaskContext::open_sink(std::string_view connection) {
  const auto opening = WEIR_TRY(find_connection(*this, connection));
  if (!opening.connector->open_sink) return lacks_role(opening, "cannot be written to");
  return opening.connector->open_sink(opening.context);
}

Result<std::unique_ptr<flow::Database>> TaskContext::open_database(std::string_view connection) {
  const auto opening = WEIR_TRY(find_connection(*this, connection));
  if (!opening.connector->open_database) return lacks_role(opening, "does not run SQL");
  return opening.connector->open_database(opening.context);
}

Result<std::unique_ptr<flow::Replication>> TaskContext::open_replication(std::string_view source,
                                                                         std::string_view target) {
  const auto from = WEIR_TRY(find_connection(*this, source));
  const auto to = WEIR_TRY(find_connection(*this, target));
  if (!to.connector->open_replication) return lacks_role(to, "takes no replication");
  return to.connector->open_replication({from.connector, from.context}, to.context);
}

std::span<const TaskKind> task_kinds() {
  static const std::vector<TaskKind> kKinds{generate_kind(), copy_kind(),      sql_kind(),       model_kind(),
                                            check_kind(),    reconcile_kind(), replicate_kind(), command_kind(),
                                            dbt_kind(),      wait_kind(),      pipeline_kind()};
  return kKinds;
}

const TaskKind* find_task_kind(std::string_view name) {
  const auto kinds = task_kinds();
  const auto found = std::ranges::find(kinds, name, &TaskKind::name);
  return found == kinds.end() ? nullptr : &*found;
}

Place TaskPlace::place_of(const std::string& setting) const {
  return task.places.empty() ? task.place : engine::place_of(setting, task.places);
}

TaskFindings check_tasks(const project::Project& project, const flow::Registry& registry) {
  TaskFindings findings;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& task : pipeline.tasks) {
      const auto* kind = find_task_kind(task.kind);
      if (kind != nullptr && kind->check) kind->check({project, registry, task}, findings);
    }
  }
  return findings;
}

}  // namespace weir::engine
