#include <signal.h>

#include <cstdio>

#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "ledger/lock.hpp"

namespace weir::app {
namespace {

// The process that owns the ledger cancels in order when it gets SIGTERM, as it does on Ctrl-C.
Result<int> cancel() {
  const auto state_folder = WEIR_TRY(Workspace::find_folder()) / ".weir";
  const auto owner = WEIR_TRY(ledger::lock_owner(state_folder));
  if (!owner) return Error::user(Code::NotFound, "no run is under way in this project");
  if (::kill(*owner, SIGTERM) != 0) return Error::from_errno(errno, fmt::format("asking process {} to cancel", *owner));
  std::printf("asked process %d to cancel its run; weir runs shows when it has\n", *owner);
  return kSuccess;
}

}  // namespace

void add_cancel(CLI::App& app, Outcome& outcome) {
  auto* verb = app.add_subcommand("cancel", "Stops the run that is under way in this project, in order");
  verb->callback([&outcome] {
    const auto done = cancel();
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
