#include "scenarios/engine.hpp"

#include "program.hpp"

namespace weir::bench {

Result<double> engine_seconds(const Setup& setup, const std::string& work, const std::string& file) {
  const Program program{.arguments = {setup.build / "weir_bench_engine", setup.folder / "engine", work, file},
                        .folder = setup.folder};
  const Outcome outcome = WEIR_TRY(run(program));
  return std::stod(outcome.output);
}

}  // namespace weir::bench
