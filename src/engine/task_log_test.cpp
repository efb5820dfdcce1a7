#include "engine/task_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <tuple>

namespace weir::engine {
namespace {

using namespace std::chrono_literals;

// A log file that Weir and a program write to.
class TaskLog : public ::testing::Test {
 protected:
  using Seen = std::tuple<std::int64_t, std::string, std::string_view, std::string>;

  TaskLog() {
    file_ = Descriptor{::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_TRUNC, 0644)};
    ours_ = Descriptor{::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
  }
  ~TaskLog() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_.string() + ".times");
  }

  void print(std::string_view text) const { ASSERT_TRUE(write_all(file_.get(), text, "printing").ok()); }
  void say(TaskLogFollower& follower, LogLevel level, std::string message) const {
    const auto text = format_log_line({at(1s), level, std::move(message)});
    ASSERT_TRUE(write_all(ours_.get(), text, "saying").ok());
    follower.wrote(static_cast<std::uint64_t>(::lseek(ours_.get(), 0, SEEK_CUR)), text.size());
  }
  TaskLogFollower follow() const { return TaskLogFollower::open(path_).value(); }
  static Instant at(std::chrono::seconds second) { return Instant{1'700'000'000s + second}; }
  static Seen seen(const TaskLogLine& line) {
    return {line.number, line.at ? format_instant(*line.at).substr(17) : "", name(line.level), line.text};
  }
  static std::vector<Seen> seen(const std::vector<TaskLogLine>& lines) {
    std::vector<Seen> all;
    for (const auto& line : lines) all.push_back(seen(line));
    return all;
  }
  std::vector<Seen> read(TaskLogReader::LastLine last_line = TaskLogReader::LastLine::Whole) const {
    std::vector<Seen> all;
    TaskLogReader reader{path_, last_line};
    while (const auto line = reader.next()) all.push_back(seen(*line));
    return all;
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("weir_task_log_{}", ::getpid());
  Descriptor file_;
  Descriptor ours_;
};

TEST_F(TaskLog, ShowsWhatProgramsPrintWithTheTimeWhenItWasSeen) {
  auto follower = follow();
  print("one\nbeg");
  EXPECT_EQ(seen(follower.take(at(21s))), (std::vector<Seen>{{1, "41Z", "info", "one"}}));
  EXPECT_EQ(seen(follower.take(at(22s))), std::vector<Seen>{});
  EXPECT_EQ(read(TaskLogReader::LastLine::Unfinished), (std::vector<Seen>{{1, "41Z", "info", "one"}}));
  print("un\ntwo\nlast");
  EXPECT_EQ(seen(follower.take(at(23s))), (std::vector<Seen>{{2, "43Z", "info", "begun"}, {3, "43Z", "info", "two"}}));
  EXPECT_EQ(seen(follower.take_rest(at(24s))), (std::vector<Seen>{{4, "44Z", "info", "last"}}));
  EXPECT_EQ(seen(follower.take_rest(at(25s))), std::vector<Seen>{});
  EXPECT_EQ(read(), (std::vector<Seen>{{1, "41Z", "info", "one"},
                                       {2, "43Z", "info", "begun"},
                                       {3, "43Z", "info", "two"},
                                       {4, "44Z", "info", "last"}}));
}

TEST_F(TaskLog, TellsTheLinesOfWeirFromThoseOfPrograms) {
  auto follower = follow();
  say(follower, LogLevel::Warn, "slow\n  for a reason");
  print("printed\n");
  say(follower, LogLevel::Error, "refused");
  const std::vector<Seen> all{{1, "21Z", "warn", "slow"},
                              {2, "", "warn", "  for a reason"},
                              {3, "45Z", "info", "printed"},
                              {4, "21Z", "error", "refused"}};
  EXPECT_EQ(seen(follower.take(at(25s))), all);
  EXPECT_EQ(read(), all);
}

TEST_F(TaskLog, GoesOnBehindWhatAnEarlierProcessOfTheAttemptWrote) {
  {
    auto earlier = follow();
    print("earlier\n");
    EXPECT_EQ(earlier.take(at(21s)).size(), 1U);
  }
  auto follower = follow();
  print("later\n");
  EXPECT_EQ(seen(follower.take(at(22s))), (std::vector<Seen>{{2, "42Z", "info", "later"}}));
  EXPECT_EQ(read(), (std::vector<Seen>{{1, "41Z", "info", "earlier"}, {2, "42Z", "info", "later"}}));
}

// What nobody saw, since Weir was killed, has no time; a record of times that is cut off is none.
TEST_F(TaskLog, ClaimsNoTimeOfLinesThatWereNotSeen) {
  auto follower = follow();
  print("one\n");
  EXPECT_EQ(follower.take(at(21s)).size(), 1U);
  print("two\nthree\n");
  const Descriptor times{::open((path_.string() + ".times").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
  ASSERT_TRUE(write_all(times.get(), "2 3 2023-11-14T22:1", "cutting off").ok());
  EXPECT_EQ(read(), (std::vector<Seen>{{1, "41Z", "info", "one"}, {2, "", "info", "two"}, {3, "", "info", "three"}}));
}

TEST_F(TaskLog, ShowsTheEndOfAFloodAndCountsAll) {
  auto follower = follow();
  const std::string line(99, 'x');
  std::string flood;
  for (int i = 0; i < 20'000; ++i) flood += line + "\n";
  print(flood);
  const auto shown = follower.take(at(21s));
  EXPECT_EQ(shown.size(), 500U);
  EXPECT_EQ(shown.front().number, 19'501);
  EXPECT_EQ(shown.back().number, 20'000);
  const auto all = read();
  EXPECT_EQ(all.size(), 20'000U);
  EXPECT_EQ(std::get<1>(all.front()), "41Z");
  // What Weir says does not drown in it.
  say(follower, LogLevel::Warn, "slow");
  print(flood);
  const auto mixed = follower.take(at(21s));
  ASSERT_EQ(mixed.size(), 501U);
  EXPECT_EQ(seen(mixed[0]), (Seen{20'001, "21Z", "warn", "slow"}));
  EXPECT_EQ(mixed[1].number, 39'502);
  print(fmt::format("{}\nshort\n", std::string(100'000, 'y')));
  const auto cut = follower.take(at(22s));
  ASSERT_EQ(cut.size(), 2U);
  EXPECT_EQ(cut[0].text, std::string(65'536, 'y'));
  EXPECT_EQ(seen(cut[1]), (Seen{40'003, "42Z", "info", "short"}));
}

}  // namespace
}  // namespace weir::engine
