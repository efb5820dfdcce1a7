#include "flow/replication.hpp"

#include <gtest/gtest.h>

namespace weir::flow {
namespace {

TEST(Patterns, AStarStandsForAnyLetters) {
  EXPECT_TRUE(matches_pattern("launches", "launches"));
  EXPECT_FALSE(matches_pattern("launches_cores", "launches"));
  EXPECT_TRUE(matches_pattern("launches_cores", "launches_*"));
  EXPECT_FALSE(matches_pattern("launches", "launches_*"));
  EXPECT_TRUE(matches_pattern("launches", "*"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("a_b_c", "*_c"));
  EXPECT_TRUE(matches_pattern("a_c_b_c", "a*c"));
  EXPECT_FALSE(matches_pattern("a_c_b", "a*c"));
  EXPECT_TRUE(matches_pattern("aab", "*a*b"));
  // No other letter has a meaning.
  EXPECT_FALSE(matches_pattern("launches", "l?unches"));
  EXPECT_FALSE(matches_pattern("launches", "%"));
}

}  // namespace
}  // namespace weir::flow
