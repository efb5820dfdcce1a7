#include "engine/replicate.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

Settings settings(Json changes = Json::object()) {
  Json values{{"from", "publisher"},
              {"to", "subscriber"},
              {"until", "caught-up"},
              {"stalled_after", "2m"},
              {"wal_limit", "1GiB"}};
  values.update(changes);
  return Settings{std::move(values)};
}

TEST(Replicate, NamesItsThingsAfterBothEnds) {
  EXPECT_EQ(replication_name(settings()), "weir_publisher_subscriber");
  EXPECT_EQ(replication_name(settings({{"from", "Shop-1"}})), "weir_shop_1_subscriber");
  EXPECT_EQ(replication_name(settings({{"name", "spacex"}})), "spacex");
  EXPECT_EQ(replication_name(settings({{"from", std::string(80, 'x')}})).size(), 63U);
}

TEST(Replicate, RefusesWhatPostgresqlCannotName) {
  EXPECT_TRUE(validate_replicate(settings()).ok());
  for (const auto* name : {"Space", "space-x", "", "ä"}) {
    const auto refused = validate_replicate(settings({{"name", name}}));
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_EQ(refused.error().code(), Code::InvalidProject);
  }
  EXPECT_FALSE(validate_replicate(settings({{"name", std::string(64, 'a')}})).ok());
}

TEST(Replicate, HasTwoEnds) { EXPECT_FALSE(validate_replicate(settings({{"to", "publisher"}})).ok()); }

TEST(Replicate, WaitsUntilCaughtUpOrForATime) {
  const auto without = replicate_limits(settings());
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->wait.has_value());
  EXPECT_EQ(without->retained_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(without->stall, std::chrono::minutes{2});
  EXPECT_EQ(replicate_limits(settings({{"until", "10m"}}))->wait, std::chrono::minutes{10});
  const auto wrong = replicate_limits(settings({{"until", "caught up"}}));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message(), "until is neither caught-up nor a duration: caught up");
}

TEST(Replicate, WarnsOfALogThatGrowsAndOfADiskThatIsNearlyFull) {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  EXPECT_EQ(warning_of_retained(5 * kMegabyte, 5 * kMegabyte), std::nullopt);
  EXPECT_EQ(warning_of_retained(5 * kMegabyte + 100'000, 5 * kMegabyte),
            "the source must keep 5.1 MB of its log for this replication, more than wal_limit (5.0 MB): it grows until "
            "the target has caught up");
  EXPECT_EQ(warning_of_disk(std::nullopt, 5 * kMegabyte), std::nullopt);
  EXPECT_EQ(warning_of_disk(5 * kMegabyte, 5 * kMegabyte), std::nullopt);
  EXPECT_EQ(
      warning_of_disk(4 * kMegabyte, 5 * kMegabyte),
      "the source's disk has 4.0 MB left, less than its log may grow by (wal_limit: 5.0 MB): a full disk stops it");
}

}  // namespace
}  // namespace weir::engine
