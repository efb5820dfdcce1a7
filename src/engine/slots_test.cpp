#include "engine/slots.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

Step step(const std::string& task, const std::string& pool = {}, int concurrency = 0) {
  Step made;
  made.name = made.task = task;
  made.pool = pool;
  made.concurrency = concurrency;
  return made;
}

TEST(Slots, AreLimitedTogether) {
  Slots slots{2};
  slots.take("p", step("a"));
  EXPECT_FALSE(slots.lack("p", step("b")));
  slots.take("p", step("b"));
  EXPECT_EQ(slots.lack("p", step("c")), "all 2 attempts that may run at once are running");
  slots.give_back("p", step("a"));
  EXPECT_FALSE(slots.lack("p", step("c")));
}

TEST(Slots, OfAPoolAreSharedByAllPipelines) {
  Slots slots{100};
  slots.set_pools({{"api", 2}});
  slots.take("p", step("a", "api"));
  slots.take("q", step("a", "api"));
  EXPECT_EQ(slots.lack("r", step("a", "api")), "waits for pool api: its slots are taken, 2 of them");
  EXPECT_FALSE(slots.lack("r", step("a")));
  // One that nobody declared is as narrow as can be.
  slots.take("p", step("a", "other"));
  EXPECT_TRUE(slots.lack("p", step("b", "other")));
}

TEST(Slots, OfATaskCountOverAllItsRuns) {
  Slots slots{100};
  slots.take("p", step("a", "", 1));
  EXPECT_EQ(slots.lack("p", step("a", "", 1)), "waits for other attempts of task a: it runs 1 at once");
  EXPECT_FALSE(slots.lack("q", step("a", "", 1)));
  slots.give_back("p", step("a", "", 1));
  EXPECT_FALSE(slots.lack("p", step("a", "", 1)));
}

}  // namespace
}  // namespace weir::engine
