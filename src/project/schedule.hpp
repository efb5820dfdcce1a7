#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::project {

// When a pipeline starts by itself: a cron expression read in an IANA time zone.
// Five fields (minute hour day-of-month month day-of-week), or six with seconds first; names, ranges, steps, lists,
// L, W, # as in Quartz, @yearly … @hourly. As in cron(5), a day matches when day-of-month or day-of-week matches, if both
// are restricted.
class Schedule {
 public:
  static Result<Schedule> parse(std::string_view cron, std::string_view zone);

  const std::string& cron() const { return cron_; }
  const std::string& zone() const { return zone_; }
  bool catchup = false;

  // The first fire strictly after `after`. A local time that a clock change skips fires at the moment of the change; one
  // that it repeats fires once, the first time. Nothing when the expression never matches ("0 0 30 2 *").
  std::optional<Instant> next(Instant after) const;
  // "2026-03-03 12:45:00 +03:00": the instant on this schedule's clock.
  std::string local_text(Instant instant) const;

 private:
  struct Fields;
  Schedule(std::string cron, std::string zone, std::shared_ptr<const Fields> fields);

  std::string cron_;
  std::string zone_;
  std::shared_ptr<const Fields> fields_;
};

}  // namespace weir::project
