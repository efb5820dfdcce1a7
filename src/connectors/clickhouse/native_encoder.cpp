#include "connectors/clickhouse/native_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "connectors/clickhouse/validity.hpp"
#include "data/text.hpp"

namespace weir::clickhouse {
namespace {

using data::Column;
using data::Kind;

// 1900-01-01 and 2299-12-31 as days since 1970: what Date32 and DateTime64 hold.
constexpr std::int64_t kFirstDay = -25'567;
constexpr std::int64_t kLastDay = 120'529;
constexpr std::int64_t kDaySeconds = 86'400;

// Collects small pieces and passes large ones by.
class Output {
 public:
  explicit Output(net::ByteSink& sink) : sink_(sink) {}

  Result<void> bytes(const void* from, std::size_t count) {
    if (count >= kLargeBytes) {
      WEIR_TRY(flush());
      return sink_.write({static_cast<const std::byte*>(from), count});
    }
    pieces_.append(from, count);
    return pieces_.size() >= kLargeBytes ? flush() : Result<void>{};
  }
  void varuint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) pieces_.append_value(static_cast<std::uint8_t>(value | 0x80));
    pieces_.append_value(static_cast<std::uint8_t>(value));
  }
  Result<void> text(std::string_view text) {
    varuint(text.size());
    return bytes(text.data(), text.size());
  }
  // `count` bytes to be filled in by the caller.
  std::byte* extend(std::size_t count) { return pieces_.extend(count); }
  void give_back(std::size_t count) { pieces_.resize(pieces_.size() - count); }
  Result<void> flush_when_large() { return pieces_.size() >= kLargeBytes ? flush() : Result<void>{}; }
  Result<void> flush() {
    if (pieces_.size() == 0) return {};
    auto written = sink_.write({pieces_.data(), pieces_.size()});
    pieces_.clear();
    return written;
  }

 private:
  static constexpr std::size_t kLargeBytes = std::size_t{128} << 10;

  net::ByteSink& sink_;
  data::BufferBuilder pieces_;
};

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

Error does_not_fit(const Column& column, std::size_t row, const ColumnType& wire) {
  return Error::user(Code::TypeMismatch, "value in row {} does not fit {}: {}", row + 1, wire.text,
                     data::value_text(column, row))
      .hint("ClickHouse's dates and times lie between 1900 and 2299 (Date: 1970 to 2149, DateTime: 1970 to 2106)");
}

Error null_in(const ColumnType& wire, std::size_t row) {
  return Error::user(Code::TypeMismatch, "NULL in row {} of a column of type {}", row + 1, wire.text)
      .hint("make the column Nullable or replace NULLs in a query; ClickHouse's Array and Tuple cannot be NULL");
}

std::size_t first_null(const Column& column) {
  std::size_t row = 0;
  while (row < column.rows() && !column.is_null(row)) ++row;
  return row;
}

// Values convert one by one into what the wire holds; false is a value that does not fit.
template <typename Value, typename Wire, typename Convert>
Result<void> converted(const Column& column, const ColumnType& wire, Output& out, Convert convert) {
  const auto rows = column.rows();
  const auto* values = column.values<Value>();
  auto* to = out.extend(rows * sizeof(Wire));
  for (std::size_t row = 0; row < rows; ++row) {
    Wire value{};
    if (!convert(values[row], value)) {
      if (!column.is_null(row)) return does_not_fit(column, row, wire);
      value = Wire{};
    }
    std::memcpy(to + row * sizeof(Wire), &value, sizeof(Wire));
  }
  return out.flush_when_large();
}

Result<void> as_they_are(const Column& column, Output& out) {
  return out.bytes(column.values_buffer().data(),
                   column.rows() * static_cast<std::size_t>(data::value_width(column.type())));
}

