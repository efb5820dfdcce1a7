#include "engine/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace weir::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class Loop : public ::testing::Test {
 protected:
  EventLoop::Callback note(std::string text) {
    return [this, text]() -> Result<void> {
      notes_ += text;
      return {};
    };
  }
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  std::string notes_;
};

TEST_F(Loop, TimersComeInTheirOrder) {
  const auto now = steady_clock::now();
  loop_->at(now + milliseconds{4}, note("b"));
  loop_->at(now + milliseconds{2}, note("a"));
  const auto cancelled = loop_->at(now + milliseconds{3}, note("x"));
  loop_->cancel(cancelled);
  while (notes_.size() < 2) ASSERT_TRUE(loop_->turn().ok());
  EXPECT_EQ(notes_, "ab");
  EXPECT_GE(steady_clock::now(), now + milliseconds{4});
}

TEST_F(Loop, DescriptorsAreWatchedUntilTheyAreNot) {
  const Descriptor event{::eventfd(1, EFD_CLOEXEC)};
  ASSERT_TRUE(loop_->watch(event.get(), [&]() -> Result<void> {
    notes_ += "e";
    loop_->unwatch(event.get());
    return {};
  }).ok());
  ASSERT_TRUE(loop_->turn(milliseconds{1'000}).ok());
  ASSERT_TRUE(loop_->turn(milliseconds{0}).ok());
  EXPECT_EQ(notes_, "e");
}

TEST_F(Loop, OtherThreadsPostAndWake) {
  std::thread other([&] { loop_->post(note("p")); });
  while (notes_.empty()) ASSERT_TRUE(loop_->turn(milliseconds{10'000}).ok());
  other.join();
  EXPECT_EQ(notes_, "p");
}

TEST_F(Loop, ATurnHasABeginAndAnEnd) {
  loop_->before_turn(note("("));
  loop_->after_turn(note(")"));
  loop_->post(note("1"));
  loop_->post(note("2"));
  ASSERT_TRUE(loop_->turn().ok());
  EXPECT_EQ(notes_, "(12)");
}

TEST_F(Loop, AnErrorEndsTheTurn) {
  loop_->post([]() -> Result<void> { return Error::bug("broken"); });
  loop_->post(note("never"));
  EXPECT_EQ(loop_->turn().error().message(), "broken");
  EXPECT_EQ(notes_, "");
}

}  // namespace
}  // namespace weir::engine
