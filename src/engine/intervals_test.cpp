#include "engine/intervals.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

Instant at(std::string_view text) { return parse_instant(text).value(); }
project::Schedule daily() { return project::Schedule::parse("0 6 * * *", "UTC").value(); }

std::vector<std::string> texts(const std::vector<Instant>& instants) {
  std::vector<std::string> all;
  for (const auto instant : instants) all.push_back(format_instant(instant));
  return all;
}

using Texts = std::vector<std::string>;

TEST(Intervals, ARunCoversTheIntervalThatEndedLast) {
  project::Pipeline pipeline;
  EXPECT_FALSE(interval_at(pipeline, at("2026-03-02T12:00:00Z")));
  pipeline.schedules.push_back(daily());
  const Interval day{at("2026-03-01T06:00:00Z"), at("2026-03-02T06:00:00Z")};
  EXPECT_EQ(interval_at(pipeline, at("2026-03-02T12:00:00Z")), day);
  EXPECT_EQ(interval_at(pipeline, at("2026-03-02T06:00:00Z")), day);
  EXPECT_EQ(interval_of_fire(daily(), at("2026-03-02T06:00:00Z")), day);
  const auto between = intervals_between(daily(), at("2026-03-01T00:00:00Z"), at("2026-03-04T00:00:00Z"), 100);
  ASSERT_EQ(between.size(), 2U);
  EXPECT_EQ(between.front(), day);
}

TEST(Intervals, EventsGiveTheHullOfTheirs) {
  ledger::Event one;
  EXPECT_FALSE(interval_of_events(std::vector{one}));
  one.interval_from = at("2026-03-02");
  one.interval_to = at("2026-03-03");
  auto two = one;
  two.interval_from = at("2026-03-01");
  two.interval_to = at("2026-03-02");
  EXPECT_EQ(interval_of_events(std::vector{one, two}), (Interval{at("2026-03-01"), at("2026-03-03")}));
}

TEST(Intervals, WhatWasMissedRunsAsTheScheduleSays) {
  auto schedule = daily();
  const auto mark = at("2026-03-01T06:00:00Z");
  const auto later = at("2026-03-05T12:00:00Z");
  EXPECT_EQ(texts(due_fires(schedule, mark, later)), Texts{});
  schedule.catchup = project::Catchup::Last;
  EXPECT_EQ(texts(due_fires(schedule, mark, later)), Texts{"2026-03-05T06:00:00Z"});
  schedule.catchup = project::Catchup::All;
  EXPECT_EQ(due_fires(schedule, mark, later).size(), 4U);
  schedule.catchup_limit = 2;
  EXPECT_EQ(texts(due_fires(schedule, mark, later)), (Texts{"2026-03-04T06:00:00Z", "2026-03-05T06:00:00Z"}));
  for (const auto catchup : {project::Catchup::None, project::Catchup::Last, project::Catchup::All}) {
    schedule.catchup = catchup;
    // On time, a little late, and never twice.
    EXPECT_EQ(texts(due_fires(schedule, mark, at("2026-03-02T06:00:00Z"))), Texts{"2026-03-02T06:00:00Z"});
    EXPECT_EQ(texts(due_fires(schedule, mark, at("2026-03-02T06:00:59Z"))), Texts{"2026-03-02T06:00:00Z"});
    EXPECT_EQ(texts(due_fires(schedule, at("2026-03-02T06:00:00Z"), at("2026-03-02T06:00:59Z"))), Texts{});
    EXPECT_EQ(texts(due_fires(schedule, mark, mark)), Texts{});
  }
}

}  // namespace
}  // namespace weir::engine
