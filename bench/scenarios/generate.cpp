// Generating the sales file: rows a second of one core, written and synced.

#include "connectors/generate/generate_file.hpp"
#include "project/project.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/timing.hpp"

namespace weir::bench {

namespace {

constexpr double kRowsPerSecondGoal = 5e6;

Result<generate::Spec> sales_spec(const Setup& setup) {
  const auto settings = generate::generator_settings();
  auto file = project::read_settings_file(setup.source / "examples/sales", "generators/sales.yml", settings);
  if (!file.mistakes.errors.empty()) return std::move(file.mistakes.errors.front());
  auto outcome = generate::parse_spec(file.settings);
  if (!outcome.spec) return std::move(outcome.mistakes.front().error);
  return std::move(*outcome.spec);
}

}  // namespace

Result<Figures> measure_generate(const Setup& setup) {
  const generate::GenerateRequest request{.spec = WEIR_TRY(sales_spec(setup)),
                                          .variation = {.rows = setup.rows, .seed = 7, .last_day = 20'400},
                                          .path = setup.folder / "generated.csv",
                                          .threads = 1};
  const double best = WEIR_TRY(best_of(
      setup.repeats, [&] { return processor_seconds_of([&] { return generate::generate_file(request, {}); }); }));
  return Figures{{.name = "generate/rows",
                  .ours = static_cast<double>(setup.rows) / best,
                  .reference = kRowsPerSecondGoal,
                  .unit = "rows/s",
                  .origin = Reference::Stated,
                  .against = "the goal, one core, to a synced file"}};
}

}  // namespace weir::bench
