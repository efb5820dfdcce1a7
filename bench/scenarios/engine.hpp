#pragma once

#include <string>

#include "scenario.hpp"

namespace weir::bench {

// The seconds that the ClickHouse engine takes without Weir around it, in a process of its own (engine_reference.cpp):
// `work` is "native" or "csv".
Result<double> engine_seconds(const Setup& setup, const std::string& work, const std::string& file);

}  // namespace weir::bench
