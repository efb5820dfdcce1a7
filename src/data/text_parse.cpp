#include <fast_float/fast_float.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/json.hpp"
#include "data/calendar.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::data {
namespace {

// What is left of a text that is being read. Each take… consumes what it names, or nothing.
class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }

  bool take(char expected) {
    if (peek() != expected || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  std::optional<int> take_digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto digit = static_cast<unsigned>(rest_[i] - '0');
      if (digit > 9) return std::nullopt;
      value = value * 10 + static_cast<int>(digit);
    }
    rest_.remove_prefix(count);
    return value;
  }
  // As many digits as there are, at least one, in 63 bits.
  std::optional<std::int64_t> take_number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || peek() == '-') return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  // The digits of a fraction in 1/10^digits; more digits must be zeros. At least one.
  std::optional<std::int64_t> take_fraction(int digits) {
    std::int64_t value = 0;
    int seen = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1), ++seen) {
      if (seen < digits) {
        value = value * 10 + (rest_.front() - '0');
      } else if (rest_.front() != '0') {
        return std::nullopt;
      }
    }
    if (seen == 0) return std::nullopt;
    for (; seen < digits; ++seen) value *= 10;
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> take_date(Scanner& scanner) {
  const bool negative = scanner.take('-');
  const auto width = scanner.rest().find('-');
  // Seven digits reach beyond what 32 bits of days hold.
  if (width == std::string_view::npos || width < 4 || width > 7) return std::nullopt;
  const auto year = scanner.take_digits(width);
  if (!year || !scanner.take('-')) return std::nullopt;
  const auto month = scanner.take_digits(2);
  if (!month || !scanner.take('-')) return std::nullopt;
  const auto day = scanner.take_digits(2);
  if (!day) return std::nullopt;
  const CivilDate date{negative ? -*year : *year, *month, *day};
  if (!is_date(date)) return std::nullopt;
  return days_from_civil(date);
}

// hh:mm[:ss[.fraction]] in `unit`; 24:00 is the day's end.
std::optional<std::int64_t> take_time(Scanner& scanner, TimeUnit unit) {
  const auto hour = scanner.take_digits(2);
  if (!hour || !scanner.take(':')) return std::nullopt;
  const auto minute = scanner.take_digits(2);
  if (!minute || *hour > 24 || *minute > 59) return std::nullopt;
  int second = 0;
  std::int64_t fraction = 0;
  if (scanner.take(':')) {
    const auto seconds = scanner.take_digits(2);
    if (!seconds || *seconds > 59) return std::nullopt;
    second = *seconds;
    if (scanner.take('.')) {
      const auto digits_after = scanner.take_fraction(digits(unit));
      if (!digits_after) return std::nullopt;
      fraction = *digits_after;
    }
  }
  if (*hour == 24 && (*minute != 0 || second != 0 || fraction != 0)) return std::nullopt;
  return (*hour * 3600 + *minute * 60 + second) * units_a_second(unit) + fraction;
}

