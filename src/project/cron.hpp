#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weir::project {

// A time on a wall clock, without a zone: seconds since 1970-01-01T00:00:00 there.
using LocalSeconds = std::chrono::local_seconds;

// A parsed cron expression; see schedule.hpp for what it may say.
struct Cron {
  std::bitset<60> at_seconds;
  std::bitset<60> at_minutes;
  std::bitset<24> at_hours;
  std::bitset<13> in_months;  // 1 … 12
  bool hour_is_star = false;

  // Days of a month.
  std::bitset<32> on_days;            // 1 … 31
  std::vector<int> days_before_last;  // L is 0, L-3 is 3
  std::vector<int> weekdays_nearest;  // 15W
  bool last_weekday = false;          // LW
  bool day_is_star = false;

  // Days of a week, Sunday is 0.
  std::bitset<7> on_weekdays;
  std::bitset<7> last_of_weekday;                 // FRIL
  std::vector<std::pair<int, int>> nth_weekdays;  // FRI#2 is {5, 2}
  bool weekday_is_star = false;

  bool matches_day(std::chrono::year_month_day day) const;
  // The first match at or after `from`; nothing when there is none within the calendar's 400-year cycle's longest wait.
  std::optional<LocalSeconds> next(LocalSeconds from) const;
};

// InvalidProject, naming the field.
Result<Cron> parse_cron(std::string_view text);

}  // namespace weir::project
