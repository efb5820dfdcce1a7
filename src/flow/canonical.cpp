#include "flow/canonical.hpp"

#include <charconv>
#include <cmath>

#include "data/calendar.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"
#include "flow/canonical_json.hpp"
#include "net/md5.hpp"

namespace weir::flow {
namespace {

using data::Kind;

void append_integer(std::string& out, std::int64_t value) {
  char buffer[20];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void drop_trailing_zeros(std::string& out, std::size_t begin) {
  if (out.find('.', begin) == std::string::npos) return;
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
}

// Digits with one before their point, and an exponent: written out.
void append_written_out(std::string& out, std::string_view scientific) {
  if (scientific.front() == '-') {
    out += '-';
    scientific.remove_prefix(1);
  }
  const auto e = scientific.find('e');
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c != '.') digits += c;
  }
  int exponent = 0;
  auto power = scientific.substr(e + 1);
  if (power.front() == '+') power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  const int before_point = exponent + 1;
  if (before_point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-before_point), '0');
    out += digits;
  } else if (static_cast<std::size_t>(before_point) >= digits.size()) {
    out += digits;
    out.append(static_cast<std::size_t>(before_point) - digits.size(), '0');
  } else {
    out += digits.substr(0, static_cast<std::size_t>(before_point)) + '.' +
           digits.substr(static_cast<std::size_t>(before_point));
  }
}

template <typename T>
void append_float(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "nan";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
  } else if (std::trunc(value) == value && std::abs(value) < static_cast<T>(0x1.0p63)) {
    append_integer(out, static_cast<std::int64_t>(value));
  } else {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    append_written_out(out, {buffer, static_cast<std::size_t>(end - buffer)});
  }
}

// Microseconds, with a fraction where there are nanoseconds.
void append_microseconds(std::string& out, std::int64_t value, data::TimeUnit unit) {
  const auto begin = out.size();
  if (unit == data::TimeUnit::Nano) {
    data::append_decimal(out, data::Int128{value}, 3);
  } else {
    const data::Int128 factor = data::units_a_second(data::TimeUnit::Micro) / data::units_a_second(unit);
    data::append_decimal(out, data::Int128{value} * factor, 0);
  }
  drop_trailing_zeros(out, begin);
}

void append_list(std::string& out, const data::Column& column, std::size_t row, JsonForm json) {
  out += '[';
  for (auto i = column.offsets()[row]; i < column.offsets()[row + 1]; ++i) {
    append_measured(out, column.children().front(), static_cast<std::size_t>(i), json);
  }
  out += ']';
}

}  // namespace

void append_canonical(std::string& out, const data::Column& column, std::size_t row, JsonForm json) {
  const auto begin = out.size();
  switch (column.type().kind) {
    case Kind::Decimal:
      data::append_text(out, column, row);
      drop_trailing_zeros(out, begin);
      break;
    case Kind::Float32: append_float(out, column.values<float>()[row]); break;
    case Kind::Float64: append_float(out, column.values<double>()[row]); break;
    case Kind::Time:
    case Kind::Timestamp: append_microseconds(out, column.values<std::int64_t>()[row], column.type().unit); break;
    case Kind::String: out += column.text(row); break;
    case Kind::Json:
      if (json == JsonForm::Text) {
        out += column.text(row);
      } else {
        append_canonical_json(out, column.text(row));
      }
      break;
    case Kind::List: append_list(out, column, row, json); break;
    case Kind::Struct:
      out += '(';
      for (const auto& child : column.children()) append_measured(out, child, row, json);
      out += ')';
      break;
    default: data::append_text(out, column, row); break;
  }
}

std::optional<std::string> canonical(const data::Column& column, std::size_t row, JsonForm json) {
  if (column.is_null(row)) return std::nullopt;
  std::string text;
  append_canonical(text, column, row, json);
  return text;
}

void append_measured(std::string& out, const data::Column& column, std::size_t row, JsonForm json) {
  if (column.is_null(row)) {
    out += 'N';
    return;
  }
  std::string text;
  append_canonical(text, column, row, json);
  append_integer(out, static_cast<std::int64_t>(text.size()));
  out += ':';
  out += text;
}

std::int64_t digest_of(std::string_view measured) {
  const auto bytes = net::md5(measured);
  std::uint64_t digest = 0;
  for (std::size_t i = 0; i < 8; ++i) digest = digest << 8 | bytes[i];
  return static_cast<std::int64_t>(digest);
}

}  // namespace weir::flow
