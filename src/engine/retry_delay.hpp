#pragma once

#include <chrono>

#include "project/project.hpp"

namespace weir::engine {

// How long to wait after the attempt number `failed_attempts` (from 1) has failed; never longer than the policy's max_delay.
// `random` is in [0, 1).
std::chrono::milliseconds retry_delay(const project::RetryPolicy& policy, int failed_attempts, double random);

}  // namespace weir::engine
