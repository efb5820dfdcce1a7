#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ledger/schedule_book.hpp"
#include "project/project.hpp"

// Which stretch of time a run stands for. The one rule: a run at an instant covers the interval of the pipeline's (first)
// schedule that ended last, from the fire before to the fire; so a scheduled run, a manual one beside it and the backfill of
// that interval are the same. A pipeline without a schedule has none, unless what set it off has.
namespace weir::engine {

struct Interval {
  Instant from;
  Instant to;
  bool operator==(const Interval&) const = default;
};

// Of a schedule's fire.
Interval interval_of_fire(const project::Schedule& schedule, Instant fire);
// At an instant.
std::optional<Interval> interval_at(const project::Pipeline& pipeline, Instant at);
// Of a run that consumes these events: from the first begin to the last end of theirs.
std::optional<Interval> interval_of_events(std::span<const ledger::Event> events);
// The intervals of the pipeline's first schedule that lie within [from, to), in order, at most `limit`.
std::vector<Interval> intervals_between(const project::Schedule& schedule, Instant from, Instant to, std::size_t limit);

// Which fires of a schedule that has been dealt with up to `mark` make runs now: the ones that are on time (at most a
// minute late), and of those that were missed what the schedule's catch-up says.
std::vector<Instant> due_fires(const project::Schedule& schedule, Instant mark, Instant now);

}  // namespace weir::engine
