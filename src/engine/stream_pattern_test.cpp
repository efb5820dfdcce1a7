#include "engine/stream_pattern.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

TEST(StreamPattern, AStarStandsForAnyLetters) {
  EXPECT_TRUE(is_stream_pattern("*"));
  EXPECT_FALSE(is_stream_pattern("launches.cores"));
  EXPECT_TRUE(matches_stream("*", "launches.cores"));
  EXPECT_TRUE(matches_stream("launch*", "launches"));
  EXPECT_TRUE(matches_stream("launches.*", "launches.cores"));
  EXPECT_FALSE(matches_stream("launches.*", "launches"));
  EXPECT_FALSE(matches_stream("launch*", "crew"));
  EXPECT_TRUE(matches_stream("*e*s", "crews"));
}

TEST(StreamPattern, WhatASourceKeepsForItselfComesAlong) {
  EXPECT_TRUE(matches_stream("*", "launches._rejects"));
  EXPECT_TRUE(matches_stream("*._rejects", "launches._rejects"));
  EXPECT_TRUE(is_sources_own("launches._rejects"));
  EXPECT_TRUE(is_sources_own("_log"));
  EXPECT_FALSE(is_sources_own("launches.cores_used"));
}

TEST(StreamPattern, TablesAreNamedAfterStreams) {
  EXPECT_EQ(stream_target("*", "launches.cores"), "launches__cores");
  EXPECT_EQ(stream_target("raw.spacex_*", "crew"), "raw.spacex_crew");
}

}  // namespace
}  // namespace weir::engine
