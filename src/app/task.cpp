#include "app/connectors.hpp"
#include "app/verbs.hpp"
#include "engine/task_child.hpp"

namespace weir::app {

void add_task(CLI::App& app, Outcome& outcome) {
  auto serve = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand("task", "The child process of one attempt; Weir starts it itself")->group("");
  verb->add_flag("--serve", *serve, "Be forked for each attempt");
  verb->callback([serve, &outcome] {
    outcome.exit_code = *serve ? engine::serve_task_children(connectors()) : engine::run_task_child(connectors());
  });
}

}  // namespace weir::app
