#include "engine/log_watch.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace weir::engine {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class GrowingFile : public ::testing::Test {
 protected:
  GrowingFile() { write(""); }
  ~GrowingFile() override { std::filesystem::remove(path_); }
  void write(std::string_view text) const { std::ofstream{path_, std::ios::app} << text << std::flush; }
  void turn_until(int times) {
    const auto deadline = steady_clock::now() + 30s;
    while (told_ < times && steady_clock::now() < deadline) ASSERT_TRUE(loop_->turn(1s).ok());
    EXPECT_EQ(told_, times);
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("weir_log_watch_{}", ::getpid());
  std::unique_ptr<EventLoop> loop_ = EventLoop::create().value();
  LogWatch watch_{*loop_};
  int told_ = 0;
};

TEST_F(GrowingFile, IsToldOfAtOnceAndThenAtIntervals) {
  watch_.add(path_, [&] { ++told_; });
  write("a");
  turn_until(1);
  // What comes within the pause is told once, after it.
  write("b");
  ASSERT_TRUE(loop_->turn(0ms).ok());
  write("c");
  turn_until(2);
  write("d");
  turn_until(3);
}

TEST_F(GrowingFile, IsNotToldOfAnyMore) {
  watch_.add(path_, [&] { ++told_; });
  write("a");
  turn_until(1);
  write("b");
  ASSERT_TRUE(loop_->turn(0ms).ok());
  const int told = told_;
  watch_.remove(path_);
  write("c");
  // Its timer would strike first.
  bool is_over = false;
  loop_->at(steady_clock::now() + 25ms, [&]() -> Result<void> {
    is_over = true;
    return {};
  });
  while (!is_over) ASSERT_TRUE(loop_->turn().ok());
  EXPECT_EQ(told_, told);
}

TEST_F(GrowingFile, ThatIsNotThereIsNotWatched) {
  watch_.add(path_.string() + ".missing", [&] { ++told_; });
  watch_.remove(path_.string() + ".missing");
  ASSERT_TRUE(loop_->turn(0ms).ok());
  EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace weir::engine
