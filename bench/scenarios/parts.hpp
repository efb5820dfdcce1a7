#pragma once

#include "scenario.hpp"

// The parts of the scenarios, a file each.
namespace weir::bench {

Result<Figures> measure_api_decode(const Setup& setup);
Result<Figures> measure_api_examples(const Setup& setup);
Result<Figures> measure_api_pages(const Setup& setup);
Result<Figures> measure_bson(const Setup& setup);
Result<Figures> measure_csv(const Setup& setup);
Result<Figures> measure_generate(const Setup& setup);
Result<Figures> measure_mongo(const Setup& setup);
Result<Figures> measure_pipeline(const Setup& setup);
Result<Figures> measure_postgres(const Setup& setup);
Result<Figures> measure_replicate(const Setup& setup);
Result<Figures> measure_startup(const Setup& setup);
Result<Figures> measure_warehouse(const Setup& setup);
Result<Figures> measure_web(const Setup& setup);

}  // namespace weir::bench
