#include "engine/dbt_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace weir::engine {
namespace {

std::string plain(const std::string& folder) {
  auto path = std::filesystem::path{folder}.lexically_normal().generic_string();
  while (path.ends_with('/')) path.pop_back();
  return path == "." ? std::string{} : path;
}

bool is_own(const project::Project& project, const Settings& settings) {
  return project.dbt && plain(settings.text("project")) == project.dbt->folder;
}

std::string table_of(const models::Node& node) { return fmt::format("{}.{}", node.connection, node.target.name); }

bool builds_tables(std::string_view command) { return command == "build" || command == "run" || command == "seed"; }

}  // namespace

Settings complete_dbt_settings(const project::Project& project, const Settings& settings) {
  auto values = settings.values();
  if (!settings.has("connection")) values["connection"] = project.model_connection;
  if (!settings.has("project"))
    values["project"] = project.dbt && !project.dbt->folder.empty() ? project.dbt->folder : ".";
  Settings completed{values};
  if (!is_own(project, completed)) return completed;
  auto vars = project.vars;
  if (settings.has("vars")) vars.update(settings.json("vars"));
  if (!vars.empty()) values["vars"] = std::move(vars);
  return Settings{std::move(values)};
}

DbtLineage dbt_lineage(const project::Project& project, const models::Graph& graph, const Settings& completed) {
  DbtLineage lineage;
  if (!is_own(project, completed) || !builds_tables(completed.text("command"))) return lineage;
  // dbt knows more selectors than Weir does: what it selects with one of those is told after it has run.
  const auto chosen = models::select(graph, completed.text("select"), completed.text("exclude"));
  if (!chosen.ok()) return lineage;
  std::set<std::string> built;
  for (const auto* node : *chosen) {
    const bool is_seed = node->config.contains("seed");
    if (node->kind == models::NodeKind::Test || node->connection != completed.text("connection")) continue;
    if ((completed.text("command") == "run" && is_seed) || (completed.text("command") == "seed" && !is_seed)) continue;
    built.insert(node->name);
    lineage.writes.push_back(table_of(*node));
  }
  const auto add = [&](std::string table) {
    if (std::ranges::find(lineage.reads, table) == lineage.reads.end()) lineage.reads.push_back(std::move(table));
  };
  for (const auto* node : *chosen) {
    if (!built.contains(node->name)) continue;
    for (const auto& [name, relation] : node->sources) add(fmt::format("{}.{}", node->connection, relation.name));
    for (const auto& parent : node->depends_on) {
      const auto* model = graph.find(parent);
      if (model != nullptr && !built.contains(parent)) add(table_of(*model));
    }
  }
  return lineage;
}

}  // namespace weir::engine
