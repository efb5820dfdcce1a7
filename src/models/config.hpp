#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "flow/database.hpp"
#include "models/models.hpp"

// A model's configuration: from weir.yml by folder, then from its properties, then from config() in its file; later
// ones win, tags and hooks add up.
namespace weir::models {

// The part of a `models:` tree that applies to a file, by its path below the models' folder ("staging/orders.sql"). Keys with a plus, and keys
// without one whose value is no folder, are configuration; a first level named like the project may be there, as in dbt.
Json config_by_folder(const Json& tree, std::string_view project_name, std::string_view path);

// Adds `more` to `config`: keys lose their plus and dashes become underscores ("+pre-hook" is pre_hook).
void merge_config(Json& config, const Json& more);

bool is_enabled(const Json& config);

enum class Ephemeral { No, Yes };
struct Materialisation {
  flow::Materialized materialized = flow::Materialized::View;
  Ephemeral ephemeral = Ephemeral::No;
};
std::optional<Materialisation> parse_materialized(std::string_view text);
bool is_ephemeral(const Node& node);

// What is wrong with a model's configuration on this dialect; each error's context is empty, its place for the caller.
std::vector<Error> check_config(const Json& config, const flow::Dialect& dialect);

// "merge", "append", "delete+insert", or "" for the dialect's default.
std::string incremental_strategy(const Json& config);

enum class SchemaChange { Ignore, Fail, AppendNewColumns };
SchemaChange schema_change(const Json& config);

}  // namespace weir::models
