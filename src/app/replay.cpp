#include "app/run_control.hpp"
#include "app/served.hpp"
#include "app/verbs.hpp"
#include "engine/run_request.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run = "last";
  bool json = false;
};

// A new run of the same pipeline with the same parameters, on today's code and project, in which every connection that
// keeps recordings answers from the recorded run's.
Result<int> replay(const Options& options) {
  const auto folder = WEIR_TRY(Workspace::find_folder());
  std::optional<ledger::Run> recorded;
  {
    const auto reader = WEIR_TRY(ledger::Ledger::open(folder / ".weir", ledger::Ledger::Mode::Read));
    recorded = WEIR_TRY(reader->find_run(options.run));
  }
  if (!recorded) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
  ledger::Run run;
  run.created_at = system_clock().now();
  run.id = generate_run_id(run.created_at);
  run.triggered_by = user_name();
  run.state = ledger::RunState::Queued;
  WEIR_TRY(engine::make_replay(run, *recorded, folder));
  const auto workspace = Workspace::open(recorded->environment);
  if (!workspace) return kMistake;
  std::fprintf(stderr, "%s\n",
               fmt::format("replaying run {}: what it recorded answers, and nothing is asked of those APIs",
                           run.selection["replay"].get<std::string>())
                   .c_str());
  const auto view = options.json ? ViewKind::Json : default_view();
  if (auto served = WEIR_TRY(serving_process()))
    return run_served(std::move(*served), {{"call", "replay"}, {"run", recorded->id.text()}}, *workspace, view);
  auto ledger = WEIR_TRY(workspace->open_ledger(ledger::Ledger::Mode::Write));
  WEIR_TRY(recover_lost(*ledger));
  const auto request = WEIR_TRY(resumed_request(*workspace, *ledger, run));
  WEIR_TRY(engine::plan(workspace->project(), workspace->graph(), request,
                        {.id = run.id,
                         .started_at = run.created_at,
                         .interval_from = run.interval_from,
                         .interval_to = run.interval_to}));
  WEIR_TRY(ledger->create_run(run));
  return execute_run(*workspace, *ledger, request, run, view);
}

}  // namespace

void add_replay(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb =
      app.add_subcommand("replay", "Repeats a run from its recordings: today's code and project, yesterday's answers");
  verb->add_option("run", options->run, "A run's id or its beginning; default: last");
  verb->add_flag("--json", options->json, "An event a line, for machines");
  verb->footer("Examples:\n  weir replay\n  weir replay 20260303-124500-k3f9");
  verb->callback([options, &outcome] {
    const auto done = replay(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
