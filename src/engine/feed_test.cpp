#include "engine/feed.hpp"

#include <gtest/gtest.h>
#include <poll.h>

namespace weir::engine {
namespace {

bool is_readable(const Feed::Reader& reader) {
  pollfd waiting{reader.descriptor(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1;
}

void publish(Feed& feed, const std::string& pipeline) { feed.publish(pipeline, PipelineEvent{pipeline}); }

TEST(Feed, AReaderTakesWhatFollows) {
  Feed feed{Instant{}};
  publish(feed, "before");
  const auto reader = feed.follow();
  EXPECT_FALSE(is_readable(*reader));
  EXPECT_TRUE(reader->take().empty());
  publish(feed, "a");
  publish(feed, "b");
  EXPECT_TRUE(is_readable(*reader));
  EXPECT_TRUE(reader->wait(std::chrono::milliseconds{0}));
  const auto first = reader->take(1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0]->pipeline, "a");
  EXPECT_TRUE(is_readable(*reader));
  EXPECT_EQ(reader->take().size(), 1U);
  EXPECT_FALSE(is_readable(*reader));
  publish(feed, "c");
  EXPECT_TRUE(is_readable(*reader));
  EXPECT_FALSE(reader->has_missed());
}

TEST(Feed, AReaderGoesOnWhereItStopped) {
  Feed feed{Instant{}};
  publish(feed, "a");
  publish(feed, "b");
  auto reader = feed.follow(0);
  const auto all = reader->take();
  ASSERT_EQ(all.size(), 1U);  // ids begin at the feed's instant: 0 was the first
  const auto last = all.back()->id;
  reader.reset();
  publish(feed, "c");
  const auto again = feed.follow(last);
  EXPECT_TRUE(is_readable(*again));
  ASSERT_EQ(again->take().front()->pipeline, "c");
}

TEST(Feed, ASlowReaderIsToldThatItHasMissed) {
  Feed feed{Instant{}, 3};
  const auto reader = feed.follow();
  for (int i = 0; i < 10; ++i) publish(feed, std::to_string(i));
  const auto taken = reader->take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken.front()->pipeline, "7");
  EXPECT_TRUE(reader->has_missed());
  EXPECT_FALSE(reader->has_missed());
  // An id from a time when the clock was ahead.
  EXPECT_TRUE(feed.follow(1'000'000)->has_missed());
}

TEST(Feed, ClosingWakesReaders) {
  Feed feed{Instant{}};
  const auto reader = feed.follow();
  feed.close();
  EXPECT_FALSE(reader->wait(std::chrono::hours{1}));
  EXPECT_TRUE(is_readable(*reader));
  EXPECT_TRUE(feed.is_closed());
}

}  // namespace
}  // namespace weir::engine
