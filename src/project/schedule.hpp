#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::project {

// When a pipeline starts by itself: a cron expression read in an IANA time zone.
// Five fields (minute hour day-of-month month day-of-week), or six with seconds first; names, ranges, steps, lists,
// L, W, # as in Quartz (but Sunday is 0 or 7, as in cron), @yearly … @hourly. As in cron(5), a day matches when
// day-of-month or day-of-week matches, if neither starts with "*"; else when both match.
class Schedule {
 public:
  // InvalidProject, naming the field or the zone that is wrong.
  static Result<Schedule> parse(std::string_view cron, std::string_view zone);

  const std::string& cron() const { return cron_; }
  const std::string& zone() const { return zone_; }
  bool catchup = false;

  // The first fire strictly after `after`. A local time that a clock change skips fires at the moment of the change; one
  // that it repeats fires once, the first time. As in Debian's cron(8), an expression whose hour field starts with "*"
  // means a rhythm rather than a time of day: it follows elapsed time, without a fire for what is skipped and with one
  // for each repetition. Nothing when the expression never matches ("0 0 30 2 *").
  std::optional<Instant> next(Instant after) const;
  // "2026-03-03 12:45:00 +03:00": the instant on this schedule's clock.
  std::string local_text(Instant instant) const;

 private:
  struct Rule;
  Schedule(std::string cron, std::string zone, std::shared_ptr<const Rule> rule);

  std::string cron_;
  std::string zone_;
  std::shared_ptr<const Rule> rule_;
};

}  // namespace weir::project
