#pragma once

#include <CLI/CLI.hpp>

// The verbs, one file each. Each adds its subcommand; its callback does the work and sets the exit code.
namespace weir::app {

struct Outcome {
  int exit_code = 0;
};

void add_init(CLI::App& app, Outcome& outcome);
void add_check(CLI::App& app, Outcome& outcome);
void add_plan(CLI::App& app, Outcome& outcome);
void add_backfill(CLI::App& app, Outcome& outcome);
void add_run(CLI::App& app, Outcome& outcome);
void add_models(CLI::App& app, Outcome& outcome);  // build, test, compile
void add_serve(CLI::App& app, Outcome& outcome);
void add_runs(CLI::App& app, Outcome& outcome);
void add_logs(CLI::App& app, Outcome& outcome);
void add_replay(CLI::App& app, Outcome& outcome);
void add_reconcile(CLI::App& app, Outcome& outcome);
void add_retry(CLI::App& app, Outcome& outcome);
void add_cancel(CLI::App& app, Outcome& outcome);
void add_query(CLI::App& app, Outcome& outcome);
void add_user(CLI::App& app, Outcome& outcome);
void add_services(CLI::App& app, Outcome& outcome);
void add_doctor(CLI::App& app, Outcome& outcome);
void add_schema(CLI::App& app, Outcome& outcome);
void add_completion(CLI::App& app, Outcome& outcome);
void add_warehouse(CLI::App& app, Outcome& outcome);  // internal: the warehouse's process
void add_task(CLI::App& app, Outcome& outcome);       // internal: the child of one attempt

}  // namespace weir::app
