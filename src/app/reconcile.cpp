#include <algorithm>

#include "app/run_control.hpp"
#include "app/verbs.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string pipeline;
  std::vector<std::string> tasks;
  std::vector<std::string> params;
  std::string environment;
  bool repair = false;
  bool json = false;
};

// The steps of the pipeline that compare: all, or those that were named.
Result<std::vector<std::string>> reconcile_steps(const engine::Plan& plan, const std::vector<std::string>& wanted) {
  std::vector<std::string> found;
  for (const auto& step : plan.steps) {
    if (step.kind != "reconcile") continue;
    if (wanted.empty() || std::ranges::find(wanted, step.name) != wanted.end()) found.push_back(step.name);
  }
  for (const auto& task : wanted) {
    if (std::ranges::find(found, task) != found.end()) continue;
    return Error::user(Code::InvalidArgument, "no task of pipeline {} reconciles under this name: {}", plan.pipeline,
                       task);
  }
  if (found.empty()) {
    return Error::user(Code::InvalidArgument, "pipeline {} has no reconcile tasks", plan.pipeline)
        .hint("write a task proof: {reconcile: {left: shop.sales, right: warehouse.sales, key: sale_id}}");
  }
  return found;
}

// A run like others, of these tasks alone: it stands in the ledger with what it found and what it repaired.
Result<int> reconcile(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  engine::PlanRequest request;
  request.pipeline = options.pipeline;
  request.params = WEIR_TRY(parse_params(options.params));
  request.differences = options.repair ? engine::Differences::Repair : engine::Differences::Report;
  auto ledger = WEIR_TRY(workspace->open_ledger(ledger::Ledger::Mode::Write));
  WEIR_TRY(recover_lost(*ledger));

  ledger::Run run;
  run.created_at = system_clock().now();
  run.id = generate_run_id(run.created_at);
  const auto plan =
      WEIR_TRY(engine::plan(workspace->project(), workspace->graph(), request,
                            {.id = run.id, .started_at = run.created_at, .interval_from = {}, .interval_to = {}}));
  request.select = WEIR_TRY(reconcile_steps(plan, options.tasks));
  run.pipeline = options.pipeline;
  run.environment = options.environment;
  run.trigger = "manual";
  run.params = request.params;
  run.selection = {{"select", request.select}, {"from", ""}, {"repair", options.repair}};
  run.state = ledger::RunState::Queued;
  WEIR_TRY(ledger->create_run(run));
  return execute_run(*workspace, *ledger, request, run, options.json ? ViewKind::Json : default_view());
}

}  // namespace

void add_reconcile(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("reconcile", "Compares both sides of a pipeline's reconcile tasks now, row by row");
  verb->add_option("pipeline", options->pipeline, "The pipeline's name")->required();
  verb->add_option("--task,-t", options->tasks, "Only these reconcile tasks");
  verb->add_flag("--repair", options->repair,
                 "Copies the key buckets that differ from left to right, deletes there what left does not have, and "
                 "compares again");
  verb->add_option("--param,-p", options->params, "A parameter, as name=value; may be repeated");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_flag("--json", options->json, "An event a line, for machines");
  verb->footer("Examples:\n  weir reconcile replicate\n  weir reconcile replicate --task prove_tickets --repair");
  verb->callback([options, &outcome] {
    const auto done = reconcile(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