// Whether all values that are not null lie in the range: one pass that the compiler vectorises, a second one on a hit.
template <typename Value>
Result<void> check_range(const Column& column, const ColumnType& wire, Value low, Value high) {
  const auto* values = column.values<Value>();
  bool outside = false;
  for (std::size_t row = 0; row < column.rows(); ++row) outside |= values[row] < low || values[row] > high;
  if (!outside) return {};
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if ((values[row] < low || values[row] > high) && !column.is_null(row)) return does_not_fit(column, row, wire);
  }
  return {};
}

Result<void> dates(const Column& column, const ColumnType& wire, Output& out) {
  if (wire.name == "Date") {
    return converted<std::int32_t, std::uint16_t>(column, wire, out, [](std::int32_t days, std::uint16_t& to) {
      to = static_cast<std::uint16_t>(days);
      return days >= 0 && days <= UINT16_MAX;
    });
  }
  WEIR_TRY(check_range<std::int32_t>(column, wire, kFirstDay, kLastDay));
  return as_they_are(column, out);
}

// DateTime64 and Time64 of any precision, from `low` to the end of `high` in seconds.
Result<void> ticks(const Column& column, const ColumnType& wire, Output& out, std::int64_t low, std::int64_t high) {
  const auto digits = data::digits(column.type().unit);
  const auto second = power_of_ten(digits);
  std::int64_t first = INT64_MIN;
  std::int64_t beyond = 0;
  if (__builtin_mul_overflow(low, second, &first)) first = INT64_MIN;
  const auto last = __builtin_mul_overflow(high + 1, second, &beyond) ? INT64_MAX : beyond - 1;
  WEIR_TRY(check_range<std::int64_t>(column, wire, first, last));
  if (wire.precision == digits) return as_they_are(column, out);
  const auto factor = power_of_ten(std::max(0, wire.precision - digits));
  const auto divisor = power_of_ten(std::max(0, digits - wire.precision));
  return converted<std::int64_t, std::int64_t>(column, wire, out, [=](std::int64_t value, std::int64_t& to) {
    return value % divisor == 0 && !__builtin_mul_overflow(value / divisor, factor, &to);
  });
}

Result<void> timestamps(const Column& column, const ColumnType& wire, Output& out) {
  if (wire.name == "DateTime") {
    const auto second = power_of_ten(data::digits(column.type().unit));
    return converted<std::int64_t, std::uint32_t>(column, wire, out, [=](std::int64_t value, std::uint32_t& to) {
      to = static_cast<std::uint32_t>(value / second);
      return value % second == 0 && value >= 0 && value / second <= UINT32_MAX;
    });
  }
  return ticks(column, wire, out, kFirstDay * kDaySeconds, (kLastDay + 1) * kDaySeconds - 1);
}

Result<void> uuids(const Column& column, Output& out) {
  auto* to = out.extend(column.rows() * 16);
  const auto* from = column.values_buffer().data();
  for (std::size_t i = 0; i < column.rows() * 2; ++i) {
    std::uint64_t half = 0;
    std::memcpy(&half, from + i * 8, 8);
    half = __builtin_bswap64(half);
    std::memcpy(to + i * 8, &half, 8);
  }
  return out.flush_when_large();
}

Result<void> bools(const Column& column, Output& out) {
  expand_bits(reinterpret_cast<std::uint8_t*>(out.extend(column.rows())), column.values_buffer().as<std::uint8_t>(),
              column.rows());
  return out.flush_when_large();
}

