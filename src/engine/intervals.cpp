#include "engine/intervals.hpp"

#include <algorithm>

namespace weir::engine {
namespace {

// A fire that is later than this was missed rather than delayed.
constexpr std::chrono::seconds kOnTime{60};

}  // namespace

Interval interval_of_fire(const project::Schedule& schedule, Instant fire) {
  return {schedule.last(fire - std::chrono::microseconds{1}).value_or(fire), fire};
}

std::optional<Interval> interval_at(const project::Pipeline& pipeline, Instant at) {
  if (pipeline.schedules.empty()) return std::nullopt;
  const auto& schedule = pipeline.schedules.front();
  const auto end = schedule.last(at);
  if (!end) return std::nullopt;
  return interval_of_fire(schedule, *end);
}

std::optional<Interval> interval_of_events(std::span<const ledger::Event> events) {
  std::optional<Interval> hull;
  for (const auto& event : events) {
    if (!event.interval_from || !event.interval_to) continue;
    if (!hull) hull = Interval{*event.interval_from, *event.interval_to};
    hull->from = std::min(hull->from, *event.interval_from);
    hull->to = std::max(hull->to, *event.interval_to);
  }
  return hull;
}

std::vector<Interval> intervals_between(const project::Schedule& schedule, Instant from, Instant to,
                                        std::size_t limit) {
  std::vector<Interval> intervals;
  auto begin = schedule.next(from - std::chrono::microseconds{1});
  while (begin && intervals.size() < limit) {
    const auto end = schedule.next(*begin);
    if (!end || *end > to) break;
    intervals.push_back({*begin, *end});
    begin = end;
  }
  return intervals;
}

std::vector<Instant> due_fires(const project::Schedule& schedule, Instant mark, Instant now) {
  if (now <= mark) return {};
  const auto limit = static_cast<std::size_t>(schedule.catchup_limit);
  if (schedule.catchup == project::Catchup::All) return schedule.fires(mark, now, limit);
  auto fires = schedule.fires(std::max(mark, now - kOnTime), now, limit);
  if (!fires.empty() || schedule.catchup == project::Catchup::None) return fires;
  const auto missed = schedule.last(now);
  if (missed && *missed > mark) fires.push_back(*missed);
  return fires;
}

}  // namespace weir::engine
