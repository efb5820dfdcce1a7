#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/models.hpp"
#include "models/properties.hpp"
#include "models/renderer.hpp"

namespace weir::models {

// Builds the graph in passes, each over all files, so that every mistake is found in one go.
class GraphBuilder {
 public:
  GraphBuilder(const project::Project& project, const Targets& targets);
  GraphOutcome build();

 private:
  // A node whose references are names still.
  struct Draft {
    Node node;
    const project::SqlFile* file = nullptr;  // absent for a test of a properties file
    std::vector<RefCall> refs;
    std::vector<SourceCall> sources;
  };

  void read_models();
  void read_model(const project::SqlFile& file);
  bool render_config(Draft& draft);
  bool render_value(const Draft& draft, Json& value);
  void read_seed(Draft draft);
  void read_singular_tests();
  void read_generic_tests();
  void read_generic_test(const TestProperties& test, const Node* model, const SourceTable* source);
  void check_properties();
  void resolve();
  void resolve_ref(Draft& draft, const RefCall& call);
  void resolve_source(Draft& draft, const SourceCall& call);
  void check_targets();
  std::vector<Node> in_order();
  void report_cycle(const std::map<std::string, std::set<std::string>>& waiting);

  // Renders the text as both the first and a later run of an incremental model would; joins what both call.
  bool render(Draft& draft, const std::string& text, Calls& calls);
  bool set_connection(Draft& draft);
  void set_target(Draft& draft);
  void set_severity(Draft& draft);
  std::string space_of(const Draft& draft);
  std::string unique_name(std::string name) const;
  const Node* find_model(std::string_view name) const;
  Place place_of(const Draft& draft, std::string_view call, std::string_view name) const;
  void mistake(Place place, std::string message, std::string hint);

  const project::Project& project_;
  const Targets& targets_;
  std::vector<Error> mistakes_;
  Properties properties_;
  Renderer renderer_;
  std::vector<Draft> drafts_;
  std::set<std::string, std::less<>> disabled_;
};

}  // namespace weir::models
