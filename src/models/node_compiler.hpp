#pragma once

#include <set>
#include <string>
#include <vector>

#include "models/ctes.hpp"
#include "models/models.hpp"
#include "models/renderer.hpp"

namespace weir::models {

// Turns nodes of one graph into SQL.
class NodeCompiler {
 public:
  NodeCompiler(const project::Project& project, const Graph& graph, const Targets& targets,
               const CompileOptions& options);

  // A model's select, or a query whose rows are a test's failures.
  Result<std::string> compile(const Node& node);
  // The statements under this key of the model's configuration, rendered.
  Result<std::vector<std::string>> hooks(const Node& node, std::string_view key);

 private:
  Result<std::string> render_model(const Node& node);
  Result<std::string> render_test(const Node& node);
  Result<std::string> render_macro_test(const Node& node, const std::string& relation);
  Result<Json> reference(const RefCall& call);
  Result<Json> source_of(const SourceCall& call) const;
  Result<void> take_ephemerals();
  Scope scope_of(const Node& node) const;

  const project::Project& project_;
  const Graph& graph_;
  const Targets& targets_;
  const CompileOptions& options_;
  Renderer renderer_;
  const Node* current_ = nullptr;
  std::vector<const Node*> ephemerals_;  // met while rendering, not yet rendered
  std::set<std::string> taken_;
  std::vector<Cte> ctes_;
};

}  // namespace weir::models
