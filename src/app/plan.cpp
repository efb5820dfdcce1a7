#include "engine/plan.hpp"

#include <algorithm>
#include <cstdio>

#include "app/run_control.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string pipeline;
  std::vector<std::string> select;
  std::string from;
  std::vector<std::string> params;
  std::string environment;
  int next = 5;
  bool json = false;
};

// What a step waits for, as tasks: the nodes of another task's models and tests count as that task.
std::string upstream_of(const engine::Plan& plan, const engine::Step& step) {
  std::vector<std::string> names;
  for (const auto& need : step.needs) {
    const auto found =
        std::find_if(plan.steps.begin(), plan.steps.end(), [&](const auto& other) { return other.name == need; });
    const auto& name = found->task == step.task ? found->node : found->task;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void print(const engine::Plan& plan) {
  TextTable table{{{"step"}, {"does"}, {"after"}, {"attempts", TextTable::Align::Right}}};
  for (const auto& step : plan.steps) {
    const auto style = step.selected ? Style::Plain : Style::Faint;
    table.add({{step.name, style},
               {step.selected ? step.summary : "not selected", style},
               {fitted(upstream_of(plan, step), 60), Style::Faint},
               {std::to_string(step.retry.attempts)}});
  }
  std::printf("%s with %s\n\n%s", styled(plan.pipeline, Style::Strong).c_str(), to_text(plan.params).c_str(),
              table.text(2).c_str());
}

// The next fires of all its schedules, in order.
Json next_fires(const project::Pipeline& pipeline, std::size_t count) {
  std::vector<std::pair<Instant, const project::Schedule*>> fires;
  for (const auto& schedule : pipeline.schedules) {
    auto fire = schedule.next(system_clock().now());
    for (std::size_t i = 0; i < count && fire; ++i, fire = schedule.next(*fire)) fires.emplace_back(*fire, &schedule);
  }
  std::stable_sort(fires.begin(), fires.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (fires.size() > count) fires.resize(count);
  Json next = Json::array();
  for (const auto& [at, schedule] : fires) {
    next.push_back({{"at", format_instant(at)},
                    {"local", schedule->local_text(at)},
                    {"zone", schedule->zone()},
                    {"schedule", schedule->text()}});
  }
  return next;
}

Result<int> plan(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const engine::PlanRequest request{.pipeline = options.pipeline,
                                    .params = WEIR_TRY(parse_params(options.params)),
                                    .select = options.select,
                                    .from = options.from,
                                    .done = {}};
  const engine::RunFacts facts{
      .id = RunId{"<run id>"}, .started_at = system_clock().now(), .interval_from = {}, .interval_to = {}};
  const auto plan = WEIR_TRY(engine::plan(workspace->project(), workspace->graph(), request, facts));
  const auto& pipeline = *workspace->project().find_pipeline(options.pipeline);
  const auto next = next_fires(pipeline, static_cast<std::size_t>(options.next));
  if (options.json) {
    auto json = to_json(plan);
    json["next"] = next;
    std::printf("%s\n", to_text(json).c_str());
    return kSuccess;
  }
  print(plan);
  if (!next.empty()) std::printf("\n  next by schedule:\n");
  for (const auto& fire : next) {
    std::printf("    %s  %s\n", fire["local"].get<std::string>().c_str(),
                fire[pipeline.schedules.size() > 1 ? "schedule" : "zone"].get<std::string>().c_str());
  }
  return kSuccess;
}

}  // namespace

void add_plan(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb =
      app.add_subcommand("plan", "Prints the steps that `weir run` would execute, and when the schedule starts them");
  verb->add_option("pipeline", options->pipeline, "The pipeline's name")->required();
  verb->add_option("--select,-s", options->select,
                   "Only these tasks; +x with all that it needs, x+ with all that needs it");
  verb->add_option("--from", options->from, "Only this task and everything after it");
  verb->add_option("--param,-p", options->params, "A parameter, as name=value");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_option("--next", options->next, "How many of the schedule's next fires")->check(CLI::Range(0, 1000));
  verb->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir plan sales\n  weir plan sales --from load --next 10");
  verb->callback([options, &outcome] {
    const auto done = plan(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
