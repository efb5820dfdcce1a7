#pragma once

#include "app/run_view.hpp"
#include "app/workspace.hpp"

namespace weir::app {

// "k=v" as the command line gives it; the value is JSON where it reads as JSON (10, true), else text.
Result<Json> parse_params(const std::vector<std::string>& texts);

// Live on a terminal, plain lines elsewhere.
ViewKind default_view();

// Executes a run that stands in the ledger (queued, or lost and resumed): Ctrl-C once cancels in order, twice at once.
// Prints the summary and returns the process's exit code.
int execute_run(Workspace& workspace, ledger::Ledger& ledger, const engine::PlanRequest& request,
                const ledger::Run& run, ViewKind view);

// What the process before us left running: marks it lost and says so. Returns the runs that can be resumed.
Result<std::vector<ledger::Run>> recover_lost(ledger::Ledger& ledger);

// A run's request as it was asked for, minus the steps that are done.
Result<engine::PlanRequest> resumed_request(ledger::Ledger& ledger, const ledger::Run& run);

}  // namespace weir::app
