#include "scenarios/parts.hpp"

namespace weir::bench {

std::vector<Part> sales_parts() {
  return {{"startup", "weir check, and a task that does nothing", measure_startup},
          {"generate", "making the sales file", measure_generate},
          {"postgres", "loading PostgreSQL, against psql \\copy binary", measure_postgres},
          {"warehouse", "weir warehouse, against the engine in process", measure_warehouse},
          {"csv", "staging a CSV file, against ClickHouse reading it", measure_csv},
          {"pipeline", "the whole sales pipeline, and ten times its rows", measure_pipeline}};
}

std::vector<Part> replication_parts() {
  return {{"replicate", "200,000 changed rows, against a subscription made with psql", measure_replicate}};
}

}  // namespace weir::bench
