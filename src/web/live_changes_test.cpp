#include "web/live_changes.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace weir::web {
namespace {

using namespace std::chrono_literals;

std::vector<std::shared_ptr<const engine::FeedEvent>> events(std::uint64_t from, std::uint64_t to) {
  std::vector<std::shared_ptr<const engine::FeedEvent>> made;
  for (auto id = from; id <= to; ++id)
    made.push_back(std::make_shared<const engine::FeedEvent>(engine::FeedEvent{id, "p", engine::PipelineEvent{"p"}}));
  return made;
}

// The ids that a stream gets next.
std::vector<std::uint64_t> taken(LiveChanges& live, LiveChanges::Cursor& cursor) {
  std::vector<std::uint64_t> ids;
  for (const auto& change : live.next(cursor, 0ms)) ids.push_back(change->event().id);
  return ids;
}

using Ids = std::vector<std::uint64_t>;

TEST(LiveChanges, AStreamGetsWhatFollows) {
  LiveChanges live;
  live.add(events(100, 101));
  auto cursor = live.follow(std::nullopt);
  EXPECT_EQ(taken(live, cursor), Ids{});
  live.add(events(102, 103));
  live.add(events(104, 104));
  EXPECT_EQ(taken(live, cursor), (Ids{102, 103, 104}));
  EXPECT_EQ(taken(live, cursor), Ids{});
  EXPECT_FALSE(cursor.missed);
}

TEST(LiveChanges, AStreamGoesOnWhereItStopped) {
  LiveChanges live{3};
  live.add(events(100, 104));  // 102 to 104 are kept
  for (const std::uint64_t after : {101U, 102U, 104U}) {
    auto cursor = live.follow(after);
    EXPECT_FALSE(cursor.missed) << after;
    EXPECT_EQ(taken(live, cursor).size(), 104 - after) << after;
  }
  for (const std::uint64_t after : {0U, 100U, 105U}) EXPECT_TRUE(live.follow(after).missed) << after;
  auto old = live.follow(50);
  EXPECT_EQ(taken(live, old), (Ids{102, 103, 104}));
  // Nothing has come yet: what the stream saw was of a server before this one.
  EXPECT_TRUE(LiveChanges{}.follow(7).missed);
}

TEST(LiveChanges, ASlowStreamIsToldThatItMissedSome) {
  LiveChanges live{3};
  auto cursor = live.follow(std::nullopt);
  live.add(events(100, 104));
  EXPECT_EQ(taken(live, cursor), (Ids{102, 103, 104}));
  EXPECT_TRUE(cursor.missed);
  cursor.missed = false;
  live.skip();
  live.add(events(200, 200));
  EXPECT_EQ(taken(live, cursor), Ids{200});
  EXPECT_TRUE(cursor.missed);
}

TEST(LiveChanges, MakesATextOnceForAllStreams) {
  LiveChanges live;
  auto one = live.follow(std::nullopt);
  auto other = one;
  live.add(events(1, 1));
  int made = 0;
  const auto make = [&](const engine::FeedEvent& event) {
    ++made;
    return fmt::format("id: {}", event.id);
  };
  EXPECT_EQ(live.next(one, 0ms).front()->text(make), "id: 1");
  EXPECT_EQ(live.next(other, 0ms).front()->text(make), "id: 1");
  EXPECT_EQ(made, 1);
}

TEST(LiveChanges, WakesThoseWhoWait) {
  LiveChanges live;
  std::vector<std::jthread> streams;
  std::atomic<int> woken = 0;
  for (int i = 0; i < 4; ++i) {
    streams.emplace_back([&live, &woken, cursor = live.follow(std::nullopt)]() mutable {
      if (live.next(cursor, 1min).size() == 1) ++woken;
      if (live.next(cursor, 1min).empty() && live.is_closed()) ++woken;
    });
  }
  live.add(events(1, 1));
  while (woken < 4) std::this_thread::yield();
  live.close();
  streams.clear();
  EXPECT_EQ(woken, 8);
}

}  // namespace
}  // namespace weir::web
