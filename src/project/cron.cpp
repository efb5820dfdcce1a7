#include "project/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <utility>

namespace weir::project {
namespace {

using std::chrono::days;
using std::chrono::last;
using std::chrono::local_days;
using std::chrono::weekday;
using std::chrono::year_month_day;

// A leap day on a given weekday recurs after at most 40 years (1888 … 1928 has one wait of 40 around a common century).
constexpr days kLongestWait{41 * 366};

constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct FieldKind {
  std::string_view title;
  int from;
  int to;
  std::span<const std::string_view> names = {};  // the first is `from`
};

constexpr FieldKind kSecond{"second", 0, 59};
constexpr FieldKind kMinute{"minute", 0, 59};
constexpr FieldKind kHour{"hour", 0, 23};
constexpr FieldKind kDay{"day-of-month", 1, 31};
constexpr FieldKind kMonth{"month", 1, 12, kMonths};
constexpr FieldKind kWeekday{"day-of-week", 0, 7, kWeekdays};

std::string upper(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

Error bad_field(const FieldKind& kind, std::string_view token) {
  auto hint = kind.names.empty() ? fmt::format("numbers from {} to {}", kind.from, kind.to)
                                 : fmt::format("numbers from {} to {}, or names from {} to {}", kind.from, kind.to,
                                               kind.names.front(), kind.names.back());
  return Error::user(Code::InvalidProject, "the {} of the cron expression is not valid: {}", kind.title, token)
      .hint(hint + "; also ranges (1-5), steps (*/15) and lists (1,3)");
}

Result<int> value_of(const FieldKind& kind, std::string_view token, std::string_view whole) {
  const auto name = std::ranges::find(kind.names, token);
  if (name != kind.names.end()) return kind.from + static_cast<int>(name - kind.names.begin());
  const auto value = token.empty() ? std::nullopt : number(token);
  if (!value || *value < kind.from || *value > kind.to) return bad_field(kind, whole);
  return *value;
}

// "*", "5", "1-5", "*/15", "10/20", "FRI-MON": calls `set` with each value. A range may run over the end.
template <typename Set>
Result<void> parse_range(const FieldKind& kind, std::string_view token, const Set& set) {
  const auto slash = token.find('/');
  const auto range = token.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto text = token.substr(slash + 1);
    const auto value = text.empty() ? std::nullopt : number(text);
    if (!value || *value < 1) return bad_field(kind, token);
    step = *value;
  }
  // 7 is a second name of Sunday, so a cycle of weekdays has seven.
  const int cycle = kind.title == kWeekday.title ? 7 : kind.to - kind.from + 1;
  int from = kind.from;
  int to = kind.from + cycle - 1;
  if (range != "*") {
    const auto dash = range.find('-');
    from = WEIR_TRY(value_of(kind, range.substr(0, dash), token));
    if (dash != std::string_view::npos) {
      to = WEIR_TRY(value_of(kind, range.substr(dash + 1), token));
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  if (to < from) to += cycle;
  for (int value = from; value <= to; value += step) set(kind.from + (value - kind.from) % cycle);
  return {};
}

template <std::size_t N>
Result<void> parse_plain(const FieldKind& kind, std::string_view text, std::bitset<N>& bits) {
  for (const auto token : split(text, ',')) {
    WEIR_TRY(parse_range(kind, token, [&](int value) { bits.set(static_cast<std::size_t>(value)); }));
  }
  return {};
}

Result<void> parse_days(std::string_view text, Cron& cron) {
  cron.day_is_star = text.starts_with('*') || text == "?";
  if (text == "?") text = "*";
  for (const auto token : split(text, ',')) {
    if (token == "LW") {
      cron.last_weekday = true;
    } else if (token == "L") {
      cron.days_before_last.push_back(0);
    } else if (token.starts_with("L-")) {
      const auto before = token.size() > 2 ? number(token.substr(2)) : std::nullopt;
      if (!before || *before > 30) return bad_field(kDay, token);
      cron.days_before_last.push_back(*before);
    } else if (token.size() > 1 && token.ends_with('W')) {
      cron.weekdays_nearest.push_back(WEIR_TRY(value_of(kDay, token.substr(0, token.size() - 1), token)));
    } else {
      WEIR_TRY(parse_range(kDay, token, [&](int value) { cron.on_days.set(static_cast<std::size_t>(value)); }));
    }
  }
  return {};
}

Result<void> parse_weekdays(std::string_view text, Cron& cron) {
  cron.weekday_is_star = text.starts_with('*') || text == "?";
  if (text == "?") text = "*";
  for (const auto token : split(text, ',')) {
    const auto hash = token.find('#');
    if (hash != std::string_view::npos) {
      const int day = WEIR_TRY(value_of(kWeekday, token.substr(0, hash), token)) % 7;
      const auto nth = hash + 1 < token.size() ? number(token.substr(hash + 1)) : std::nullopt;
      if (!nth || *nth < 1 || *nth > 5) return bad_field(kWeekday, token);
      cron.nth_weekdays.emplace_back(day, *nth);
    } else if (token.size() > 1 && token.ends_with('L')) {
      const int day = WEIR_TRY(value_of(kWeekday, token.substr(0, token.size() - 1), token)) % 7;
      cron.last_of_weekday.set(static_cast<std::size_t>(day));
    } else {
      WEIR_TRY(
          parse_range(kWeekday, token, [&](int value) { cron.on_weekdays.set(static_cast<std::size_t>(value % 7)); }));
    }
  }
  return {};
}

// What the macros of cron(5) stand for.
std::optional<std::string_view> macro(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros{{{"@YEARLY", "0 0 1 1 *"},
                                                                                  {"@ANNUALLY", "0 0 1 1 *"},
                                                                                  {"@MONTHLY", "0 0 1 * *"},
                                                                                  {"@WEEKLY", "0 0 * * 0"},
                                                                                  {"@DAILY", "0 0 * * *"},
                                                                                  {"@MIDNIGHT", "0 0 * * *"},
                                                                                  {"@HOURLY", "0 * * * *"}}};
  for (const auto& [name, expression] : kMacros) {
    if (name == text) return expression;
  }
  return std::nullopt;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

int last_day(const year_month_day& day) {
  return static_cast<int>(static_cast<unsigned>((day.year() / day.month() / last).day()));
}

int weekday_of(const year_month_day& day) { return static_cast<int>(weekday{local_days{day}}.c_encoding()); }

// The weekday (Monday to Friday) nearest to a day, in the same month: what 15W means. 0 when the month lacks that day.
int nearest_weekday(const year_month_day& month, int day) {
  const int end = last_day(month);
  if (day > end) return 0;
  const int on = weekday_of(month.year() / month.month() / std::chrono::day{static_cast<unsigned>(day)});
  if (on == 6) return day > 1 ? day - 1 : day + 2;
  if (on == 0) return day < end ? day + 1 : day - 2;
  return day;
}

}  // namespace

bool Cron::matches_day(year_month_day day) const {
  if (!in_months.test(static_cast<unsigned>(day.month()))) return false;
  const int number = static_cast<int>(static_cast<unsigned>(day.day()));
  const int end = last_day(day);
  const int on = weekday_of(day);

  bool by_day = on_days.test(static_cast<std::size_t>(number));
  by_day |= std::ranges::any_of(days_before_last, [&](int before) { return number == end - before; });
  by_day |= std::ranges::any_of(weekdays_nearest, [&](int nearest) { return number == nearest_weekday(day, nearest); });
  by_day |= last_weekday && number == nearest_weekday(day, end);

  bool by_weekday = on_weekdays.test(static_cast<std::size_t>(on));
  by_weekday |= last_of_weekday.test(static_cast<std::size_t>(on)) && number + 7 > end;
  by_weekday |= std::ranges::any_of(
      nth_weekdays, [&](const auto& nth) { return nth.first == on && nth.second == (number - 1) / 7 + 1; });
  return day_is_star || weekday_is_star ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<LocalSeconds> Cron::next(LocalSeconds from) const {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
  const auto first_day = std::chrono::floor<days>(from);
  for (auto day = first_day; day < first_day + kLongestWait; day += days{1}) {
    if (!matches_day(year_month_day{day})) continue;
    const auto start = day == first_day ? from - day : seconds{0};
    for (auto hour = std::chrono::floor<hours>(start); hour < hours{24}; ++hour) {
      if (!at_hours.test(static_cast<std::size_t>(hour.count()))) continue;
      for (int minute = 0; minute < 60; ++minute) {
        const auto begin = hour + minutes{minute};
        if (!at_minutes.test(static_cast<std::size_t>(minute)) || begin + minutes{1} <= start) continue;
        for (int second = 0; second < 60; ++second) {
          const auto time = begin + seconds{second};
          if (at_seconds.test(static_cast<std::size_t>(second)) && time >= start) return day + time;
        }
      }
    }
  }
  return std::nullopt;
}

Result<Cron> parse_cron(std::string_view text) {
  auto upper_text = upper(text);
  if (upper_text.starts_with('@')) {
    const auto expression = macro(upper_text);
    if (!expression) {
      return Error::user(Code::InvalidProject, "unknown cron expression: {}", text)
          .hint("@yearly, @monthly, @weekly, @daily or @hourly, or five fields");
    }
    upper_text = *expression;
  }
  auto fields = words(upper_text);
  if (fields.size() != 5 && fields.size() != 6) {
    return Error::user(Code::InvalidProject, "a cron expression has five fields, or six with seconds first, not {}: {}",
                       fields.size(), text)
        .hint("minute hour day-of-month month day-of-week, such as 45 12 * * TUE");
  }
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  Cron cron;
  WEIR_TRY(parse_plain(kSecond, fields[0], cron.at_seconds));
  WEIR_TRY(parse_plain(kMinute, fields[1], cron.at_minutes));
  WEIR_TRY(parse_plain(kHour, fields[2], cron.at_hours));
  WEIR_TRY(parse_days(fields[3], cron));
  WEIR_TRY(parse_plain(kMonth, fields[4], cron.in_months));
  WEIR_TRY(parse_weekdays(fields[5], cron));
  cron.hour_is_star = fields[2].starts_with('*');
  return cron;
}

}  // namespace weir::project