Result<void> texts(const Column& column, Output& out) {
  constexpr std::size_t kPrefixBytesMax = 5;
  constexpr std::size_t kLongBytes = std::size_t{64} << 10;
  const auto* offsets = column.offsets();
  const auto* bytes = column.bytes_buffer().data();
  for (std::size_t row = 0; row < column.rows();) {
    // As many short values as fit a piece, behind a single reservation.
    std::size_t last = row;
    while (last < column.rows() && static_cast<std::size_t>(offsets[last + 1] - offsets[row]) <= kLongBytes &&
           last - row < kLongBytes / 8) {
      ++last;
    }
    if (last == row) {
      WEIR_TRY(out.text(column.text(row)));
      ++row;
      continue;
    }
    const auto text_bytes = static_cast<std::size_t>(offsets[last] - offsets[row]);
    const auto room = text_bytes + (last - row) * kPrefixBytesMax;
    auto* const begin = out.extend(room);
    auto* to = begin;
    for (; row < last; ++row) {
      auto size = static_cast<std::size_t>(offsets[row + 1] - offsets[row]);
      const auto* from = bytes + offsets[row];
      const auto length = size;
      for (; size >= 0x80; size >>= 7) *to++ = static_cast<std::byte>(size | 0x80);
      *to++ = static_cast<std::byte>(size);
      if (length != 0) std::memcpy(to, from, length);
      to += length;
    }
    out.give_back(room - static_cast<std::size_t>(to - begin));
    WEIR_TRY(out.flush_when_large());
  }
  return {};
}

Result<void> values(const Column& column, const ColumnType& wire, Output& out);

Result<void> lists(const Column& column, const ColumnType& wire, Output& out) {
  const auto* offsets = column.offsets();
  auto* to = out.extend(column.rows() * sizeof(std::uint64_t));
  for (std::size_t row = 0; row < column.rows(); ++row) {
    const auto end = static_cast<std::uint64_t>(offsets[row + 1]);
    std::memcpy(to + row * sizeof end, &end, sizeof end);
  }
  WEIR_TRY(out.flush_when_large());
  return values(column.children()[0], wire.children.at(0), out);
}

Result<void> structs(const Column& column, const ColumnType& wire, Output& out) {
  for (std::size_t i = 0; i < column.children().size(); ++i) {
    WEIR_TRY(values(column.children()[i], wire.children.at(i), out));
  }
  return {};
}

Result<void> intervals(const Column& column, Output& out) {
  std::string text;
  for (std::size_t row = 0; row < column.rows(); ++row) {
    text.clear();
    if (!column.is_null(row)) data::append_text(text, column, row);
    WEIR_TRY(out.text(text));
  }
  return {};
}

Result<void> plain_values(const Column& column, const ColumnType& wire, Output& out) {
  switch (column.type().kind) {
    case Kind::Bool: return bools(column, out);
    case Kind::Date: return dates(column, wire, out);
    case Kind::Timestamp: return timestamps(column, wire, out);
    case Kind::Time: return ticks(column, wire, out, 0, kDaySeconds);
    case Kind::Uuid: return uuids(column, out);
    case Kind::Interval: return intervals(column, out);
    case Kind::String:
    case Kind::Binary:
    case Kind::Json: return texts(column, out);
    case Kind::List: return lists(column, wire, out);
    case Kind::Struct: return structs(column, wire, out);
    default: return as_they_are(column, out);
  }
}

Result<void> values(const Column& column, const ColumnType& wire, Output& out) {
  if (wire.name != "Nullable") {
    if (column.nulls() != 0) return null_in(wire, first_null(column));
    return plain_values(column, wire, out);
  }
  auto* null_map = reinterpret_cast<std::uint8_t*>(out.extend(column.rows()));
  if (column.nulls() == 0) {
    std::memset(null_map, 0, column.rows());
  } else {
    expand_bits(null_map, column.validity_buffer().as<std::uint8_t>(), column.rows());
    for (std::size_t row = 0; row < column.rows(); ++row) null_map[row] ^= 1;
  }
  WEIR_TRY(out.flush_when_large());
  return plain_values(column, wire.children.at(0), out);
}

}  // namespace

Result<void> NativeEncoder::write(std::span<const Column> columns, std::size_t rows, net::ByteSink& sink) const {
  WEIR_CHECK(columns.size() == targets_.size());
  Output out(sink);
  out.varuint(targets_.size());
  out.varuint(rows);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    WEIR_TRY(out.text(targets_[i].name));
    WEIR_TRY(out.text(targets_[i].wire.text));
    WEIR_TRY(values(columns[i], targets_[i].wire, out).while_doing(fmt::format("column {}", targets_[i].name)));
  }
  return out.flush();
}

}  // namespace weir::clickhouse
