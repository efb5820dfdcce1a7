#include <cstdlib>

#include "app/verbs.hpp"

int main(int argc, char** argv) {
  using namespace weir::app;
  // libmongoc, when it is loaded, makes a file of counters in /dev/shm, which a killed process leaves behind; the next process
  // of that number warns of it. Our children are killed often, and make none.
  ::setenv("MONGOC_DISABLE_SHM", "1", 0);
  CLI::App app{"Weir: pipelines, SQL models and their databases in one program", "weir"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "weir " WEIR_VERSION);
  app.footer(
      "Start with: weir init sales my-sales && cd my-sales && weir run sales\nEvery verb explains itself: weir run "
      "--help");
  Outcome outcome;
  for (const auto add : {add_init, add_check,    add_plan,   add_run,       add_serve,      add_backfill,  add_models,
                         add_runs, add_logs,     add_replay, add_reconcile, add_retry,      add_cancel,    add_query,
                         add_user, add_services, add_doctor, add_schema,    add_completion, add_warehouse, add_task}) {
    add(app, outcome);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return outcome.exit_code;
}
