#include "models/config.hpp"

#include <algorithm>
#include <array>

#include "models/properties.hpp"
#include "project/nearest.hpp"

namespace weir::models {

namespace {

constexpr std::array<std::string_view, 5> kMaterialized{"view", "table", "incremental", "materialized_view",
                                                        "ephemeral"};
constexpr std::array<std::string_view, 3> kStrategies{"append", "delete+insert", "merge"};
constexpr std::array<std::string_view, 3> kSchemaChanges{"ignore", "fail", "append_new_columns"};

std::string config_key(std::string_view key) {
  std::string name(key.starts_with('+') ? key.substr(1) : key);
  std::ranges::replace(name, '-', '_');
  return name;
}

bool adds_up(std::string_view key) { return key == "tags" || key == "pre_hook" || key == "post_hook"; }

// Folders are objects under keys without a plus; everything else at a level is configuration.
void take_level(Json& config, const Json& level) {
  for (const auto& [key, value] : level.items()) {
    if (key.starts_with('+') || !value.is_object()) merge_config(config, {{key, value}});
  }
}

void walk(Json& config, const Json& level, std::string_view rest) {
  take_level(config, level);
  if (rest.empty()) return;
  const auto slash = rest.find('/');
  const auto found = level.find(rest.substr(0, slash));
  if (found == level.end() || !found->is_object()) return;
  walk(config, *found, slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1));
}

Error mistake(std::string message, std::string hint) {
  return Error(Fault::User, Code::InvalidProject, std::move(message)).hint(std::move(hint));
}

template <std::size_t Count>
void check_choice(std::vector<Error>& mistakes, const Json& config, std::string_view key,
                  const std::array<std::string_view, Count>& choices, std::string_view value) {
  if (!config.contains(key) || std::ranges::find(choices, value) != choices.end()) return;
  mistakes.push_back(mistake(fmt::format("{} cannot be: {}", key, value), project::suggestion(value, choices)));
}

}  // namespace

Json config_by_folder(const Json& tree, std::string_view project_name, std::string_view path) {
  Json config = Json::object();
  if (!tree.is_object()) return config;
  if (path.ends_with(".sql") || path.ends_with(".csv")) path.remove_suffix(4);
  walk(config, tree, path);
  if (const auto own = tree.find(project_name); own != tree.end() && own->is_object()) walk(config, *own, path);
  return config;
}

void merge_config(Json& config, const Json& more) {
  for (const auto& [written, value] : more.items()) {
    const auto key = config_key(written);
    if (!adds_up(key)) {
      config[key] = value;
      continue;
    }
    auto& list = config[key];
    if (!list.is_array()) list = Json::array();
    for (const auto& text : text_list(value)) {
      if (key != "tags" || std::ranges::find(list, Json(text)) == list.end()) list.push_back(text);
    }
  }
}

bool is_enabled(const Json& config) {
  const auto found = config.find("enabled");
  return found == config.end() || !(*found == false || *found == "false");
}

std::optional<Materialisation> parse_materialized(std::string_view text) {
  using flow::Materialized;
  if (text.empty() || text == "view") return Materialisation{Materialized::View};
  if (text == "table") return Materialisation{Materialized::Table};
  if (text == "incremental") return Materialisation{Materialized::Incremental};
  if (text == "materialized_view") return Materialisation{Materialized::MaterializedView};
  if (text == "ephemeral") return Materialisation{Materialized::View, Ephemeral::Yes};
  return std::nullopt;
}

bool is_ephemeral(const Node& node) {
  return node.kind == NodeKind::Model && text_of(node.config, "materialized") == "ephemeral";
}

std::string_view materialization(const Node& node) {
  if (is_ephemeral(node)) return "ephemeral";
  switch (node.materialized) {
    case flow::Materialized::View: return "view";
    case flow::Materialized::Table: return "table";
    case flow::Materialized::Incremental: return "incremental";
    case flow::Materialized::MaterializedView: return "materialized view";
  }
  return {};
}

std::vector<Error> check_config(const Json& config, const flow::Dialect& dialect) {
  std::vector<Error> mistakes;
  check_choice(mistakes, config, "materialized", kMaterialized, text_of(config, "materialized"));
  const auto strategy = incremental_strategy(config);
  check_choice(mistakes, config, "incremental_strategy", kStrategies, strategy.empty() ? "append" : strategy);
  check_choice(mistakes, config, "on_schema_change", kSchemaChanges, text_of(config, "on_schema_change"));
  if ((strategy == "merge" || strategy == "delete+insert") && text_list(config.value("unique_key", Json())).empty()) {
    mistakes.push_back(
        mistake("incremental_strategy needs a unique_key: " + strategy, "add unique_key to the model's config"));
  }
  if (strategy == "merge" && dialect.name() != "postgres") {
    mistakes.push_back(mistake("incremental_strategy merge is not for this database: " + std::string(dialect.name()),
                               "use delete+insert, which leaves the same rows"));
  }
  return mistakes;
}

std::string incremental_strategy(const Json& config) {
  auto strategy = text_of(config, "incremental_strategy");
  if (strategy == "default") return {};
  // dbt-clickhouse's spelling.
  if (strategy == "delete_insert") return "delete+insert";
  return strategy;
}

SchemaChange schema_change(const Json& config) {
  const auto text = text_of(config, "on_schema_change");
  if (text == "fail") return SchemaChange::Fail;
  return text == "append_new_columns" ? SchemaChange::AppendNewColumns : SchemaChange::Ignore;
}

}  // namespace weir::models
