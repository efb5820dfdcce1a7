#include <cstdio>

#include "app/connectors.hpp"
#include "app/verbs.hpp"
#include "engine/vocabulary.hpp"

namespace weir::app {

void add_schema(CLI::App& app, Outcome& outcome) {
  auto kind = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("schema", "Prints the JSON Schema of a kind of project file, for editors");
  verb->add_option("kind", *kind, "Which file")
      ->required()
      ->check(CLI::IsMember({"weir", "pipeline", "generator", "properties"}));
  verb->footer(
      "Examples:\n  weir schema pipeline > .schemas/pipeline.json\n  # yaml-language-server: "
      "$schema=../.schemas/pipeline.json");
  verb->callback([kind, &outcome] {
    std::printf("%s\n", project::json_schema(*kind, engine::vocabulary(connectors())).dump(2).c_str());
    outcome.exit_code = 0;
  });
}

}  // namespace weir::app
