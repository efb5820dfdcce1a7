#pragma once

#include <csignal>

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
Result<engine::PlanRequest> resumed_request(const Workspace& workspace, ledger::Ledger& ledger, const ledger::Run& run);

// Asks for a task and everything after it to be done again (engine::ask_to_redo), durably: the run then waits to be executed.
Result<void> redo_from(const Workspace& workspace, ledger::Ledger& ledger, ledger::Run& run, std::string_view task);

// What the end of a run means for the process's exit code.
int exit_code_of(const ledger::Run& run, const std::vector<ledger::Attempt>& attempts);

// Routes Ctrl-C and SIGTERM to a run's cancel signal while it lives.
class InterruptHandler {
 public:
  explicit InterruptHandler(engine::CancelSignal& cancel);
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

// In [0, 1): for the jitter of delays.
double random_fraction();

}  // namespace weir::app
