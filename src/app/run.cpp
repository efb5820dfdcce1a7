#include "app/run_control.hpp"
#include "app/served.hpp"
#include "app/verbs.hpp"
#include "engine/intervals.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string pipeline;
  std::vector<std::string> select;
  std::string from;
  std::vector<std::string> params;
  std::string environment;
  bool json = false;
  bool fresh = false;
};

// The newest lost run that this command asks for again, if any.
std::optional<ledger::Run> resumable(const std::vector<ledger::Run>& lost, const Options& options, const Json& params) {
  for (const auto& run : lost) {
    if (run.pipeline != options.pipeline || run.environment != options.environment || run.trigger == "replay") continue;
    if (options.select.empty() && options.from.empty() && (params.empty() || params == run.params)) return run;
  }
  return std::nullopt;
}

Result<int> run(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const auto params = WEIR_TRY(parse_params(options.params));
  const auto view = options.json ? ViewKind::Json : default_view();
  if (auto served = WEIR_TRY(serving_process())) {
    return run_served(std::move(*served),
                      {{"call", "submit"},
                       {"pipeline", options.pipeline},
                       {"params", params},
                       {"select", options.select},
                       {"from", options.from},
                       {"environment", options.environment}},
                      *workspace, view);
  }
  auto ledger = WEIR_TRY(workspace->open_ledger(ledger::Ledger::Mode::Write));
  const auto lost = WEIR_TRY(recover_lost(*ledger));

  if (const auto cut_off = resumable(lost, options, params); cut_off && !options.fresh) {
    const auto request = WEIR_TRY(resumed_request(*workspace, *ledger, *cut_off));
    std::fprintf(stderr, "%s\n",
                 fmt::format("resuming it: {} steps are done (use --new for a new run)", request.done.size()).c_str());
    return execute_run(*workspace, *ledger, request, *cut_off, view);
  }

  engine::PlanRequest request{
      .pipeline = options.pipeline, .params = params, .select = options.select, .from = options.from, .done = {}};
  ledger::Run run;
  run.created_at = system_clock().now();
  run.id = generate_run_id(run.created_at);
  if (const auto* const pipeline = workspace->project().find_pipeline(options.pipeline)) {
    if (const auto interval = engine::interval_at(*pipeline, run.created_at)) {
      run.interval_from = interval->from;
      run.interval_to = interval->to;
    }
  }
  // A request that cannot be planned is the caller's mistake, not a failed run: it leaves no trace in the ledger.
  WEIR_TRY(engine::plan(workspace->project(), workspace->graph(), request,
                        {.id = run.id,
                         .started_at = run.created_at,
                         .interval_from = run.interval_from,
                         .interval_to = run.interval_to}));
  run.pipeline = options.pipeline;
  run.environment = options.environment;
  run.trigger = "manual";
  run.triggered_by = user_name();
  run.code_version = workspace->version()->hash;
  run.params = params;
  if (!options.select.empty() || !options.from.empty())
    run.selection = {{"select", options.select}, {"from", options.from}};
  run.state = ledger::RunState::Queued;
  WEIR_TRY(ledger->create_run(run));
  return execute_run(*workspace, *ledger, request, run, view);
}

}  // namespace

void add_run(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("run", "Runs a pipeline and shows its progress");
  verb->add_option("pipeline", options->pipeline, "The pipeline's name")->required();
  verb->add_option("--select,-s", options->select,
                   "Only these tasks; +x with all that it needs, x+ with all that needs it");
  verb->add_option("--from", options->from, "Only this task and everything after it");
  verb->add_option("--param,-p", options->params, "A parameter, as name=value; may be repeated");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_flag("--json", options->json, "An event a line, for machines");
  verb->add_flag("--new", options->fresh, "A new run even when an earlier one was cut off and could be resumed");
  verb->footer(
      "Examples:\n  weir run sales\n  weir run sales -p rows=10000 --select load+\n  weir run sales --env prod --json");
  verb->callback([options, &outcome] {
    const auto done = run(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
