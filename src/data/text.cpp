#include "data/text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "data/calendar.hpp"
#include "data/decimal.hpp"

namespace weir::data {
namespace {

void append_padded(std::string& out, std::uint64_t value, int digits) {
  char buffer[20];
  for (int i = digits; i-- > 0; value /= 10) buffer[i] = static_cast<char>('0' + value % 10);
  out.append(buffer, static_cast<std::size_t>(digits));
}

template <typename T>
void append_number(std::string& out, T value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, static_cast<std::size_t>(end - buffer));
}

template <typename T>
void append_float(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "nan";
  } else {
    append_number(out, value);
  }
}

void append_date(std::string& out, std::int64_t days) {
  const auto date = civil_from_days(days);
  if (date.year >= 0 && date.year <= 9999) {
    append_padded(out, static_cast<std::uint64_t>(date.year), 4);
  } else {
    fmt::format_to(std::back_inserter(out), "{:0{}}", date.year, date.year < 0 ? 5 : 4);
  }
  out += '-';
  append_padded(out, static_cast<std::uint64_t>(date.month), 2);
  out += '-';
  append_padded(out, static_cast<std::uint64_t>(date.day), 2);
}

void append_time(std::string& out, std::int64_t value, TimeUnit unit) {
  const auto per_second = units_a_second(unit);
  const auto seconds = value / per_second;
  append_padded(out, static_cast<std::uint64_t>(seconds / 3600), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(seconds / 60 % 60), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(seconds % 60), 2);
  if (unit == TimeUnit::Second) return;
  out += '.';
  append_padded(out, static_cast<std::uint64_t>(value % per_second), digits(unit));
}

void append_timestamp(std::string& out, std::int64_t value, const Type& type) {
  const auto per_day = units_a_second(type.unit) * kSecondsADay;
  auto days = value / per_day;
  auto rest = value % per_day;
  if (rest < 0) {
    --days;
    rest += per_day;
  }
  append_date(out, days);
  out += ' ';
  append_time(out, rest, type.unit);
  if (!type.zone.empty()) out += 'Z';
}

void append_interval(std::string& out, const IntervalValue& value) {
  if (value == IntervalValue{}) {
    out += "PT0S";
    return;
  }
  const auto part = [&out](auto number, char name) {
    if (number == 0) return;
    append_number(out, number);
    out += name;
  };
  out += 'P';
  part(value.months / 12, 'Y');
  part(value.months % 12, 'M');
  part(value.days, 'D');
  if (value.nanoseconds == 0) return;
  out += 'T';
  part(value.nanoseconds / (3600 * kNanosASecond), 'H');
  part(value.nanoseconds / (60 * kNanosASecond) % 60, 'M');
  const auto seconds = value.nanoseconds % (60 * kNanosASecond);
  if (seconds == 0) return;
  const auto size = static_cast<std::uint64_t>(std::abs(seconds));
  if (seconds < 0) out += '-';
  append_number(out, size / kNanosASecond);
  if (const auto fraction = size % kNanosASecond; fraction != 0) {
    out += '.';
    append_padded(out, fraction, 9);
    while (out.back() == '0') out.pop_back();
  }
  out += 'S';
}

void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t count) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < count; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
}

void append_uuid(std::string& out, const UuidValue& uuid) {
  std::size_t at = 0;
  for (const std::size_t count : {4U, 2U, 2U, 2U, 6U}) {
    if (at != 0) out += '-';
    append_hex(out, uuid.bytes + at, count);
    at += count;
  }
}