// Z, UTC, or ±hh[[:]mm[[:]ss]] as seconds east of UTC; 0 where nothing stands.
std::optional<std::int64_t> take_offset(Scanner& scanner) {
  if (scanner.take('Z') || scanner.take('z') || scanner.done()) return 0;
  if (scanner.take(' ')) {
    if (scanner.take('U') && scanner.take('T') && scanner.take('C')) return 0;
    return std::nullopt;
  }
  const bool west = scanner.peek() == '-';
  if (!scanner.take('-') && !scanner.take('+')) return std::nullopt;
  std::int64_t offset = 0;
  for (const int seconds : {3600, 60, 1}) {
    if (seconds != 3600 && scanner.done()) break;
    if (seconds != 3600) scanner.take(':');
    const auto part = scanner.take_digits(2);
    if (!part || *part > (seconds == 3600 ? 23 : 59)) return std::nullopt;
    offset += *part * seconds;
  }
  return west ? -offset : offset;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text, TimeUnit unit) {
  Scanner scanner{text};
  const auto days = take_date(scanner);
  if (!days) return std::nullopt;
  std::int64_t time = 0;
  std::int64_t offset = 0;
  if (!scanner.done()) {
    if (!scanner.take(' ') && !scanner.take('T') && !scanner.take('t')) return std::nullopt;
    const auto clock = take_time(scanner, unit);
    const auto east = clock ? take_offset(scanner) : std::nullopt;
    if (!east || !scanner.done()) return std::nullopt;
    time = *clock;
    offset = *east;
  }
  // In 128 bits: near the ends of 64-bit nanoseconds the whole fits where its parts do not.
  const auto value = (static_cast<Int128>(*days) * kSecondsADay - offset) * units_a_second(unit) + time;
  if (value < std::numeric_limits<std::int64_t>::min() || value > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(value);
}

bool fits(Int128 value, std::int64_t min, std::int64_t max) { return value >= min && value <= max; }

// ISO 8601 with a sign before every number, as PostgreSQL's intervalstyle iso_8601 writes it.
std::optional<IntervalValue> parse_interval(std::string_view text) {
  Scanner scanner{text};
  if (!scanner.take('P') || scanner.done()) return std::nullopt;
  Int128 months = 0;
  Int128 days = 0;
  Int128 nanos = 0;
  bool in_time = false;
  while (!scanner.done()) {
    if (!in_time && scanner.take('T')) in_time = true;
    const bool negative = scanner.take('-');
    if (!negative) scanner.take('+');
    const auto whole = scanner.take_number();
    if (!whole) return std::nullopt;
    std::int64_t fraction = 0;
    bool has_fraction = false;
    if (scanner.take('.')) {
      const auto nine = scanner.take_fraction(9);
      if (!nine) return std::nullopt;
      fraction = *nine;
      has_fraction = true;
    }
    const auto number = negative ? -static_cast<Int128>(*whole) : static_cast<Int128>(*whole);
    if (in_time && scanner.take('S')) {
      nanos += number * kNanosASecond + (negative ? -fraction : fraction);
      continue;
    }
    if (has_fraction) return std::nullopt;
    if (in_time && scanner.take('H')) {
      nanos += number * 3600 * kNanosASecond;
    } else if (in_time && scanner.take('M')) {
      nanos += number * 60 * kNanosASecond;
    } else if (!in_time && scanner.take('Y')) {
      months += number * 12;
    } else if (!in_time && scanner.take('M')) {
      months += number;
    } else if (!in_time && scanner.take('W')) {
      days += number * 7;
    } else if (!in_time && scanner.take('D')) {
      days += number;
    } else {
      return std::nullopt;
    }
  }
  using Int32 = std::numeric_limits<std::int32_t>;
  using Int64 = std::numeric_limits<std::int64_t>;
  if (!fits(months, Int32::min(), Int32::max()) || !fits(days, Int32::min(), Int32::max()) ||
      !fits(nanos, Int64::min(), Int64::max())) {
    return std::nullopt;
  }
  return IntervalValue{static_cast<std::int32_t>(months), static_cast<std::int32_t>(days),
                       static_cast<std::int64_t>(nanos)};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> parse_binary(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::optional<UuidValue> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  UuidValue uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return std::nullopt;
      ++i;
    }
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.bytes[at++] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return uuid;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "1" || text == "t" || equals_ignoring_case(text, "true")) return true;
  if (text == "0" || text == "f" || equals_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

template <typename T>
bool append_integer(ColumnBuilder& builder, std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  builder.append(value);
  return true;
}

template <typename T>
bool append_float(ColumnBuilder& builder, std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  // A number too large reads as infinity; only the word may say so.
  if (std::isinf(value) && text.find_first_of("0123456789") != std::string_view::npos) return false;
  builder.append(value);
  return true;
}

// Up to 18 digits without an exponent, which is nearly every decimal there is.
bool append_short_decimal(ColumnBuilder& builder, std::string_view text) {
  const auto& type = builder.type();
  if (type.precision > 18 || text.empty() || text.size() > 19) return false;
  const bool negative = text.front() == '-';
  std::int64_t value = 0;
  int count = 0;
  int after_point = -1;
  for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
    const auto digit = static_cast<unsigned>(text[i] - '0');
    if (digit <= 9) {
      value = value * 10 + digit;
      ++count;
      if (after_point >= 0) ++after_point;
    } else if (text[i] == '.' && after_point < 0) {
      after_point = 0;
    } else {
      return false;
    }
  }
  constexpr std::int64_t kPowers[] = {1,       10,        100,        1'000,       10'000,
                                      100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  const int up = type.scale - std::max(after_point, 0);
  if (count == 0 || up < 0 || up > 9 || count + up > type.precision) return false;
  value *= kPowers[up];
  if (negative) value = -value;
  if (type.precision <= 9) {
    builder.append(static_cast<std::int32_t>(value));
  } else {
    builder.append(value);
  }
  return true;
}

bool append_decimal_text(ColumnBuilder& builder, std::string_view text) {
  if (append_short_decimal(builder, text)) return true;
  const auto value = parse_decimal(text);
  const auto scaled = value ? rescale(*value, builder.type().precision, builder.type().scale) : std::nullopt;
  if (!scaled) return false;
  append_decimal_value(builder, *scaled);
  return true;
}

bool append_date(ColumnBuilder& builder, std::string_view text) {
  Scanner scanner{text};
  const auto days = take_date(scanner);
  if (!days || !scanner.done() || *days != static_cast<std::int32_t>(*days)) return false;
  builder.append(static_cast<std::int32_t>(*days));
  return true;
}

template <typename T>
bool append_optional(ColumnBuilder& builder, const std::optional<T>& value) {
  if (value) builder.append(*value);
  return value.has_value();
}

bool append_time(ColumnBuilder& builder, std::string_view text) {
  Scanner scanner{text};
  const auto time = take_time(scanner, builder.type().unit);
  return time && scanner.done() && append_optional(builder, time);
}

Result<void> append_json_value(ColumnBuilder& builder, const Json& value);

Result<void> append_json_members(ColumnBuilder& builder, const Json& value) {
  const auto& type = builder.type();
  if (type.kind == Kind::List) {
    if (!value.is_array()) return Error::user(Code::TypeMismatch, "not a JSON array: {}", to_text(value));
    for (const auto& element : value) WEIR_TRY(append_json_value(builder.child(0), element));
  } else {
    if (!value.is_object()) return Error::user(Code::TypeMismatch, "not a JSON object: {}", to_text(value));
    for (std::size_t i = 0; i < builder.child_count(); ++i) {
      const auto found = value.find((*type.children)[i].name);
      WEIR_TRY(append_json_value(builder.child(i), found == value.end() ? Json{} : *found));
    }
  }
  builder.append_nested();
  return {};
}

Result<void> append_json_value(ColumnBuilder& builder, const Json& value) {
  if (value.is_null()) {
    builder.append_null();
    return {};
  }
  switch (builder.type().kind) {
    case Kind::List:
    case Kind::Struct: return append_json_members(builder, value);
    case Kind::Json: return append_parsed(builder, to_text(value));
    default: return append_parsed(builder, value.is_string() ? value.get<std::string>() : to_text(value));
  }
}

// Values longer than this are cut in messages.
constexpr std::size_t kShownMax = 100;

Error mismatch(const Type& type, std::string_view text) {
  if (text.size() <= kShownMax) return Error::user(Code::TypeMismatch, "not a {}: {}", type.text(), text);
  return Error::user(Code::TypeMismatch, "not a {}: {}… ({} bytes)", type.text(), text.substr(0, kShownMax),
                     text.size());
}

bool append_scalar(ColumnBuilder& builder, std::string_view text) {
  switch (builder.type().kind) {
    case Kind::Bool: {
      const auto value = parse_bool(text);
      if (value) builder.append_bool(*value);
      return value.has_value();
    }
    case Kind::Int8: return append_integer<std::int8_t>(builder, text);
    case Kind::Int16: return append_integer<std::int16_t>(builder, text);
    case Kind::Int32: return append_integer<std::int32_t>(builder, text);
    case Kind::Int64: return append_integer<std::int64_t>(builder, text);
    case Kind::UInt8: return append_integer<std::uint8_t>(builder, text);
    case Kind::UInt16: return append_integer<std::uint16_t>(builder, text);
    case Kind::UInt32: return append_integer<std::uint32_t>(builder, text);
    case Kind::UInt64: return append_integer<std::uint64_t>(builder, text);
    case Kind::Float32: return append_float<float>(builder, text);
    case Kind::Float64: return append_float<double>(builder, text);
    case Kind::Decimal: return append_decimal_text(builder, text);
    case Kind::Date: return append_date(builder, text);
    case Kind::Time: return append_time(builder, text);
    case Kind::Timestamp: return append_optional(builder, parse_timestamp(text, builder.type().unit));
    case Kind::Interval: return append_optional(builder, parse_interval(text));
    case Kind::Uuid: return append_optional(builder, parse_uuid(text));
    case Kind::String: builder.append_text(text); return true;
    case Kind::Binary: {
      const auto bytes = parse_binary(text);
      if (bytes) builder.append_text(*bytes);
      return bytes.has_value();
    }
    case Kind::Json:
      if (!Json::accept(text)) return false;
      builder.append_text(text);
      return true;
    case Kind::List:
    case Kind::Struct: break;
  }
  return false;
}

}  // namespace

Result<void> append_parsed(ColumnBuilder& builder, std::string_view text) {
  const auto kind = builder.type().kind;
  if (kind == Kind::List || kind == Kind::Struct) {
    const auto value = parse_json(text);
    if (!value.ok() || value->is_null()) return mismatch(builder.type(), text);
    return append_json_members(builder, *value);
  }
  if (!append_scalar(builder, text)) return mismatch(builder.type(), text);
  return {};
}

}  // namespace weir::data
