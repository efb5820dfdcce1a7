#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::project {

// A local time that a clock change skips: the schedule fires at the moment of the change, or not at all.
enum class Gap { Run, Skip };
// A local time that a clock change repeats: the schedule fires the first time, or both times.
enum class Overlap { First, Both };
// Fires that were missed while Weir was down: none of them runs later, the last one does, all do.
enum class Catchup { None, Last, All };

// When a pipeline starts by itself: a cron expression read in an IANA time zone, or an interval.
// Five fields (minute hour day-of-month month day-of-week), or six with seconds first; names, ranges, steps, lists,
// L, W, # as in Quartz (but Sunday is 0 or 7, as in cron), @yearly … @hourly. As in cron(5), a day matches when
// day-of-month or day-of-week matches, if neither starts with "*"; else when both match.
// An interval fires at its multiples since 1970-01-01T00:00:00Z, whatever clocks do.
class Schedule {
 public:
  // InvalidProject, naming the field or the zone that is wrong.
  static Result<Schedule> parse(std::string_view cron, std::string_view zone);
  // At least a second. The zone is only for showing times.
  static Result<Schedule> every(std::chrono::milliseconds interval, std::string_view zone);

  const std::string& cron() const { return cron_; }  // "" for an interval
  std::optional<std::chrono::milliseconds> interval() const { return interval_; }
  const std::string& zone() const { return zone_; }
  // What tells it apart from the other schedules of its pipeline: "45 12 * * TUE Europe/Moscow", "every 15m".
  const std::string& text() const { return text_; }

  Catchup catchup = Catchup::None;
  int catchup_limit = 100;  // with All: the newest ones
  // Unset, an expression that names hours fires at the change and once; as in Debian's cron(8), one whose hour field
  // starts with "*" means a rhythm rather than a time of day: it follows elapsed time, without a fire for what is skipped
  // and with one for each repetition.
  std::optional<Gap> gap;
  std::optional<Overlap> overlap;

  // The first fire strictly after `after`. Nothing when the expression never matches ("0 0 30 2 *").
  std::optional<Instant> next(Instant after) const;
  // The last fire at or before `until`; nothing when there is none in the forty years before.
  std::optional<Instant> last(Instant until) const;
  // The fires in (after, until], in order; when there are more than `limit`, the last ones.
  std::vector<Instant> fires(Instant after, Instant until, std::size_t limit) const;
  // "2026-03-03 12:45:00 +03:00": the instant on this schedule's clock.
  std::string local_text(Instant instant) const;

 private:
  struct Rule;
  Schedule(std::string cron, std::string zone, std::shared_ptr<const Rule> rule);

  std::string cron_;
  std::optional<std::chrono::milliseconds> interval_;
  std::string zone_;
  std::string text_;
  std::shared_ptr<const Rule> rule_;
};

}  // namespace weir::project