// Whether the written number survives a reader that keeps numbers as doubles: up to 15 significant digits always do.
bool is_exact_number(const Type& type, std::string_view text) {
  if (type.kind == Kind::Float32 || type.kind == Kind::Float64)
    return text.find_first_of("nf") == std::string_view::npos;
  if (is_integer(type.kind)) {
    constexpr std::string_view kLimit = "9007199254740992";  // 2^53
    if (text.starts_with('-')) text.remove_prefix(1);
    return text.size() < kLimit.size() || (text.size() == kLimit.size() && text <= kLimit);
  }
  if (type.kind != Kind::Decimal) return false;
  const auto first = text.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const auto point = text.find('.', first);
  return text.size() - first - (point == std::string_view::npos ? 0 : 1) <= 15;
}

}  // namespace

void append_text(std::string& out, const Column& column, std::size_t row) {
  const auto& type = column.type();
  switch (type.kind) {
    case Kind::Bool: out += column.bit(row) ? "true" : "false"; break;
    case Kind::Int8: append_number(out, column.values<std::int8_t>()[row]); break;
    case Kind::Int16: append_number(out, column.values<std::int16_t>()[row]); break;
    case Kind::Int32: append_number(out, column.values<std::int32_t>()[row]); break;
    case Kind::Int64: append_number(out, column.values<std::int64_t>()[row]); break;
    case Kind::UInt8: append_number(out, column.values<std::uint8_t>()[row]); break;
    case Kind::UInt16: append_number(out, column.values<std::uint16_t>()[row]); break;
    case Kind::UInt32: append_number(out, column.values<std::uint32_t>()[row]); break;
    case Kind::UInt64: append_number(out, column.values<std::uint64_t>()[row]); break;
    case Kind::Float32: append_float(out, column.values<float>()[row]); break;
    case Kind::Float64: append_float(out, column.values<double>()[row]); break;
    case Kind::Decimal:
      if (type.precision <= 9) {
        append_decimal(out, Int128{column.values<std::int32_t>()[row]}, type.scale);
      } else if (type.precision <= 18) {
        append_decimal(out, Int128{column.values<std::int64_t>()[row]}, type.scale);
      } else {
        append_decimal(out, decimal_at(column, row), type.scale);
      }
      break;
    case Kind::Date: append_date(out, std::int64_t{column.values<std::int32_t>()[row]}); break;
    case Kind::Time: append_time(out, column.values<std::int64_t>()[row], type.unit); break;
    case Kind::Timestamp: append_timestamp(out, column.values<std::int64_t>()[row], type); break;
    case Kind::Interval: append_interval(out, column.values<IntervalValue>()[row]); break;
    case Kind::String:
    case Kind::Json: out += column.text(row); break;
    case Kind::Binary: {
      const auto bytes = column.text(row);
      out += "\\x";
      append_hex(out, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      break;
    }
    case Kind::Uuid: append_uuid(out, column.values<UuidValue>()[row]); break;
    case Kind::List:
    case Kind::Struct: append_json(out, column, row); break;
  }
}

std::string value_text(const Column& column, std::size_t row) {
  std::string text;
  append_text(text, column, row);
  return text;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json(std::string& out, const Column& column, std::size_t row) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  const auto& type = column.type();
  switch (type.kind) {
    case Kind::Bool:
    case Kind::Json: append_text(out, column, row); break;
    case Kind::String: append_json_text(out, column.text(row)); break;
    case Kind::List: {
      out += '[';
      const auto begin = column.offsets()[row];
      for (auto i = begin; i < column.offsets()[row + 1]; ++i) {
        if (i != begin) out += ',';
        append_json(out, column.children()[0], static_cast<std::size_t>(i));
      }
      out += ']';
      break;
    }
    case Kind::Struct:
      out += '{';
      for (std::size_t i = 0; i < column.children().size(); ++i) {
        if (i != 0) out += ',';
        append_json_text(out, (*type.children)[i].name);
        out += ':';
        append_json(out, column.children()[i], row);
      }
      out += '}';
      break;
    default: {
      const auto text = value_text(column, row);
      if (is_exact_number(type, text)) {
        out += text;
      } else {
        append_json_text(out, text);
      }
    }
  }
}

}  // namespace weir::data
