#include <cstdio>

#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "base/file.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run = "last";
  std::string task;
};

Result<int> logs(const Options& options) {
  const auto state_folder = WEIR_TRY(Workspace::find_folder()) / ".weir";
  const auto ledger = WEIR_TRY(ledger::Ledger::open(state_folder, ledger::Ledger::Mode::Read));
  const auto run = WEIR_TRY(ledger->find_run(options.run));
  if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
  bool found = false;
  for (const auto& attempt : WEIR_TRY(ledger->attempts(run->id))) {
    const auto task = attempt.task.substr(0, attempt.task.find('/'));
    if (!options.task.empty() && attempt.task != options.task && task != options.task) continue;
    found = true;
    std::printf("── %s, attempt %d: %s\n", attempt.task.c_str(), attempt.number,
                std::string{name(attempt.state)}.c_str());
    if (attempt.log_path.empty()) {
      // A step that never started has no log, but a reason.
      if (attempt.error.is_object()) std::printf("%s\n", attempt.error.value("message", std::string{}).c_str());
      continue;
    }
    std::fputs(WEIR_TRY(read_file(state_folder / attempt.log_path)).c_str(), stdout);
  }
  if (!found) return Error::user(Code::NotFound, "run {} has no task {}", run->id.text(), options.task);
  return kSuccess;
}

}  // namespace

void add_logs(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("logs", "Prints the logs of a run's tasks");
  verb->add_option("run", options->run, "A run's id or its beginning; default: last");
  verb->add_option("task", options->task, "Only this task");
  verb->footer("Examples:\n  weir logs\n  weir logs last load");
  verb->callback([options, &outcome] {
    const auto done = logs(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
