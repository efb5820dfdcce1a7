// What Weir costs when there is nothing to do: validating the example's project, and a task that only starts.

#include <fmt/format.h>

#include "base/file.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr double kCheckLimitMs = 30;
constexpr double kTaskLimitMs = 15;
constexpr int kTasks = 20;
constexpr int kManyRepeats = 20;

// A project without connections whose pipelines `one` and `many` have 1 and 1 + kTasks tasks in a row; the difference
// of their times is what the tasks cost, without the start of the run.
Result<void> write_empty_project(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "pipelines");
  WEIR_TRY(write_file(folder / "weir.yml", "name: empty\n"));
  const std::string first = "tasks:\n  t0: {command: [\"true\"]}\n";
  WEIR_TRY(write_file(folder / "pipelines/one.yml", "name: one\n" + first));
  std::string many = "name: many\n" + first;
  for (int task = 1; task <= kTasks; ++task) {
    many += fmt::format("  t{}: {{needs: [t{}], command: [\"true\"]}}\n", task, task - 1);
  }
  return write_file(folder / "pipelines/many.yml", many);
}

Result<double> empty_task_ms(const Setup& setup) {
  const auto folder = setup.folder / "empty";
  WEIR_TRY(write_empty_project(folder));
  const auto pipeline = [&](const char* name) {
    return Program{.arguments = {setup.weir(), "run", name, "--json"}, .folder = folder};
  };
  const Outcome one = WEIR_TRY(run_best(pipeline("one"), setup.repeats));
  const Outcome many = WEIR_TRY(run_best(pipeline("many"), setup.repeats));
  return (many.seconds - one.seconds) * 1000 / kTasks;
}

}  // namespace

Result<Figures> measure_startup(const Setup& setup) {
  const Program check{.arguments = {setup.weir(), "check"}, .folder = setup.source / "examples/sales"};
  const Outcome checked = WEIR_TRY(run_best(check, kManyRepeats));
  const double task_ms = WEIR_TRY(empty_task_ms(setup));
  return Figures{{.name = "startup/check",
                  .ours = checked.seconds * 1000,
                  .reference = kCheckLimitMs,
                  .unit = "ms",
                  .better = Better::Lower,
                  .origin = Reference::Stated,
                  .against = "the limit"},
                 {.name = "startup/empty_task",
                  .ours = task_ms,
                  .reference = kTaskLimitMs,
                  .unit = "ms",
                  .better = Better::Lower,
                  .origin = Reference::Stated,
                  .against = "the limit"}};
}

}  // namespace weir::bench
