#include "documents/scalar_kinds.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

#include "data/column.hpp"
#include "data/text.hpp"

namespace weir::documents {
namespace {

constexpr std::int64_t kExactMax = std::int64_t{1} << 53;
constexpr int kExactDigits = 16;  // of kExactMax
constexpr int kInt64Digits = 19;
constexpr int kDecimalDigits = 38;  // of the usual decimal
constexpr int kWideDecimalDigits = 76;

std::uint32_t integer_kind(std::int64_t value) {
  return value > kExactMax || value < -kExactMax ? ScalarKinds::kLargeInteger | ScalarKinds::kInteger
                                                 : ScalarKinds::kInteger;
}

std::uint32_t number_kind(std::string_view text) {
  if (text.find_first_of(".eE") != std::string_view::npos) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Too small a number is zero, as everywhere; too large a one has no value.
    if (error == std::errc::result_out_of_range && std::abs(std::strtod(std::string{text}.c_str(), nullptr)) > 1) {
      return ScalarKinds::kHugeNumber;
    }
    return ScalarKinds::kFloat;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return integer_kind(value);
  const auto digits = text.size() - (text.starts_with('-') ? 1 : 0);
  if (digits <= 38) return ScalarKinds::kWideInteger;
  return digits <= 76 ? ScalarKinds::kWiderInteger : ScalarKinds::kHugeNumber;
}

// "-1.50", "1E+3": how many digits stand before and behind the point when it is written out.
ScalarKinds decimal_kind(std::string_view text) {
  const auto exponent_at = text.find_first_of("eE");
  const auto mantissa = text.substr(0, exponent_at);
  int exponent = 0;
  if (exponent_at != std::string_view::npos) {
    auto digits = text.substr(exponent_at + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  }
  int digits = 0;
  int fraction = 0;
  bool behind = false;
  for (const char c : mantissa) {
    if (c == '.') {
      behind = true;
    } else if (c != '-' && c != '+') {
      if (c != '0' || digits > 0) ++digits;
      fraction += behind ? 1 : 0;
    }
  }
  const int scale = fraction - exponent;
  const int before = digits == 0 ? 1 : std::max(digits - scale, 1);
  const int after = std::max(scale, 0);
  if (before + after > kWideDecimalDigits) return ScalarKinds{ScalarKinds::kHugeNumber};
  return ScalarKinds{ScalarKinds::kDecimal, before, after};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "2026-03-01", and nothing that only begins so.
bool has_date_form(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U}) {
    if (!is_digit(text[i])) return false;
  }
  return true;
}

bool parses(std::string_view text, const data::Type& type) {
  data::ColumnBuilder builder{type};
  return data::append_parsed(builder, text).ok();
}

std::uint32_t text_kind(std::string_view text, Times times) {
  if (times == Times::Text || text.size() > 40 || !has_date_form(text)) return ScalarKinds::kText;
  if (text.size() == 10) return parses(text, data::type_of(data::Kind::Date)) ? ScalarKinds::kDate : ScalarKinds::kText;
  // Without an offset it is a wall clock's reading of a place that nobody named.
  const auto clock = text.substr(10);
  const bool has_offset = clock.ends_with('Z') || clock.find_first_of("+-") != std::string_view::npos;
  if (!has_offset || (clock.front() != 'T' && clock.front() != ' ')) return ScalarKinds::kText;
  return parses(text, data::timestamp(data::TimeUnit::Micro, "UTC")) ? ScalarKinds::kInstant : ScalarKinds::kText;
}

}  // namespace

ScalarKinds ScalarKinds::of_any(const Value& value, Times times) {
  switch (value.kind()) {
    case Value::Kind::Null: return ScalarKinds{kNull};
    case Value::Kind::Bool: return ScalarKinds{kBool};
    case Value::Kind::Number: return ScalarKinds{number_kind(value.text())};
    case Value::Kind::String: return ScalarKinds{text_kind(value.text(), times)};
    case Value::Kind::Integer: return ScalarKinds{integer_kind(value.integer())};
    case Value::Kind::Float: return ScalarKinds{kFloat};
    case Value::Kind::Decimal: return decimal_kind(value.text());
    case Value::Kind::Instant: return ScalarKinds{kMoment};
    case Value::Kind::ObjectId: return ScalarKinds{kObjectId};
    case Value::Kind::Binary: return ScalarKinds{kBinary};
    case Value::Kind::Uuid: return ScalarKinds{kUuid};
    case Value::Kind::Other: return ScalarKinds{kOther};
    case Value::Kind::Object:
    case Value::Kind::List: break;
  }
  return ScalarKinds{kNested};
}

// Wide enough for all digits that were seen on either side of the point, in one of two widths, so that a few digits more do
// not change the type.
data::Type ScalarKinds::decimal_type() const {
  int before = digits_before_;
  if ((bits_ & kInteger) != 0) before = std::max(before, kExactDigits);
  if ((bits_ & kLargeInteger) != 0) before = std::max(before, kInt64Digits);
  const auto digits = before + digits_behind_;
  if (digits <= kDecimalDigits) return data::decimal(kDecimalDigits, digits_behind_);
  if (digits <= kWideDecimalDigits) return data::decimal(kWideDecimalDigits, digits_behind_);
  return data::type_of(data::Kind::Json);
}

data::Type ScalarKinds::type() const {
  const auto seen = bits_ & ~kNull;
  constexpr auto kIntegers = kInteger | kLargeInteger | kWideInteger | kWiderInteger;
  constexpr auto kNumbers = kIntegers | kFloat;
  const auto within = [seen](std::uint32_t kinds) { return (seen & ~kinds) == 0; };
  if (seen == 0) return data::type_of(data::Kind::String);
  if (within(kBool)) return data::type_of(data::Kind::Bool);
  if (within(kInteger | kLargeInteger)) return data::type_of(data::Kind::Int64);
  if (within(kInteger | kFloat)) return data::type_of(data::Kind::Float64);
  if (within(kIntegers)) return data::decimal((seen & kWiderInteger) != 0 ? 76 : 38, 0);
  if (within(kNumbers)) return data::type_of(data::Kind::Json);
  if (within(kMoment)) return data::timestamp(data::TimeUnit::Milli, "UTC");
  if (within(kObjectId)) return data::type_of(data::Kind::String);
  if (within(kBinary)) return data::type_of(data::Kind::Binary);
  if (within(kUuid)) return data::type_of(data::Kind::Uuid);
  if (within(kDecimal | kInteger | kLargeInteger)) return decimal_type();
  if (within(kDate)) return data::type_of(data::Kind::Date);
  if (within(kDate | kInstant) && (seen & kDate) == 0) return data::timestamp(data::TimeUnit::Micro, "UTC");
  if (within(kText | kDate | kInstant)) return data::type_of(data::Kind::String);
  return data::type_of(data::Kind::Json);
}

}  // namespace weir::documents
