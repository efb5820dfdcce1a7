#include "app/run_control.hpp"
#include "app/served.hpp"
#include "app/verbs.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run = "last";
  std::string from;
  std::string code = "current";
  bool json = false;
};

// A retry goes on with the same run, under its id, with its parameters: commits that the destinations already hold are
// found there and not repeated.
Result<int> retry(const Options& options) {
  const auto folder = WEIR_TRY(Workspace::find_folder());
  std::string environment;
  std::string id;
  {
    const auto reader = WEIR_TRY(ledger::Ledger::open(folder / ".weir", ledger::Ledger::Mode::Read));
    const auto run = WEIR_TRY(reader->find_run(options.run));
    if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
    environment = run->environment;
    id = run->id.text();
  }
  const auto workspace = Workspace::open(environment);
  if (!workspace) return kMistake;
  const auto view = options.json ? ViewKind::Json : default_view();
  if (auto served = WEIR_TRY(serving_process())) {
    return run_served(std::move(*served),
                      {{"call", "retry"}, {"run", id}, {"from", options.from}, {"code", options.code}}, *workspace,
                      view);
  }
  auto ledger = WEIR_TRY(workspace->open_ledger(ledger::Ledger::Mode::Write));
  WEIR_TRY(recover_lost(*ledger));
  auto run = WEIR_TRY(ledger->find_run(options.run));
  if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run);
  if (run->state == ledger::RunState::Succeeded && options.from.empty()) {
    return Error::user(Code::InvalidArgument, "run {} succeeded: there is nothing to retry", run->id.text())
        .hint("weir run starts a new one; --from says from which task on it is to run again");
  }
  if (options.code == "old") WEIR_TRY(workspace->use_kept_version(run->first_code_version));
  if (!options.from.empty()) WEIR_TRY(redo_from(*workspace, *ledger, *run, options.from));
  return execute_run(*workspace, *ledger, WEIR_TRY(resumed_request(*workspace, *ledger, *run)), *run, view);
}

}  // namespace

void add_retry(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb =
      app.add_subcommand("retry", "Goes on with a failed, cancelled or lost run: only what is not done runs again");
  verb->add_option("run", options->run, "A run's id or its beginning; default: last");
  verb->add_option("--from", options->from, "Do this task and everything after it again, even what is done");
  verb->add_option("--code", options->code, "The project's files: as they are, or as the run began with them")
      ->check(CLI::IsMember({"current", "old"}));
  verb->add_flag("--json", options->json, "An event a line, for machines");
  verb->footer("Examples:\n  weir retry\n  weir retry 20260303-124500-k3f9");
  verb->callback([options, &outcome] {
    const auto done = retry(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
