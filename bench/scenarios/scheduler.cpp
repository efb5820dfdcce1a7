// `weir serve` and what a task costs when it does nothing, against the limits that the project states. Airflow 3.3.2 on two
// cores took 10 s to be ready, 13.3 s for a chain of ten empty tasks and 18.1 s for fifty.

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <thread>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "program.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/serving.hpp"
#include "scenarios/timing.hpp"

namespace weir::bench {

namespace {

constexpr int kIdleSeconds = 10;
constexpr int kDuePipelines = 100;

Figure limit(const std::string& name, double ours, double reference, std::string unit) {
  return {.name = "scheduler/" + name,
          .ours = ours,
          .reference = reference,
          .unit = std::move(unit),
          .better = Better::Lower,
          .origin = Reference::Stated,
          .against = "the limit"};
}

Result<double> ready_seconds(const Setup& setup, int pipelines) {
  const auto project = setup.folder / fmt::format("ready-{}", pipelines);
  for (int i = 0; i < pipelines; ++i) {
    WEIR_TRY(write_pipeline(project, fmt::format("p{}", i),
                            fmt::format("schedule: \"{} 6 * * *\"\ntasks:\n  a: {{command: \"true\"}}\n  b: {{needs: "
                                        "[a], command: \"true\"}}\n",
                                        i % 60)));
  }
  return best_of(setup.repeats,
                 [&]() -> Result<double> { return WEIR_TRY(Serving::start(setup, project)).ready_seconds(); });
}

Result<double> run_seconds(const Setup& setup, const std::filesystem::path& project, const char* pipeline) {
  const Program program{.arguments = {setup.weir(), "run", pipeline, "--json"}, .folder = project};
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < setup.repeats; ++i) {
    const auto outcome = WEIR_TRY(run(program));
    std::istringstream lines{outcome.output};
    for (std::string line; std::getline(lines, line);) {
      const auto event = WEIR_TRY(parse_json(line));
      if (event.value("event", "") == "run_finished") best = std::min(best, event.value("seconds", best));
    }
  }
  return best;
}

Result<Figures> measure_tasks(const Setup& setup) {
  const auto project = setup.folder / "tasks";
  WEIR_TRY(write_chain(project));
  std::string wide = "parallel: 8\ntasks:\n";
  for (int i = 0; i < 1000; ++i) wide += fmt::format("  t{}: {{command: \"true\"}}\n", i);
  WEIR_TRY(write_pipeline(project, "wide", wide));
  WEIR_TRY(write_pipeline(project, "items",
                          "parallel: 8\ntasks:\n  list: {command: {command: \"seq 10000\", result: lines}}\n"
                          "  each: {needs: [list], for_each: \"{{ tasks.list.output.result }}\", concurrency: 8, "
                          "command: \"true\"}\n"));
  std::string large = "tasks:\n  t0: {command: \"true\"}\n";
  for (int i = 1; i < 10'000; ++i) large += fmt::format("  t{}: {{needs: [t{}], command: \"true\"}}\n", i, i / 2);
  const auto large_project = setup.folder / "large";
  WEIR_TRY(write_pipeline(large_project, "large", large));
  const Program plan{.arguments = {setup.weir(), "plan", "large", "--json"}, .folder = large_project};
  const Program check{.arguments = {setup.weir(), "check"}, .folder = large_project};
  const auto planned = WEIR_TRY(run_best(plan, setup.repeats));
  const auto checked = WEIR_TRY(run_best(check, setup.repeats));
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  return Figures{limit("chain_of_10", WEIR_TRY(run_seconds(setup, project, "chain")), 0.25, "s"),
                 limit("1000_tasks", WEIR_TRY(run_seconds(setup, project, "wide")), 6, "s"),
                 limit("for_each_10000_items", WEIR_TRY(run_seconds(setup, project, "items")), 60, "s"),
                 limit("plan_10000_tasks", planned.seconds - checked.seconds, 0.2, "s")};
}

// Pipelines that are all due in the same second: from the fire to the run's start.
Result<double> delay_p99_ms(const Setup& setup) {
  const auto project = setup.folder / "due";
  const auto due = std::chrono::floor<std::chrono::seconds>(system_clock().now()) + std::chrono::seconds{8};
  const auto text = format_instant(Instant{due});
  for (int i = 0; i < kDuePipelines; ++i) {
    WEIR_TRY(write_pipeline(project, fmt::format("p{}", i),
                            fmt::format("schedule: \"{} {} {} * * *\"\ntasks:\n  a: {{command: \"true\"}}\n",
                                        text.substr(17, 2), text.substr(14, 2), text.substr(11, 2))));
  }
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  const Program list{.arguments = {setup.weir(), "runs", "--json", "--limit", "1000"}, .folder = project};
  for (int i = 0; i < 60; ++i) {
    std::this_thread::sleep_for(std::chrono::seconds{1});
    if (system_clock().now() < Instant{due}) continue;
    const auto runs = WEIR_TRY(parse_json(WEIR_TRY(run(list)).output));
    std::vector<double> delays;
    for (const auto& one : runs) {
      const auto begun =
          one["started_at"].is_string() ? parse_instant(one["started_at"].get<std::string>()) : std::nullopt;
      if (begun && one["state"] == "succeeded")
        delays.push_back(std::chrono::duration<double, std::milli>(*begun - Instant{due}).count());
    }
    if (delays.size() < kDuePipelines) continue;
    std::ranges::sort(delays);
    return delays[delays.size() * 99 / 100 - 1];
  }
  return Error::external(Code::TimedOut, "the pipelines that were due have not all run");
}

Result<Figures> measure_serving(const Setup& setup) {
  Figures figures{limit("ready_20_pipelines", WEIR_TRY(ready_seconds(setup, 20)), 0.3, "s"),
                  limit("ready_2000_pipelines", WEIR_TRY(ready_seconds(setup, 2000)), 2, "s"),
                  limit("delay_p99", WEIR_TRY(delay_p99_ms(setup)), 50, "ms")};
  const auto idle = WEIR_TRY(Serving::start(setup, setup.folder / "ready-20"));
  const double before = idle.processor_seconds();
  std::this_thread::sleep_for(std::chrono::seconds{kIdleSeconds});
  figures.push_back(limit("idle_cpu", (idle.processor_seconds() - before) * 100 / kIdleSeconds, 0.5, "%"));
  figures.push_back(limit("idle_memory", idle.memory_mb(), 60, "MB"));
  return figures;
}

}  // namespace

std::vector<Part> scheduler_parts() {
  return {{"tasks", "what empty tasks take beside `weir serve`", measure_tasks},
          {"serving", "`weir serve`: readiness, delay, idleness", measure_serving},
          {"web", "the REST API beside 100,000 runs, and 200 who watch", measure_web}};
}

}  // namespace weir::bench
