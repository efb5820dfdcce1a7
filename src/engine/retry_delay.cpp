#include "engine/retry_delay.hpp"

#include <algorithm>

namespace weir::engine {

std::chrono::milliseconds retry_delay(const project::RetryPolicy& policy, int failed_attempts, double random) {
  const auto longest = static_cast<double>(policy.max_delay.count());
  auto delay = std::min(static_cast<double>(policy.delay.count()), longest);
  if (policy.exponential) {
    for (int i = 1; i < failed_attempts && delay < longest; ++i) delay = std::min(delay * 2, longest);
  }
  delay *= 1 + policy.jitter * (2 * random - 1);
  return std::chrono::milliseconds{static_cast<long long>(std::min(delay, longest))};
}

}  // namespace weir::engine
