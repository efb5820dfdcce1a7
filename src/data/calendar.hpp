#pragma once

#include <cstdint>

#include "data/type.hpp"

namespace weir::data {

// A day of the proleptic Gregorian calendar; year 0 is 1 BC.
struct CivilDate {
  std::int64_t year = 1970;
  int month = 1;  // 1..12
  int day = 1;    // 1..31

  bool operator==(const CivilDate&) const = default;
};

// Between days since 1970-01-01 and the calendar, for any year that the days of a 64-bit count of seconds reach.
// The arithmetic is Howard Hinnant's (howardhinnant.github.io/date_algorithms.html): eras of 400 years, years from March.
constexpr CivilDate civil_from_days(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<std::uint32_t>(days - era * 146'097);
  const std::uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

// The date must exist (is_date).
constexpr std::int64_t days_from_civil(const CivilDate& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<std::uint32_t>(year - era * 400);
  const auto month_from_march = static_cast<std::uint32_t>(date.month > 2 ? date.month - 3 : date.month + 9);
  const std::uint32_t day_of_year = (153 * month_from_march + 2) / 5 + static_cast<std::uint32_t>(date.day) - 1;
  const std::uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

constexpr bool is_leap_year(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr bool is_date(const CivilDate& date) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  return date.day <= kDays[date.month - 1] + (date.month == 2 && is_leap_year(date.year) ? 1 : 0);
}

constexpr std::int64_t kSecondsADay = 86'400;
constexpr std::int64_t kNanosASecond = 1'000'000'000;

constexpr std::int64_t units_a_second(TimeUnit unit) {
  constexpr std::int64_t kUnits[] = {1, 1'000, 1'000'000, kNanosASecond};
  return kUnits[static_cast<std::size_t>(unit)];
}

}  // namespace weir::data
