#include <cstdio>
#include <sstream>

#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "base/file.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run = "last";
  std::string task;
  bool json = false;
};

// Of an attempt that never started there is no log, but a reason.
std::string reason(const ledger::Attempt& attempt) {
  return attempt.error.is_object() ? attempt.error.value("message", std::string{}) : std::string{};
}

void print(const ledger::Attempt& attempt, const std::string& log) {
  std::printf("── %s, attempt %d: %s\n", attempt.task.c_str(), attempt.number,
              std::string{name(attempt.state)}.c_str());
  if (!attempt.log_path.empty()) {
    std::fputs(log.c_str(), stdout);
  } else if (const auto why = reason(attempt); !why.empty()) {
    std::printf("%s\n", why.c_str());
  }
}

Json to_json(const ledger::Attempt& attempt, const std::string& log) {
  Json lines = Json::array();
  std::istringstream text{log};
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return {{"task", attempt.task},
          {"attempt", attempt.number},
          {"state", name(attempt.state)},
          {"error", reason(attempt)},
          {"lines", std::move(lines)}};
}

Result<int> logs(const Options& options) {
  const auto state_folder = WEIR_TRY(Workspace::find_folder()) / ".weir";
  const auto ledger = WEIR_TRY(ledger::Ledger::open(state_folder, ledger::Ledger::Mode::Read));
  const auto run = WEIR_TRY(ledger->find_run(options.run));
  if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
  bool found = false;
  Json attempts = Json::array();
  for (const auto& attempt : WEIR_TRY(ledger->attempts(run->id))) {
    const auto task = attempt.task.substr(0, attempt.task.find('/'));
    if (!options.task.empty() && attempt.task != options.task && task != options.task) continue;
    found = true;
    const auto log = attempt.log_path.empty() ? std::string{} : WEIR_TRY(read_file(state_folder / attempt.log_path));
    if (options.json) {
      attempts.push_back(to_json(attempt, log));
    } else {
      print(attempt, log);
    }
  }
  if (!found) return Error::user(Code::NotFound, "run {} has no task {}", run->id.text(), options.task);
  if (options.json) std::printf("%s\n", to_text(attempts).c_str());
  return kSuccess;
}

}  // namespace

void add_logs(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("logs", "Prints the logs of a run's tasks");
  verb->add_option("run", options->run, "A run's id or its beginning; default: last");
  verb->add_option("task", options->task, "Only this task");
  verb->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir logs\n  weir logs last load");
  verb->callback([options, &outcome] {
    const auto done = logs(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
