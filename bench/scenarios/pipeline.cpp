// The whole sales pipeline on warm services, against the PySpark stack that does the same work, and whether ten times
// the rows take ten times as long.

#include <fmt/format.h>

#include "memory.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

// bench/pyspark on two busy cores, measured once: generate 5.4, start 10.6, clean and load 20.3, aggregate 4.5,
// publish 1.5 seconds for a million rows.
constexpr double kPysparkSeconds = 42;
constexpr double kMemoryLimitMb = 120;

struct Measured {
  double seconds = 0;
  double peak_mb = 0;
};

Result<Measured> run_pipeline(const Workspace& workspace, const Setup& setup, std::uint64_t rows, int repeats) {
  MemoryWatch memory(setup.weir());
  const auto arguments = std::vector<std::string>{"run", "sales", "--json", "--param", fmt::format("rows={}", rows)};
  const Outcome best = WEIR_TRY(run_best(workspace.weir(arguments), repeats));
  return Measured{best.seconds, static_cast<double>(memory.peak_bytes()) / 1e6};
}

Figure memory_figure(std::string name, double peak_mb) {
  return {.name = std::move(name),
          .ours = peak_mb,
          .reference = kMemoryLimitMb,
          .unit = "MB",
          .better = Better::Lower,
          .origin = Reference::Stated,
          .against = "the limit, Weir's own processes"};
}

// The seconds that bench/pyspark/run.sh says it took in total.
Result<double> pyspark_seconds(const Setup& setup, const Workspace& workspace) {
  const Program program{.arguments = {setup.source / "bench/pyspark/run.sh", fmt::format("{}", setup.rows),
                                      workspace.folder() / ".weir/services"},
                        .folder = setup.folder};
  const Outcome outcome = WEIR_TRY(run(program));
  const Json result = WEIR_TRY(parse_json(outcome.output));
  return result.value("total_seconds", 0.0);
}

}  // namespace

Result<Figures> measure_pipeline(const Setup& setup) {
  const Workspace workspace = WEIR_TRY(Workspace::open(setup, "sales"));
  // The first run warms the services up and is not counted.
  WEIR_TRY(run_pipeline(workspace, setup, setup.rows / 10, 1));
  const Measured small = WEIR_TRY(run_pipeline(workspace, setup, setup.rows, setup.repeats));
  const Measured large = WEIR_TRY(run_pipeline(workspace, setup, setup.rows * 10, 1));

  Figure against_pyspark{.name = "pipeline/seconds",
                         .ours = small.seconds,
                         .reference = kPysparkSeconds * static_cast<double>(setup.rows) / 1e6,
                         .goal = 15,
                         .unit = "s",
                         .better = Better::Lower,
                         .origin = Reference::Stated,
                         .against = "PySpark 4.1 local[2]"};
  if (setup.with_pyspark) {
    against_pyspark.reference = WEIR_TRY(pyspark_seconds(setup, workspace));
    against_pyspark.origin = Reference::Measured;
  }
  return Figures{std::move(against_pyspark),
                 {.name = "pipeline/tenfold_seconds",
                  .ours = large.seconds,
                  .reference = small.seconds * 10,
                  .goal = 0.9,
                  .unit = "s",
                  .better = Better::Lower,
                  .against = "ten times the time of a tenth of the rows"},
                 memory_figure("pipeline/memory", small.peak_mb),
                 memory_figure("pipeline/memory_tenfold", large.peak_mb)};
}

}  // namespace weir::bench
