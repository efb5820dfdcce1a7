#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "project/schedule.hpp"

// Fires around every change of a zone's clock, against what the C library says of each minute there: it reads the same
// database by other code. A fixed choice of zones by default; WEIR_ALL_ZONES=1 takes all of them.
namespace weir::project {
namespace {

constexpr std::time_t kFrom = 946'684'800;  // 2000-01-01
constexpr std::time_t kTo = 2'145'916'800;  // 2038-01-01
constexpr int kWindowMinutes = 6 * 60;

struct LocalMinute {
  std::time_t instant;
  long day;    // since 1970, on the zone's clock
  int minute;  // of the day
  std::int64_t index() const { return std::int64_t{day} * 1440 + minute; }
};

LocalMinute local_minute(std::time_t instant) {
  std::tm local{};
  ::localtime_r(&instant, &local);
  const auto shifted = instant + local.tm_gmtoff;
  return {instant, shifted / 86'400, static_cast<int>(shifted % 86'400 / 60)};
}

long offset_at(std::time_t instant) {
  std::tm local{};
  ::localtime_r(&instant, &local);
  return local.tm_gmtoff;
}

// The first second of each stretch with another offset.
std::vector<std::time_t> changes() {
  std::vector<std::time_t> found;
  constexpr std::time_t kStep = 6 * 3600;
  for (auto at = kFrom; at < kTo; at += kStep) {
    if (offset_at(at) == offset_at(at + kStep)) continue;
    auto low = at;
    auto high = at + kStep;
    while (high - low > 1) (offset_at(low + (high - low) / 2) == offset_at(at) ? low : high) = low + (high - low) / 2;
    found.push_back(high);
  }
  return found;
}

struct Case {
  int minute_of_day;  // of the expression
  Gap gap;
  Overlap overlap;
};

// By the definition: which minutes of the window fire.
std::set<std::time_t> expected(const std::vector<LocalMinute>& window, std::time_t change, const Case& wanted) {
  std::set<std::time_t> fires;
  std::set<std::int64_t> seen;
  std::optional<std::int64_t> before;
  for (const auto& at : window) {
    if (before && at.instant == change) {
      // Local minutes that the change jumps over.
      for (auto skipped = *before + 1; skipped < at.index(); ++skipped) {
        if (((skipped % 1440) + 1440) % 1440 == wanted.minute_of_day && wanted.gap == Gap::Run) fires.insert(change);
      }
    }
    const bool is_first = seen.insert(at.index()).second;
    if (at.minute == wanted.minute_of_day && (is_first || wanted.overlap == Overlap::Both)) fires.insert(at.instant);
    before = at.index();
  }
  return fires;
}

std::set<std::time_t> actual(const std::string& zone, const Case& wanted, std::time_t from, std::time_t to) {
  auto schedule =
      Schedule::parse(fmt::format("{} {} * * *", wanted.minute_of_day % 60, wanted.minute_of_day / 60), zone);
  EXPECT_TRUE(schedule.ok());
  schedule->gap = wanted.gap;
  schedule->overlap = wanted.overlap;
  std::set<std::time_t> fires;
  auto at = Instant{std::chrono::seconds{from - 1}};
  for (auto next = schedule->next(at); next && *next < Instant{std::chrono::seconds{to}};
       next = schedule->next(*next)) {
    fires.insert(std::chrono::duration_cast<std::chrono::seconds>(next->time_since_epoch()).count());
  }
  return fires;
}

// Every quarter of an hour around the change, with every choice of the schedule. Returns how many cases differ.
int check_change(const std::string& zone, std::time_t change) {
  const auto from = change - kWindowMinutes * 60;
  const auto to = change + kWindowMinutes * 60;
  std::vector<LocalMinute> window;
  for (auto at = from; at < to; at += 60) window.push_back(local_minute(at));
  // Another change so near would need another definition of "before".
  if (offset_at(from) != offset_at(change - 1) || offset_at(to) != offset_at(change)) return 0;
  int wrong = 0;
  std::set<int> minutes;
  for (int minute = -120; minute <= 120; minute += 15) {
    minutes.insert(local_minute(change - 1 + minute * 60).minute / 15 * 15);
    minutes.insert(local_minute(change + minute * 60).minute);
  }
  for (const auto minute : minutes) {
    for (const auto gap : {Gap::Run, Gap::Skip}) {
      for (const auto overlap : {Overlap::First, Overlap::Both}) {
        const Case wanted{minute, gap, overlap};
        if (expected(window, change, wanted) == actual(zone, wanted, from, to)) continue;
        ++wrong;
        ADD_FAILURE() << zone << " at " << change << ": " << minute / 60 << ":" << minute % 60 << " gap "
                      << (gap == Gap::Run ? "run" : "skip") << ", overlap "
                      << (overlap == Overlap::First ? "first" : "both");
      }
    }
  }
  return wrong;
}

std::vector<std::string> zones() {
  if (std::getenv("WEIR_ALL_ZONES") == nullptr) {
    return {"Europe/Moscow",    "Europe/Berlin",   "America/New_York",  "America/Sao_Paulo", "Australia/Lord_Howe",
            "Pacific/Apia",     "Asia/Tehran",     "Africa/Casablanca", "Asia/Pyongyang",    "America/Caracas",
            "Antarctica/Troll", "Pacific/Chatham", "America/St_Johns",  "Asia/Gaza",         "Europe/Dublin",
            "Antarctica/Casey", "Asia/Kathmandu",  "Africa/Juba"};
  }
  std::vector<std::string> all;
  std::ifstream table{"/usr/share/zoneinfo/tzdata.zi"};
  for (std::string line; std::getline(table, line);) {
    std::istringstream words{line};
    std::string kind;
    std::string first;
    std::string second;
    words >> kind >> first >> second;
    if (kind == "Z") all.push_back(first);
    if (kind == "L") all.push_back(second);
  }
  return all;
}

TEST(ScheduleZones, FireAroundEveryChangeAsTheCLibrarySays) {
  const auto* const before = std::getenv("TZ");
  const std::string old_zone = before == nullptr ? "" : before;
  int checked = 0;
  int wrong = 0;
  for (const auto& zone : zones()) {
    ::setenv("TZ", (":" + zone).c_str(), 1);
    ::tzset();
    for (const auto change : changes()) {
      if (wrong > 20) break;
      wrong += check_change(zone, change);
      ++checked;
    }
  }
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", old_zone.c_str(), 1);
  ::tzset();
  EXPECT_GT(checked, 300);
  RecordProperty("changes", checked);
}

}  // namespace
}  // namespace weir::project
