#include "scenarios/parts.hpp"

namespace weir::bench {

std::vector<Part> sales_parts() {
  return {{"startup", "weir check, and a task that does nothing", measure_startup},
          {"pipeline", "the whole sales pipeline, and ten times its rows", measure_pipeline}};
}

}  // namespace weir::bench
