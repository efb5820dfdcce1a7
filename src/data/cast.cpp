#include "data/cast.hpp"

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "data/calendar.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::data {
namespace {

constexpr std::size_t kShownMax = 100;  // bytes of a value that a message shows

Error mismatch(const Column& column, std::size_t row, const Type& type) {
  auto shown = value_text(column, row);
  if (shown.size() > kShownMax) shown = shown.substr(0, kShownMax) + "…";
  return Error::user(Code::TypeMismatch, "row {}: {} value does not fit {}: {}", row + 1, column.type().text(),
                     type.text(), shown);
}

// Calls `visit(T{})` with the C++ type of a kind's values; false for kinds that are not plain numbers.
template <typename Visit>
bool visit_number(Kind kind, Visit&& visit) {
  switch (kind) {
    case Kind::Int8: visit(std::int8_t{}); return true;
    case Kind::Int16: visit(std::int16_t{}); return true;
    case Kind::Int32: visit(std::int32_t{}); return true;
    case Kind::Int64: visit(std::int64_t{}); return true;
    case Kind::UInt8: visit(std::uint8_t{}); return true;
    case Kind::UInt16: visit(std::uint16_t{}); return true;
    case Kind::UInt32: visit(std::uint32_t{}); return true;
    case Kind::UInt64: visit(std::uint64_t{}); return true;
    case Kind::Float32: visit(float{}); return true;
    case Kind::Float64: visit(double{}); return true;
    default: return false;
  }
}

// Whether the number is exactly the same in the other type; nan and infinities are in every float.
template <typename To, typename From>
bool convert(From from, To& to) {
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    to = static_cast<To>(from);
    return std::in_range<To>(from);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Both bounds are powers of two, so that they are exact in a double. A nan compares false.
    const double value = from;
    const double end = std::ldexp(1.0, std::numeric_limits<To>::digits);
    if (!(value >= (std::is_signed_v<To> ? -end : 0.0) && value < end) || value != std::trunc(value)) return false;
    to = static_cast<To>(value);
    return true;
  } else if constexpr (std::is_integral_v<From>) {
    to = static_cast<To>(from);
    From back = 0;
    return convert(to, back) && back == from;
  } else if constexpr (sizeof(To) >= sizeof(From)) {
    to = from;
    return true;
  } else {
    to = static_cast<To>(from);
    return std::isnan(from) || static_cast<From>(to) == from;
  }
}

// A column of `type` whose every valid value is made by `make(row, T&)`; a false answer is a value that does not fit.
template <typename T, typename Make>
Result<Column> map_values(const Column& column, const Type& type, Make&& make) {
  BufferBuilder values;
  values.resize(column.rows() * sizeof(T));
  auto* out = values.as<T>();
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if (column.is_null(row)) {
      out[row] = T{};
    } else if (!make(row, out[row])) {
      return mismatch(column, row, type);
    }
  }
  return Column{type, column.rows(), column.nulls(), column.validity_buffer(), values.finish()};
}

Result<Column> cast_number(const Column& column, const Type& type) {
  Result<Column> result = Error::bug("not a number: {}", type.text());
  visit_number(column.type().kind, [&](auto from) {
    visit_number(type.kind, [&](auto to) {
      const auto* values = column.values<decltype(from)>();
      result =
          map_values<decltype(to)>(column, type, [&](std::size_t row, auto& out) { return convert(values[row], out); });
    });
  });
  return result;
}

// The same span of time counted in another unit: exact, within 64 bits.
bool change_unit(std::int64_t value, TimeUnit from, TimeUnit to, std::int64_t& out) {
  if (from <= to) return !__builtin_mul_overflow(value, units_a_second(to) / units_a_second(from), &out);
  const auto divisor = units_a_second(from) / units_a_second(to);
  out = value / divisor;
  return value % divisor == 0;
}

Result<Column> cast_time(const Column& column, const Type& type) {
  const auto* values = column.values<std::int64_t>();
  return map_values<std::int64_t>(column, type, [&](std::size_t row, std::int64_t& out) {
    return change_unit(values[row], column.type().unit, type.unit, out);
  });
}

Result<Column> cast_date_to_timestamp(const Column& column, const Type& type) {
  const auto* days = column.values<std::int32_t>();
  return map_values<std::int64_t>(column, type, [&](std::size_t row, std::int64_t& out) {
    return change_unit(days[row] * kSecondsADay, TimeUnit::Second, type.unit, out);
  });
}

// Only midnights are dates.
Result<Column> cast_timestamp_to_date(const Column& column, const Type& type) {
  const auto* values = column.values<std::int64_t>();
  const auto per_day = units_a_second(column.type().unit) * kSecondsADay;
  return map_values<std::int32_t>(column, type, [&](std::size_t row, std::int32_t& out) {
    const auto days = values[row] / per_day;
    out = static_cast<std::int32_t>(days);
    return values[row] % per_day == 0 && out == days;
  });
}

Result<Column> cast_to_decimal(const Column& column, const Type& type) {
  ColumnBuilder builder{type};
  builder.reserve(column.rows());
  const auto scaled = [&](std::size_t row) -> std::optional<Int256> {
    if (column.type().kind == Kind::Decimal) {
      return rescale({decimal_at(column, row), column.type().scale}, type.precision, type.scale);
    }
    Int128 value = 0;
    visit_number(column.type().kind, [&](auto zero) {
      if constexpr (std::is_integral_v<decltype(zero)>) value = column.values<decltype(zero)>()[row];
    });
    return rescale({Int256::from(value), 0}, type.precision, type.scale);
  };
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if (column.is_null(row)) {
      builder.append_null();
      continue;
    }
    const auto value = scaled(row);
    if (!value) return mismatch(column, row, type);
    append_decimal_value(builder, *value);
  }
  return builder.finish();
}

