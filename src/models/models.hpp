#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "flow/database.hpp"
#include "project/project.hpp"

// SQL models in dbt's layout and words: config(), ref(), source(), var(), this, target, is_incremental(), macros, tests.
namespace weir::models {

enum class NodeKind { Model, Test };
enum class Severity { Warn, Error };

// A model (or seed) or a data test, rendered once to learn its configuration and what it refers to. A model that dbt calls
// ephemeral (config materialized: ephemeral) has no relation: it becomes a common table expression of its readers.
struct Node {
  NodeKind kind = NodeKind::Model;
  std::string name;        // unique in the project
  std::string path;        // the file that defines it
  std::string connection;  // where it runs
  std::string description;
  Json config = Json::object();
  std::vector<std::string> tags;
  std::set<std::string> depends_on;               // nodes, by ref()
  std::map<std::string, flow::Relation> sources;  // tables from outside, by "source.table" (on the node's connection)
  flow::Materialized materialized = flow::Materialized::View;
  flow::Relation target;                // Model
  Severity severity = Severity::Error;  // Test
  std::string tested_model;             // Test: the model it is attached to; "" for a singular test on several
  Place place;                          // of its definition
};

// All nodes in an order in which each follows what it depends on.
struct Graph {
  std::vector<Node> nodes;
  std::string dbt_folder = {};  // where the paths of selectors may start, beside the project's folder
  const Node* find(std::string_view name) const;
};

// The part of a project's connections that models need.
struct Targets {
  // Connection name → its dialect and default space; absent when the connection has no Database role.
  std::function<const flow::Dialect*(std::string_view connection)> dialect;
  std::function<std::string(std::string_view connection)> default_space;
};

// How a model is made, in a word for people: "table", "ephemeral", …
std::string_view materialization(const Node& node);

// Every mistake at once: unknown ref (with the nearest name), cycle (with its path), unknown materialisation, …
struct GraphOutcome {
  std::optional<Graph> graph;
  project::Mistakes mistakes;
};
GraphOutcome build_graph(const project::Project& project, const Targets& targets);

// dbt's node selection: names, +upstream, downstream+, 2+name, tag:x, path:models/x, name*, union by space, intersection
// by comma; `exclude` is taken away. InvalidArgument when a selector matches nothing.
Result<std::vector<const Node*>> select(const Graph& graph, std::string_view selector, std::string_view exclude = {});

// The SQL of a node as it would run. For an incremental model, `exists` says whether its target stands already.
struct CompileOptions {
  bool full_refresh = false;
  bool target_exists = false;
  // run, params, interval, env: what tasks' templates see; `vars` replaces the project's (--vars).
  Json variables = Json::object();
};
Result<std::string> compile(const project::Project& project, const Graph& graph, const Node& node,
                            const Targets& targets, const CompileOptions& options);

struct NodeOutcome {
  std::uint64_t rows =
      0;  // rows in the model after the build (0 for views, which are not run), or failing rows of a test
  std::string compiled;
  std::string detail;  // for people: what was made; for a test with failing rows, the query that shows them
};
// Compiles and executes one node. A failed test of severity Error is CheckFailed; of Warn it succeeds with its rows.
Result<NodeOutcome> execute(const project::Project& project, const Graph& graph, const Node& node,
                            const Targets& targets, flow::Database& database, const CompileOptions& options, Log& log,
                            std::stop_token stop);

}  // namespace weir::models
