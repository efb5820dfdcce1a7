// Ten minutes of twenty runs a second: what `weir serve` occupies must not grow.

#include <fmt/format.h>

#include <thread>

#include "base/json.hpp"
#include "program.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/serving.hpp"

namespace weir::bench {

namespace {

constexpr int kPipelines = 20;
// Until then caches fill: the ledger's pages, the allocator's arenas, the last events for those who come late.
constexpr auto kWarm = std::chrono::minutes{2};
constexpr auto kWhole = std::chrono::minutes{10};

Result<Figures> measure_soak(const Setup& setup) {
  const auto project = setup.folder / "soak";
  for (int i = 0; i < kPipelines; ++i) {
    WEIR_TRY(write_pipeline(project, fmt::format("p{}", i),
                            "schedule: \"* * * * * *\"\ntasks:\n  a: {command: \"true\"}\n"));
  }
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  std::this_thread::sleep_for(kWarm);
  const double warm = serving.memory_mb();
  std::this_thread::sleep_for(kWhole - kWarm);
  const double whole = serving.memory_mb();
  const auto runs = WEIR_TRY(parse_json(
      WEIR_TRY(run({.arguments = {setup.weir(), "runs", "--json", "--limit", "100000"}, .folder = project})).output));
  const auto succeeded =
      std::ranges::count_if(runs, [](const auto& one) { return one.value("state", "") == "succeeded"; });
  const double seconds = std::chrono::duration<double>(kWhole).count();
  return Figures{{.name = "soak/memory",
                  .ours = whole,
                  .reference = warm,
                  .goal = 0.95,
                  .unit = "MB",
                  .better = Better::Lower,
                  .against = "itself after two minutes"},
                 {.name = "soak/runs",
                  .ours = static_cast<double>(succeeded) / seconds,
                  .reference = kPipelines,
                  .goal = 0.99,
                  .unit = "1/s",
                  .origin = Reference::Stated,
                  .against = "what is due: twenty pipelines every second"}};
}

}  // namespace

std::vector<Part> soak_parts() {
  return {{"soak", "ten minutes of twenty runs a second beside `weir serve`", measure_soak}};
}

}  // namespace weir::bench