// Whole values only.
Result<Column> cast_decimal_to_integer(const Column& column, const Type& type) {
  const Type whole = decimal(38, 0);
  const auto integers = cast_to_decimal(column, whole);
  if (!integers.ok()) {
    // The first value that does not fit is the same, but the type that the caller asked for is to be named.
    for (std::size_t row = 0; row < column.rows(); ++row) {
      if (column.is_null(row)) continue;
      if (!rescale({decimal_at(column, row), column.type().scale}, 38, 0)) return mismatch(column, row, type);
    }
  }
  Result<Column> result = Error::bug("not an integer: {}", type.text());
  visit_number(type.kind, [&](auto to) {
    using To = decltype(to);
    if constexpr (std::is_integral_v<To>) {
      result = map_values<To>(column, type, [&](std::size_t row, To& out) {
        const auto words = decimal_at(*integers, row).words;
        const auto value = static_cast<Int128>(static_cast<UInt128>(words[1]) << 64 | words[0]);
        out = static_cast<To>(value);
        return value >= std::numeric_limits<To>::min() && value <= std::numeric_limits<To>::max();
      });
    }
  });
  return result;
}

Result<Column> cast_nested(const Column& column, const Type& type) {
  const auto& from = *column.type().children;
  const auto& to = *type.children;
  std::vector<Column> children;
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::size_t source = i;
    if (type.kind == Kind::Struct) {
      source = 0;
      while (source < from.size() && from[source].name != to[i].name) ++source;
      if (source == from.size()) {
        return Error::user(Code::TypeMismatch, "{} lacks the field that {} has: {}", column.type().text(), type.text(),
                           to[i].name);
      }
    }
    children.push_back(WEIR_TRY(cast(column.children()[source], to[i].type)));
  }
  return Column{type, column.rows(),      column.nulls(), column.validity_buffer(), column.values_buffer(),
                {},   std::move(children)};
}

// Every value's text says it exactly, so that reading it as the other type loses nothing or fails.
Result<Column> cast_through_text(const Column& column, const Type& type) {
  ColumnBuilder builder{type};
  builder.reserve(column.rows());
  std::string text;
  const bool is_text = column.type().kind == Kind::String || column.type().kind == Kind::Json;
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if (column.is_null(row)) {
      builder.append_null();
      continue;
    }
    text.clear();
    if (type.kind == Kind::Json) {
      // Text that is JSON stays as it is; other values become JSON values.
      column.type().kind == Kind::String ? append_text(text, column, row) : append_json(text, column, row);
    } else if (column.type().kind == Kind::Bool && type.kind != Kind::String) {
      text = column.bit(row) ? "1" : "0";
    } else if (!is_text) {
      append_text(text, column, row);
    }
    const std::string_view value = is_text && type.kind != Kind::Json ? column.text(row) : std::string_view{text};
    if (!append_parsed(builder, value).ok()) return mismatch(column, row, type);
  }
  return builder.finish();
}

bool is_number(Kind kind) { return is_integer(kind) || kind == Kind::Float32 || kind == Kind::Float64; }

// Kinds whose texts look alike although their values mean different things: only text may become any of them.
bool is_castable_through_text(Kind from, Kind to) {
  if (from == Kind::String || from == Kind::Json || to == Kind::String || to == Kind::Json) return true;
  const auto is_numeric = [](Kind kind) { return is_number(kind) || kind == Kind::Decimal || kind == Kind::Bool; };
  return is_numeric(from) && is_numeric(to);
}

}  // namespace

Result<Column> cast(const Column& column, const Type& type) {
  const auto& from = column.type();
  if (from == type) return column;
  if (is_number(from.kind) && is_number(type.kind)) return cast_number(column, type);
  if (type.kind == Kind::Decimal && (from.kind == Kind::Decimal || is_integer(from.kind)))
    return cast_to_decimal(column, type);
  if (from.kind == Kind::Decimal && is_integer(type.kind)) return cast_decimal_to_integer(column, type);
  if (from.kind == type.kind) {
    if (from.kind == Kind::Time || from.kind == Kind::Timestamp) return cast_time(column, type);
    if (from.kind == Kind::List || from.kind == Kind::Struct) return cast_nested(column, type);
  }
  if (from.kind == Kind::Date && type.kind == Kind::Timestamp) return cast_date_to_timestamp(column, type);
  if (from.kind == Kind::Timestamp && type.kind == Kind::Date) return cast_timestamp_to_date(column, type);
  if (is_castable_through_text(from.kind, type.kind)) return cast_through_text(column, type);
  return Error::user(Code::TypeMismatch, "no cast from {} to {}", from.text(), type.text());
}

Result<Batch> cast(const Batch& batch, const SchemaPtr& schema) {
  if (*batch.schema() == *schema) return batch;
  std::vector<Column> columns;
  columns.reserve(schema->fields.size());
  for (const auto& field : schema->fields) {
    const auto index = batch.schema()->find(field.name);
    if (!index) return Error::user(Code::NotFound, "column is missing: {}", field.name);
    const auto context = [&] { return fmt::format("column {}", field.name); };
    columns.push_back(WEIR_TRY(cast(batch.column(*index), field.type).while_doing(context())));
    const auto& column = columns.back();
    if (field.nullable == Nullable::Yes || column.nulls() == 0) continue;
    std::size_t row = 0;
    while (!column.is_null(row)) ++row;
    return Error::user(Code::TypeMismatch, "row {}: null in a column that takes none: {}", row + 1, field.name);
  }
  Batch result{schema, std::move(columns), batch.rows()};
  if (batch.changes()) return std::move(result).with_changes(*batch.changes());
  return result;
}

}  // namespace weir::data
