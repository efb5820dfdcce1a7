#include "engine/retry_delay.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

using std::chrono::milliseconds;

project::RetryPolicy policy(int delay_ms, int max_delay_ms, double jitter) {
  return {.attempts = 9,
          .delay = milliseconds{delay_ms},
          .exponential = true,
          .max_delay = milliseconds{max_delay_ms},
          .jitter = jitter};
}

TEST(RetryDelay, DoublesUpToTheLongest) {
  const auto doubling = policy(1'000, 5'000, 0);
  const std::vector<int> expected{1'000, 2'000, 4'000, 5'000, 5'000};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(retry_delay(doubling, static_cast<int>(i) + 1, 0.9), milliseconds{expected[i]}) << i;
  EXPECT_EQ(retry_delay(doubling, 1'000'000'000, 0), milliseconds{5'000});
  auto fixed = doubling;
  fixed.exponential = false;
  EXPECT_EQ(retry_delay(fixed, 4, 0), milliseconds{1'000});
}

TEST(RetryDelay, JitterScalesBothWays) {
  EXPECT_EQ(retry_delay(policy(1'000, 60'000, 0.2), 1, 0), milliseconds{800});
  EXPECT_EQ(retry_delay(policy(1'000, 60'000, 0.2), 1, 0.5), milliseconds{1'000});
  EXPECT_EQ(retry_delay(policy(1'000, 60'000, 0.2), 2, 0.75), milliseconds{2'200});
}

TEST(RetryDelay, NothingIsLongerThanTheLongest) {
  EXPECT_EQ(retry_delay(policy(9'000, 5'000, 0), 1, 0), milliseconds{5'000});       // not the first delay
  EXPECT_EQ(retry_delay(policy(4'000, 5'000, 0.5), 3, 0.99), milliseconds{5'000});  // nor what jitter adds
  EXPECT_EQ(retry_delay(policy(4'000, 5'000, 0.5), 3, 0), milliseconds{2'500});
}

}  // namespace
}  // namespace weir::engine
