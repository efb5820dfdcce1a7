#pragma once

#include <chrono>

#include "base/result.hpp"

namespace weir::bench {

// Seconds that a call takes which returns a Result.
template <typename Call>
Result<double> seconds_of(const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  WEIR_TRY(call());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace weir::bench
