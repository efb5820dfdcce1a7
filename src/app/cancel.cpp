#include <csignal>
#include <cstdio>

#include "app/served.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "ledger/lock.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run = "last";
  bool now = false;
};

// The process that owns the ledger cancels in order when it gets SIGTERM, as it does on Ctrl-C.
Result<int> cancel(const Options& options) {
  const auto state_folder = WEIR_TRY(Workspace::find_folder()) / ".weir";
  if (auto served = WEIR_TRY(serving_process())) {
    const auto reader = WEIR_TRY(ledger::Ledger::open(state_folder, ledger::Ledger::Mode::Read));
    const auto run = WEIR_TRY(reader->find_run(options.run));
    if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
    WEIR_TRY(served->call({{"call", "cancel"}, {"run", run->id.text()}, {"now", options.now}}));
    std::printf("run %s is being cancelled; weir runs shows when it is\n", run->id.text().c_str());
    return kSuccess;
  }
  const auto owner = WEIR_TRY(ledger::lock_owner(state_folder));
  if (!owner) return Error::user(Code::NotFound, "no run is under way in this project");
  if (::kill(*owner, SIGTERM) != 0) return Error::from_errno(errno, fmt::format("asking process {} to cancel", *owner));
  std::printf("asked process %d to cancel its run; weir runs shows when it has\n", *owner);
  return kSuccess;
}

}  // namespace

void add_cancel(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("cancel", "Stops a run in order; without weir serve the one that is under way");
  verb->add_option("run", options->run, "A run's id or its beginning; default: last");
  verb->add_flag("--now", options->now, "Kill its tasks: what they had not committed never happened");
  verb->callback([options, &outcome] {
    const auto done = cancel(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
