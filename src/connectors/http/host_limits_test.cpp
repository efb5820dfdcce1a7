#include "connectors/http/host_limits.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

class HostLimitsTest : public ::testing::Test {
 protected:
  HostLimitsTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir-hosts-{}-{}", info->name(), ::getpid());
    std::filesystem::remove_all(folder_);
  }
  ~HostLimitsTest() override { std::filesystem::remove_all(folder_); }

  HostLimits open(int concurrency, milliseconds interval = milliseconds{0},
                  const std::string& origin = "https://api.example.com:8443") const {
    return HostLimits::open(folder_, origin, concurrency, interval).value();
  }

  std::filesystem::path folder_;
  const SteadyTime now_ = std::chrono::steady_clock::now();
};

TEST_F(HostLimitsTest, PlacesAreSharedByAllWhoAskTheHost) {
  auto one = open(3);
  auto other = open(3);
  EXPECT_EQ(one.take_place(now_).value(), 0);
  EXPECT_EQ(other.take_place(now_).value(), 1);
  EXPECT_EQ(one.take_place(now_).value(), 2);
  EXPECT_EQ(other.take_place(now_).value(), std::nullopt);
  ASSERT_TRUE(one.give_back(0, now_).ok());
  ASSERT_TRUE(one.let_go().ok());
  EXPECT_EQ(other.take_place(now_).value(), 0);
  // Another host has places of its own.
  EXPECT_EQ(open(3, {}, "https://other.example.com").take_place(now_).value(), 0);
}

TEST_F(HostLimitsTest, APlaceAtHandIsItsOwnersUntilItLetsGo) {
  auto one = open(2);
  auto other = open(2);
  EXPECT_EQ(one.take_place(now_).value(), 0);
  EXPECT_EQ(one.take_place(now_).value(), 1);
  ASSERT_TRUE(one.give_back(0, now_).ok());
  EXPECT_EQ(other.take_place(now_).value(), std::nullopt);
  EXPECT_EQ(one.take_place(now_).value(), 0);
  // What is under way is not let go.
  ASSERT_TRUE(one.give_back(0, now_).ok());
  ASSERT_TRUE(one.let_go().ok());
  EXPECT_EQ(other.take_place(now_).value(), 0);
  EXPECT_EQ(other.take_place(now_).value(), std::nullopt);
  // And nothing is let go twice: the place is another's now.
  ASSERT_TRUE(one.let_go().ok());
  EXPECT_EQ(open(2).take_place(now_).value(), std::nullopt);
}

TEST_F(HostLimitsTest, WhoWaitsIsServedBeforeWhoComesAgain) {
  auto busy = open(1);
  auto waiting = open(1);
  EXPECT_EQ(busy.take_place(now_).value(), 0);
  EXPECT_EQ(waiting.take_place(now_).value(), std::nullopt);
  // Whoever has a place may go on for a moment.
  const auto moment = now_ + HostLimits::kKeptMax - milliseconds{1};
  ASSERT_TRUE(busy.give_back(0, moment).ok());
  EXPECT_EQ(busy.take_place(moment).value(), 0);
  const auto later = now_ + HostLimits::kKeptMax;
  ASSERT_TRUE(busy.give_back(0, later).ok());
  EXPECT_EQ(busy.take_place(later).value(), std::nullopt);
  EXPECT_EQ(waiting.take_place(later).value(), 0);
  ASSERT_TRUE(waiting.give_back(0, later + HostLimits::kKeptMax).ok());
  EXPECT_EQ(busy.take_place(later + HostLimits::kKeptMax).value(), 0);
}

TEST_F(HostLimitsTest, AKilledHolderLeavesNothingTaken) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const auto child = ::fork();
  if (child == 0) {
    auto held = open(2);
    const bool took =
        held.take_place(now_).value() == 0 && held.take_place(now_).value() == 1 && !held.take_place(now_).value();
    const char said = took ? 'y' : 'n';
    if (::write(ready[1], &said, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  auto after = open(2);
  EXPECT_EQ(after.take_place(now_).value(), std::nullopt);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(after.take_place(now_).value(), 0);
  EXPECT_EQ(after.take_place(now_).value(), 1);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(HostLimitsTest, StartsOfAllAreAnIntervalApart) {
  auto one = open(8, milliseconds{100});
  auto other = open(8, milliseconds{100});
  EXPECT_EQ(one.reserve_start(now_).value(), now_);
  EXPECT_EQ(other.reserve_start(now_).value(), now_ + milliseconds{100});
  EXPECT_EQ(other.reserve_start(now_).value(), now_ + milliseconds{200});
  EXPECT_EQ(one.reserve_start(now_ + milliseconds{150}).value(), now_ + milliseconds{300});
  EXPECT_EQ(one.reserve_start(now_ + milliseconds{1000}).value(), now_ + milliseconds{1000});
  // A process that comes later keeps the interval too.
  EXPECT_EQ(open(8, milliseconds{100}).reserve_start(now_ + milliseconds{1000}).value(), now_ + milliseconds{1100});
  // A connection without a limit neither waits nor makes others wait.
  EXPECT_EQ(open(8).reserve_start(now_).value(), now_);
  EXPECT_EQ(one.reserve_start(now_ + milliseconds{1000}).value(), now_ + milliseconds{1200});
}

TEST_F(HostLimitsTest, AStartOfAnotherBootMeansNothing) {
  auto limits = open(8, milliseconds{100});
  const auto path = folder_ / "api.example.com:8443";
  ASSERT_TRUE(limits.reserve_start(now_ + std::chrono::hours{24}).ok());
  EXPECT_GT(limits.reserve_start(now_).value(), now_ + std::chrono::hours{24});
  auto text = read_file(path).value();
  text[0] = text[0] == '0' ? '1' : '0';
  ASSERT_TRUE(write_file(path, text).ok());
  EXPECT_EQ(open(8, milliseconds{100}).reserve_start(now_).value(), now_);
  for (const auto* broken : {"", "short", "0123456789-0123456789-0123456789-012"}) {
    ASSERT_TRUE(write_file(path, broken).ok());
    EXPECT_EQ(open(8, milliseconds{100}).reserve_start(now_).value(), now_);
  }
}

}  // namespace
}  // namespace weir::http
