#include "base/clock.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>

namespace weir {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()); }
};

// Reads exactly `width` digits at `position`.
std::optional<int> digits(std::string_view text, std::size_t position, std::size_t width) {
  if (position + width > text.size()) return std::nullopt;
  int value = 0;
  const char* begin = text.data() + position;
  const auto [end, error] = std::from_chars(begin, begin + width, value);
  if (error != std::errc{} || end != begin + width || *begin == '-') return std::nullopt;
  return value;
}

}  // namespace

const Clock& system_clock() {
  static const SystemClock kClock;
  return kClock;
}

std::string format_instant(Instant instant) {
  const auto day = std::chrono::floor<days>(instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{instant - day};
  auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                          time.minutes().count(), time.seconds().count());
  if (time.subseconds().count() != 0) text += fmt::format(".{:06}", time.subseconds().count());
  return text + "Z";
}

std::optional<Instant> parse_instant(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  Instant instant{std::chrono::sys_days{date}};
  if (text.size() == 10) return instant;
  if (text[10] != 'T' && text[10] != ' ') return std::nullopt;
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59 || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  instant += hours{*hour} + minutes{*minute} + seconds{*second};
  auto rest = text.substr(19);
  if (!rest.empty() && rest.front() == '.') {
    int scale = 100'000;
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      instant += microseconds{(rest.front() - '0') * scale};
      scale /= 10;
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty() && rest != "Z") return std::nullopt;
  return instant;
}

std::string format_duration(microseconds duration) {
  const double total = std::chrono::duration<double>(duration).count();
  if (total < 0.9995) return fmt::format("{:.0f} ms", total * 1e3);
  if (total < 59.95) return fmt::format("{:.1f} s", total);
  const auto whole = std::chrono::round<seconds>(duration);
  if (whole < hours{1}) return fmt::format("{} min {} s", whole.count() / 60, whole.count() % 60);
  return fmt::format("{} h {} min", whole.count() / 3600, whole.count() % 3600 / 60);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}};
  for (const auto& [name, scale] : kUnits) {
    if (unit == name) return milliseconds{static_cast<long long>(value * scale)};
  }
  return std::nullopt;
}

}  // namespace weir
