#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// What dbt says about a run in its target folder: run_results.json (schema v6, https://schemas.getdbt.com/dbt/run-results/v6.json),
// sources.json (v3) for source freshness, and manifest.json (v12) for what the nodes are.
namespace weir::dbt {

enum class NodeState { Succeeded, Warned, Failed, Skipped };

struct NodeResult {
  std::string id;    // "model.shop.orders"
  std::string name;  // "orders"
  std::string kind;  // dbt's resource type: model, test, unit_test, seed, snapshot, source, operation
  NodeState state = NodeState::Succeeded;
  std::string status;  // dbt's own word: success, error, skipped, pass, fail, warn, runtime error
  double seconds = 0;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
  std::optional<std::uint64_t> rows;  // that the node wrote, where the adapter tells
  std::uint64_t failures = 0;         // rows that a test found
  std::string severity = "error";     // of a test: error, warn
  std::string message;
  std::string path;          // of its file, relative to the dbt project; "" is unknown
  std::string relation;      // `"db"."schema"."orders"` as SQL names it; "" for tests
  std::string compiled;      // the file with its SQL as it ran, relative to the target folder; "" if there is none
  std::string materialized;  // view, table, incremental, …
  std::vector<std::string> depends_on;  // names of nodes and sources ("raw.orders")

  bool is_test() const { return kind == "test" || kind == "unit_test" || kind == "source"; }
};

// In the order in which they ended. Empty when dbt wrote no results (it failed before, or its command has none).
// InvalidData when a file is there and cannot be read.
Result<std::vector<NodeResult>> read_results(const std::filesystem::path& target);

}  // namespace weir::dbt
