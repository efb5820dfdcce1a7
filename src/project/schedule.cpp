#include "project/schedule.hpp"

#include <date/tz.h>

#include <algorithm>
#include <utility>

#include "project/cron.hpp"
#include "project/nearest.hpp"

namespace weir::project {
namespace {

using std::chrono::seconds;
using SysSeconds = std::chrono::sys_seconds;

// The zone's clock as the tz library (https://github.com/HowardHinnant/date) tells it, from the system's database.
const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(std::string{name});
  } catch (const std::exception&) {
    return nullptr;
  }
}

Error unknown_zone(std::string_view name) {
  auto error = Error::user(Code::InvalidProject, "unknown time zone: {}", name);
  std::vector<std::string_view> names;
  try {
    for (const auto& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    return std::move(error).hint("this machine has no time zone database: install tzdata");
  }
  return std::move(error).hint(suggestion(name, names, "an IANA name such as Europe/Moscow"));
}

LocalSeconds local(SysSeconds instant, seconds offset) { return LocalSeconds{instant.time_since_epoch() + offset}; }

SysSeconds instant_of(LocalSeconds time, seconds offset) { return SysSeconds{time.time_since_epoch() - offset}; }

// As projects write it: the largest unit that divides it.
std::string duration_text(std::chrono::milliseconds duration) {
  constexpr std::pair<long long, std::string_view> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}};
  for (const auto& [size, unit] : kUnits) {
    if (duration.count() % size == 0) return fmt::format("{}{}", duration.count() / size, unit);
  }
  return {};
}

// The last second that a zone's rules reach; beyond, Weir has no opinion.
constexpr SysSeconds kEnd = std::chrono::sys_days{std::chrono::year{2200} / 1 / 1};
// Before the first change that any zone knows; the stretch before it has no begin.
constexpr SysSeconds kBegin = std::chrono::sys_days{std::chrono::year{1800} / 1 / 1};

}  // namespace

struct Schedule::Rule {
  Cron cron;  // of no meaning for an interval
  const date::time_zone* zone;

  // The first local time from which an instant of the stretch that begins at `begin` may fire: a time of day that the
  // change repeats has fired before it.
  LocalSeconds first_local(SysSeconds begin, seconds offset, Overlap rule) const {
    if (begin < kBegin) return LocalSeconds::min();
    if (rule == Overlap::Both) return local(begin, offset);
    const auto before = zone->get_info(begin - seconds{1}).offset;
    return local(begin, std::max(before, offset));
  }
};

Schedule::Schedule(std::string cron, std::string zone, std::shared_ptr<const Rule> rule)
    : cron_(std::move(cron)), zone_(std::move(zone)), text_(cron_ + " " + zone_), rule_(std::move(rule)) {}

Result<Schedule> Schedule::parse(std::string_view cron, std::string_view zone) {
  auto parsed = WEIR_TRY(parse_cron(cron));
  const auto* found = find_zone(zone);
  if (found == nullptr) return unknown_zone(zone);
  return Schedule{std::string{cron}, std::string{zone}, std::make_shared<const Rule>(Rule{std::move(parsed), found})};
}

Result<Schedule> Schedule::every(std::chrono::milliseconds interval, std::string_view zone) {
  if (interval < seconds{1}) {
    return Error::user(Code::InvalidProject, "a schedule fires at most once a second, not every {} ms",
                       interval.count())
        .hint("every: 15m");
  }
  const auto* found = find_zone(zone);
  if (found == nullptr) return unknown_zone(zone);
  Schedule schedule{"", std::string{zone}, std::make_shared<const Rule>(Rule{{}, found})};
  schedule.interval_ = interval;
  schedule.text_ = "every " + duration_text(interval);
  return schedule;
}

// Walks the stretches of constant offset from UTC: within one, local time is plain arithmetic.
std::optional<Instant> Schedule::next(Instant after) const {
  if (interval_) {
    const auto fires = std::chrono::floor<std::chrono::microseconds>(after.time_since_epoch()) / *interval_;
    const auto next = *interval_ * (fires + 1);
    // Before 1970 a division rounds up.
    return Instant{after.time_since_epoch() < next - *interval_ ? next - *interval_ : next};
  }
  const bool is_rhythm = rule_->cron.hour_is_star;
  const auto for_gap = gap.value_or(is_rhythm ? Gap::Skip : Gap::Run);
  const auto for_overlap = overlap.value_or(is_rhythm ? Overlap::Both : Overlap::First);
  auto from = std::chrono::floor<seconds>(after) + seconds{1};
  auto stretch = rule_->zone->get_info(from - seconds{1});
  // When the next second already belongs to the next stretch, the change between them may be the fire.
  while (from < kEnd) {
    const auto begin = stretch.begin;
    const auto start = std::max(local(from, stretch.offset), rule_->first_local(begin, stretch.offset, for_overlap));
    const auto match = rule_->cron.next(start);
    if (!match) return std::nullopt;
    if (instant_of(*match, stretch.offset) < stretch.end) return Instant{instant_of(*match, stretch.offset)};
    const auto change = stretch.end;
    const auto skipped_from = local(change, stretch.offset);
    stretch = rule_->zone->get_info(change);
    const bool skipped = *match >= skipped_from && *match < local(change, stretch.offset);
    if (skipped && for_gap == Gap::Run) return Instant{change};
    from = change;
  }
  return std::nullopt;
}

// Looks back over ever longer stretches of time, so that a dense schedule is not walked through for years.
std::vector<Instant> Schedule::fires(Instant after, Instant until, std::size_t limit) const {
  constexpr std::chrono::hours kLongest{24 * 366 * 41};
  std::vector<Instant> found;
  for (std::chrono::microseconds window = std::chrono::minutes{2};; window *= 8) {
    const bool is_last = window >= kLongest || until - window <= after;
    found.clear();
    auto fire = next(std::max(after, until - std::min<std::chrono::microseconds>(window, kLongest)));
    for (; fire && *fire <= until; fire = next(*fire)) found.push_back(*fire);
    if (is_last || found.size() >= limit) break;
  }
  if (found.size() > limit) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
  return found;
}

std::optional<Instant> Schedule::last(Instant until) const {
  const auto found = fires(Instant::min(), until, 1);
  return found.empty() ? std::nullopt : std::optional{found.back()};
}

std::string Schedule::local_text(Instant instant) const {
  const auto whole = std::chrono::floor<seconds>(instant);
  const auto offset = rule_->zone->get_info(whole).offset;
  auto text = format_instant(Instant{whole + offset});
  text.pop_back();
  text[10] = ' ';
  const auto minutes = std::chrono::abs(std::chrono::duration_cast<std::chrono::minutes>(offset)).count();
  return fmt::format("{} {}{:02}:{:02}", text, offset < seconds{0} ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace weir::project
