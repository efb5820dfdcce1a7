#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

#include "base/result.hpp"

namespace weir::bench {

// Seconds that a call takes which returns a Result.
template <typename Call>
Result<double> seconds_of(const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  WEIR_TRY(call());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Seconds of processor time, all threads of this process together: what "a core" means, whatever else the machine does.
template <typename Call>
Result<double> processor_seconds_of(const Call& call) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const double begin = now();
  WEIR_TRY(call());
  return now() - begin;
}

// The smallest of what several calls measure: what it takes when nothing interferes.
template <typename Measure>
Result<double> best_of(int repeats, const Measure& measure) {
  double best = std::numeric_limits<double>::max();
  for (int repeat = 0; repeat < repeats; ++repeat) best = std::min(best, WEIR_TRY(measure()));
  return best;
}

}  // namespace weir::bench
