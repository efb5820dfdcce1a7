// The examples that read APIs, from an empty folder whose services are up, on their recordings.

#include <algorithm>
#include <limits>

#include "scenarios/parts.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr double kSpacexSeconds = 6;
constexpr double kAstronautsSeconds = 1;

// The first runs of the pipelines, one after the other: each repetition has a folder and services of its own.
Result<Figure> first_runs(const Setup& setup, const std::string& example, const std::vector<std::string>& pipelines,
                          double limit) {
  double best = std::numeric_limits<double>::max();
  for (int repeat = 0; repeat < setup.repeats; ++repeat) {
    const Workspace workspace = WEIR_TRY(Workspace::open(setup, example));
    double seconds = 0;
    for (const auto& pipeline : pipelines)
      seconds += WEIR_TRY(run(workspace.weir({"run", pipeline, "--json"}))).seconds;
    best = std::min(best, seconds);
  }
  return Figure{.name = "api_examples/" + example,
                .ours = best,
                .reference = limit,
                .goal = 1,
                .unit = "s",
                .better = Better::Lower,
                .origin = Reference::Stated,
                .against = "the limit, from an empty folder with services up"};
}

}  // namespace

Result<Figures> measure_api_examples(const Setup& setup) {
  return Figures{WEIR_TRY(first_runs(setup, "spacex", {"load", "create_data_marts"}, kSpacexSeconds)),
                 WEIR_TRY(first_runs(setup, "astronauts", {"astronauts"}, kAstronautsSeconds))};
}

}  // namespace weir::bench
