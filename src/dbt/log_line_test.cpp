#include "dbt/log_line.hpp"

#include <gtest/gtest.h>

namespace weir::dbt {
namespace {

const Instant kNow = *parse_instant("2026-03-01T12:00:00Z");

TEST(LogLine, HasTheLevelTimeAndTextOfTheEvent) {
  const auto line = read_log_line(
      R"({"data": {"log_version": 3}, "info": {"category": "", "code": "Z021", "level": "warn", "msg": "  3 rows\n  are odd\n", "name": "X", "ts": "2026-03-01T11:59:58.250000Z"}})",
      kNow);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->level, LogLevel::Warn);
  EXPECT_EQ(line->message, "3 rows\n  are odd");
  EXPECT_EQ(format_instant(line->time), "2026-03-01T11:59:58.250000Z");
}

TEST(LogLine, LevelsAreWeirs) {
  const auto level = [](std::string_view name) {
    return read_log_line(fmt::format(R"({{"info": {{"level": "{}", "msg": "x"}}}})", name), kNow)->level;
  };
  EXPECT_EQ(level("debug"), LogLevel::Debug);
  EXPECT_EQ(level("info"), LogLevel::Info);
  EXPECT_EQ(level("error"), LogLevel::Error);
}

TEST(LogLine, BlankLinesAreNone) {
  EXPECT_FALSE(read_log_line("", kNow));
  EXPECT_FALSE(read_log_line("  \r", kNow));
  EXPECT_FALSE(read_log_line(R"({"info": {"level": "info", "msg": "\n"}})", kNow));
}

TEST(LogLine, WhatIsNoEventIsAWarning) {
  for (const auto* text : {"Traceback (most recent call last):", "[1, 2]", R"({"info": 3})", R"({"other": {}})"}) {
    const auto line = read_log_line(text, kNow);
    ASSERT_TRUE(line) << text;
    EXPECT_EQ(line->level, LogLevel::Warn);
    EXPECT_EQ(line->message, text);
    EXPECT_EQ(line->time, kNow);
  }
}

}  // namespace
}  // namespace weir::dbt
