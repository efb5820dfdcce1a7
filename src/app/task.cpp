#include "app/connectors.hpp"
#include "app/verbs.hpp"
#include "engine/task_child.hpp"

namespace weir::app {

void add_task(CLI::App& app, Outcome& outcome) {
  auto* verb = app.add_subcommand("task", "The child process of one attempt; Weir starts it itself")->group("");
  verb->callback([&outcome] { outcome.exit_code = engine::run_task_child(connectors()); });
}

}  // namespace weir::app
