#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>

#include "services/process.hpp"

namespace weir::dbt {

// Runs a program to its end and hands every line of its output (both streams) to `take` as it comes, on the calling
// thread. When a stop is requested it gets SIGINT, upon which dbt cancels its queries, and SIGKILL after the grace
// period. Nothing of its process group outlives the call.
Result<services::ExitStatus> run_program(services::ProcessSpec spec,
                                         const std::function<void(std::string_view line)>& take, std::stop_token stop,
                                         std::chrono::milliseconds grace);

}  // namespace weir::dbt
