#include "project/schedule.hpp"

#include <gtest/gtest.h>

namespace weir::project {
namespace {

Instant at(std::string_view text) { return parse_instant(text).value(); }

// The next fires in local text, from an instant in UTC.
std::vector<std::string> fires(std::string_view cron, std::string_view zone, std::string_view after, int count) {
  const auto schedule = Schedule::parse(cron, zone).value();
  std::vector<std::string> texts;
  auto instant = at(after);
  for (int i = 0; i < count; ++i) {
    const auto next = schedule.next(instant);
    if (!next) {
      texts.emplace_back("never");
      break;
    }
    EXPECT_GT(*next, instant);
    instant = *next;
    texts.push_back(schedule.local_text(instant));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Schedule, TuesdaysInMoscow) {
  EXPECT_EQ(fires("45 12 * * TUE", "Europe/Moscow", "2026-03-01T00:00:00Z", 3),
            (Texts{"2026-03-03 12:45:00 +03:00", "2026-03-10 12:45:00 +03:00", "2026-03-17 12:45:00 +03:00"}));
  const auto schedule = Schedule::parse("45 12 * * TUE", "Europe/Moscow").value();
  EXPECT_EQ(format_instant(*schedule.next(at("2026-03-03T09:45:00Z"))), "2026-03-10T09:45:00Z");
  EXPECT_EQ(format_instant(*schedule.next(at("2026-03-03T09:44:59.999999Z"))), "2026-03-03T09:45:00Z");
}

TEST(Schedule, FieldsTakeListsRangesStepsAndNames) {
  EXPECT_EQ(fires("0,30 9-10 * JAN,jul mon-fri", "UTC", "2026-01-31T00:00:00Z", 2),
            (Texts{"2026-07-01 09:00:00 +00:00", "2026-07-01 09:30:00 +00:00"}));
  EXPECT_EQ(fires("50/5 23 * * *", "UTC", "2026-01-01T00:00:00Z", 3),
            (Texts{"2026-01-01 23:50:00 +00:00", "2026-01-01 23:55:00 +00:00", "2026-01-02 23:50:00 +00:00"}));
}

TEST(Schedule, SixFieldsBeginWithSeconds) {
  EXPECT_EQ(fires("*/20 59 23 31 12 *", "UTC", "2026-01-01T00:00:00Z", 4),
            (Texts{"2026-12-31 23:59:00 +00:00", "2026-12-31 23:59:20 +00:00", "2026-12-31 23:59:40 +00:00",
                   "2027-12-31 23:59:00 +00:00"}));
}

TEST(Schedule, RangesRunOverTheEnd) {
  EXPECT_EQ(fires("0 22-1 * * *", "UTC", "2026-01-01T12:00:00Z", 4),
            (Texts{"2026-01-01 22:00:00 +00:00", "2026-01-01 23:00:00 +00:00", "2026-01-02 00:00:00 +00:00",
                   "2026-01-02 01:00:00 +00:00"}));
  EXPECT_EQ(fires("0 0 * * FRI-MON", "UTC", "2026-01-01T00:00:00Z", 5),
            (Texts{"2026-01-02 00:00:00 +00:00", "2026-01-03 00:00:00 +00:00", "2026-01-04 00:00:00 +00:00",
                   "2026-01-05 00:00:00 +00:00", "2026-01-09 00:00:00 +00:00"}));
}

TEST(Schedule, SundayIsZeroOrSeven) {
  const Texts sundays{"2026-01-04 00:00:00 +00:00", "2026-01-11 00:00:00 +00:00"};
  for (const auto* cron : {"0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "@weekly"}) {
    EXPECT_EQ(fires(cron, "UTC", "2026-01-01T00:00:00Z", 2), sundays) << cron;
  }
  EXPECT_EQ(fires("0 0 * * 6-7", "UTC", "2026-01-01T00:00:00Z", 2),
            (Texts{"2026-01-03 00:00:00 +00:00", "2026-01-04 00:00:00 +00:00"}));
}

TEST(Schedule, EitherDayMatchesWhenBothAreRestricted) {
  EXPECT_EQ(fires("0 0 13 * FRI", "UTC", "2026-02-01T00:00:00Z", 4),
            (Texts{"2026-02-06 00:00:00 +00:00", "2026-02-13 00:00:00 +00:00", "2026-02-20 00:00:00 +00:00",
                   "2026-02-27 00:00:00 +00:00"}));
  // A field that starts with * does not restrict, so both have to match.
  EXPECT_EQ(fires("0 0 */2 * MON", "UTC", "2026-01-01T00:00:00Z", 3),
            (Texts{"2026-01-05 00:00:00 +00:00", "2026-01-19 00:00:00 +00:00", "2026-02-09 00:00:00 +00:00"}));
}

TEST(Schedule, LastDaysNearestWeekdaysAndNthWeekdays) {
  EXPECT_EQ(fires("0 0 L * *", "UTC", "2026-02-01T00:00:00Z", 2),
            (Texts{"2026-02-28 00:00:00 +00:00", "2026-03-31 00:00:00 +00:00"}));
  EXPECT_EQ(fires("0 0 L-2 * ?", "UTC", "2028-02-01T00:00:00Z", 1), Texts{"2028-02-27 00:00:00 +00:00"});
  // 15 August 2026 is a Saturday, 15 November a Sunday; 1 August is a Saturday too, and W stays in its month.
  EXPECT_EQ(fires("0 0 15W 8,11 *", "UTC", "2026-01-01T00:00:00Z", 2),
            (Texts{"2026-08-14 00:00:00 +00:00", "2026-11-16 00:00:00 +00:00"}));
  EXPECT_EQ(fires("0 0 1W 8 *", "UTC", "2026-01-01T00:00:00Z", 1), Texts{"2026-08-03 00:00:00 +00:00"});
  EXPECT_EQ(fires("0 0 LW 5 *", "UTC", "2026-01-01T00:00:00Z", 1), Texts{"2026-05-29 00:00:00 +00:00"});
  EXPECT_EQ(fires("0 0 * * FRI#2", "UTC", "2026-01-01T00:00:00Z", 2),
            (Texts{"2026-01-09 00:00:00 +00:00", "2026-02-13 00:00:00 +00:00"}));
  EXPECT_EQ(fires("0 0 * * 5L", "UTC", "2026-01-01T00:00:00Z", 2),
            (Texts{"2026-01-30 00:00:00 +00:00", "2026-02-27 00:00:00 +00:00"}));
}

TEST(Schedule, LeapDaysAndNever) {
  EXPECT_EQ(fires("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2),
            (Texts{"2028-02-29 00:00:00 +00:00", "2032-02-29 00:00:00 +00:00"}));
  EXPECT_EQ(fires("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), Texts{"2104-02-29 00:00:00 +00:00"});
  EXPECT_EQ(fires("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", 1), Texts{"never"});
  EXPECT_EQ(fires("0 0 30 2 *", "Europe/Berlin", "2026-01-01T00:00:00Z", 1), Texts{"never"});
}

TEST(Schedule, ASkippedTimeOfDayFiresAtTheChange) {
  // Berlin goes from 02:00 to 03:00 on 29 March 2026.
  EXPECT_EQ(fires("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 4),
            (Texts{"2026-03-28 02:30:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-30 02:30:00 +02:00",
                   "2026-03-31 02:30:00 +02:00"}));
  // Several skipped times, and one at the change itself, are one fire.
  EXPECT_EQ(fires("0,30 2,3 29 3 *", "Europe/Berlin", "2026-03-01T00:00:00Z", 3),
            (Texts{"2026-03-29 03:00:00 +02:00", "2026-03-29 03:30:00 +02:00", "2027-03-29 02:00:00 +02:00"}));
}

TEST(Schedule, ARepeatedTimeOfDayFiresOnce) {
  // New York goes from 02:00 back to 01:00 on 1 November 2026.
  EXPECT_EQ(fires("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
            (Texts{"2026-11-01 01:30:00 -04:00", "2026-11-02 01:30:00 -05:00"}));
  EXPECT_EQ(fires("0 1,2 1 11 *", "America/New_York", "2026-10-31T12:00:00Z", 2),
            (Texts{"2026-11-01 01:00:00 -04:00", "2026-11-01 02:00:00 -05:00"}));
  // Asked in the middle of the repetition.
  const auto schedule = Schedule::parse("30 1 * * *", "America/New_York").value();
  EXPECT_EQ(schedule.local_text(*schedule.next(at("2026-11-01T06:10:00Z"))), "2026-11-02 01:30:00 -05:00");
}

TEST(Schedule, ARhythmFollowsElapsedTime) {
  EXPECT_EQ(fires("30 * * * *", "Europe/Berlin", "2026-03-28T23:45:00Z", 3),
            (Texts{"2026-03-29 01:30:00 +01:00", "2026-03-29 03:30:00 +02:00", "2026-03-29 04:30:00 +02:00"}));
  EXPECT_EQ(fires("*/30 * * * *", "America/New_York", "2026-11-01T05:15:00Z", 4),
            (Texts{"2026-11-01 01:30:00 -04:00", "2026-11-01 01:00:00 -05:00", "2026-11-01 01:30:00 -05:00",
                   "2026-11-01 02:00:00 -05:00"}));
}

TEST(Schedule, HalfHourChangesAndSkippedDays) {
  // Lord Howe moves by 30 minutes: 02:00 to 02:30 on 4 October 2026. Samoa skipped the whole of 30 December 2011.
  EXPECT_EQ(fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
            (Texts{"2026-10-04 02:30:00 +11:00", "2026-10-05 02:15:00 +11:00"}));
  EXPECT_EQ(fires("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
            (Texts{"2011-12-29 12:00:00 -10:00", "2011-12-31 00:00:00 +14:00", "2011-12-31 12:00:00 +14:00"}));
}

TEST(Schedule, GapAndOverlapAreTheUsersChoice) {
  auto schedule = Schedule::parse("30 2 * * *", "Europe/Berlin").value();
  schedule.gap = Gap::Skip;
  EXPECT_EQ(schedule.local_text(*schedule.next(at("2026-03-28T12:00:00Z"))), "2026-03-30 02:30:00 +02:00");
  schedule.overlap = Overlap::Both;
  auto fire = *schedule.next(at("2026-10-24T12:00:00Z"));
  EXPECT_EQ(schedule.local_text(fire), "2026-10-25 02:30:00 +02:00");
  fire = *schedule.next(fire);
  EXPECT_EQ(schedule.local_text(fire), "2026-10-25 02:30:00 +01:00");
  auto rhythm = Schedule::parse("30 * * * *", "Europe/Berlin").value();
  rhythm.overlap = Overlap::First;
  rhythm.gap = Gap::Run;
  EXPECT_EQ(rhythm.local_text(*rhythm.next(at("2026-10-25T00:30:00Z"))), "2026-10-25 03:30:00 +01:00");
  EXPECT_EQ(rhythm.local_text(*rhythm.next(at("2026-03-29T00:30:00Z"))), "2026-03-29 03:00:00 +02:00");
}

TEST(Schedule, AnIntervalFiresAtItsMultiples) {
  const auto schedule = Schedule::every(std::chrono::minutes{15}, "Europe/Moscow").value();
  EXPECT_EQ(schedule.text(), "every 15m");
  EXPECT_EQ(format_instant(*schedule.next(at("2026-03-01T12:00:00Z"))), "2026-03-01T12:15:00Z");
  EXPECT_EQ(format_instant(*schedule.next(at("2026-03-01T12:14:59.999999Z"))), "2026-03-01T12:15:00Z");
  EXPECT_EQ(format_instant(*schedule.next(at("1969-12-31T23:50:00Z"))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_instant(*schedule.last(at("2026-03-01T12:14:59Z"))), "2026-03-01T12:00:00Z");
  EXPECT_EQ(format_instant(*schedule.last(at("2026-03-01T12:15:00Z"))), "2026-03-01T12:15:00Z");
  EXPECT_EQ(Schedule::every(std::chrono::milliseconds{500}, "UTC").error().code(), Code::InvalidProject);
}

TEST(Schedule, TheLastFiresBeforeAnInstant) {
  const auto tuesdays = Schedule::parse("45 12 * * TUE", "Europe/Moscow").value();
  EXPECT_EQ(format_instant(*tuesdays.last(at("2026-03-10T09:44:59Z"))), "2026-03-03T09:45:00Z");
  EXPECT_EQ(format_instant(*tuesdays.last(at("2026-03-10T09:45:00Z"))), "2026-03-10T09:45:00Z");
  const auto leap = Schedule::parse("0 0 29 2 *", "UTC").value();
  EXPECT_EQ(format_instant(*leap.last(at("2026-03-10T00:00:00Z"))), "2024-02-29T00:00:00Z");
  EXPECT_FALSE(Schedule::parse("0 0 30 2 *", "UTC").value().last(at("2026-03-10T00:00:00Z")));
  const auto hourly = Schedule::parse("@hourly", "UTC").value();
  const auto fires_of_day = hourly.fires(at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"), 100);
  EXPECT_EQ(fires_of_day.size(), 24U);
  EXPECT_EQ(format_instant(fires_of_day.front()), "2026-03-01T01:00:00Z");
  const auto newest = hourly.fires(at("2020-01-01T00:00:00Z"), at("2026-03-02T00:00:00Z"), 3);
  ASSERT_EQ(newest.size(), 3U);
  EXPECT_EQ(format_instant(newest.front()), "2026-03-01T22:00:00Z");
}

TEST(Schedule, MistakesNameTheFieldOrTheZone) {
  const auto mistake = [](std::string_view cron, std::string_view zone = "UTC") {
    const auto parsed = Schedule::parse(cron, zone);
    return parsed.ok() ? std::string{"ok"} : parsed.error().message();
  };
  EXPECT_EQ(mistake("61 * * * *"), "the minute of the cron expression is not valid: 61");
  EXPECT_EQ(mistake("* 5-24 * * *"), "the hour of the cron expression is not valid: 5-24");
  EXPECT_EQ(mistake("* * 0 * *"), "the day-of-month of the cron expression is not valid: 0");
  EXPECT_EQ(mistake("* * * FOO *"), "the month of the cron expression is not valid: FOO");
  EXPECT_EQ(mistake("* * * * MON#6"), "the day-of-week of the cron expression is not valid: MON#6");
  EXPECT_EQ(mistake("*/0 * * * *"), "the minute of the cron expression is not valid: */0");
  EXPECT_EQ(mistake("1,,2 * * * *"), "the minute of the cron expression is not valid: ");
  EXPECT_EQ(mistake("* * * *"), "a cron expression has five fields, or six with seconds first, not 4: * * * *");
  EXPECT_EQ(mistake("@often"), "unknown cron expression: @often");
  EXPECT_EQ(mistake("@daily", "Europe/Moskow"), "unknown time zone: Europe/Moskow");
  EXPECT_EQ(Schedule::parse("@daily", "Europe/Moskow").error().hint(), "did you mean Europe/Moscow?");
  for (const auto* text :
       {"", "-", "1- * * * *", "/5 * * * *", "L-99 * * * *", "* * L- * *", "* * W * *", "* * * * #", "* * * * L"}) {
    EXPECT_NE(mistake(text), "ok") << text;
  }
}

TEST(Schedule, TheNextFireIsFoundFast) {
  const auto schedule = Schedule::parse("* * * * * *", "Europe/Berlin").value();
  const auto begin = std::chrono::steady_clock::now();
  auto instant = at("2026-03-28T00:00:00Z");
  for (int i = 0; i < 10'000; ++i) instant = *schedule.next(instant);
  EXPECT_EQ(format_instant(instant), "2026-03-28T02:46:40Z");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{2});
}

}  // namespace
}  // namespace weir::project
