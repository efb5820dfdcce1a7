#include "connectors/clickhouse/canonical.hpp"

#include <fmt/format.h>

#include <vector>

namespace weir::clickhouse {
namespace {

using data::Kind;
using data::TimeUnit;

// Trailing zeros behind the point, and the point itself when nothing is left behind it.
std::string without_trailing_zeros(std::string_view text) {
  return fmt::format("replaceRegexpOne({}, '(\\\\.[0-9]*[1-9])0+$|\\\\.0*$', '\\\\1')", text);
}

// ClickHouse writes an exponent from 1e21 and below 1e-6; the digits before it have one digit before their point.
std::string float_text(std::string_view x) {
  const auto text = fmt::format("toString({})", x);
  const auto digits = fmt::format("replaceRegexpAll({}, '^-|\\\\.|e.*$', '')", text);
  const auto exponent = fmt::format("toInt32OrZero(extract({}, 'e\\\\+?(-?[0-9]+)$'))", text);
  const auto written_out = fmt::format(
      "concat(if(startsWith({0}, '-'), '-', ''), if({2} < 0, concat('0.', repeat('0', -1 - {2}), {1}), "
      "concat({1}, repeat('0', {2} + 1 - toInt32(length({1}))))))",
      text, digits, exponent);
  // The cast yields NULL where a value is not an integer of 64 bits, nan and inf included.
  return fmt::format(
      "ifNull(toString(nullIf(accurateCastOrNull({0}, 'Int64'), toInt64('-9223372036854775808'))), multiIf(isNaN({0}), "
      "'nan', isInfinite({0}), if({0} > 0, 'inf', '-inf'), position({1}, 'e') = 0, {1}, {2}))",
      x, text, written_out);
}

std::string timestamp_text(std::string_view x, TimeUnit unit) {
  if (unit != TimeUnit::Nano)
    return fmt::format("toString(toUnixTimestamp64Micro(CAST({} AS Nullable(DateTime64(6)))))", x);
  return without_trailing_zeros(fmt::format("toString(toDecimal128(toUnixTimestamp64Nano({}), 3) / 1000)", x));
}

std::string time_text(std::string_view x, TimeUnit unit) {
  if (unit != TimeUnit::Nano) return fmt::format("toString(toInt64(toDecimal64({}, 6) * 1000000))", x);
  return without_trailing_zeros(fmt::format("toString(toDecimal128({}, 9) * 1000000)", x));
}

std::string digest_part(std::string_view canonical) {
  return fmt::format("ifNull(concat(toString(length({0})), ':', {0}), 'N')", canonical);
}

// `depth` keeps the names of nested lambdas apart.
std::string text_of(std::string_view x, const data::Type& type, int depth);

std::string list_text(std::string_view x, const data::Type& type, int depth) {
  const auto element = fmt::format("weir_{}", depth);
  return fmt::format("concat('[', arrayStringConcat(arrayMap({} -> {}, {})), ']')", element,
                     digest_part(text_of(element, type.children->front().type, depth + 1)), x);
}

std::string struct_text(std::string_view x, const data::Type& type, int depth) {
  std::string text = "concat('('";
  for (std::size_t i = 0; i < type.children->size(); ++i) {
    const auto field = fmt::format("tupleElement({}, {})", x, i + 1);
    text += ", " + digest_part(text_of(field, (*type.children)[i].type, depth));
  }
  return text + ", ')')";
}

std::string text_of(std::string_view x, const data::Type& type, int depth) {
  switch (type.kind) {
    case Kind::Bool: return fmt::format("multiIf(isNull({0}), NULL, {0}, 'true', 'false')", x);
    case Kind::Float32:
    case Kind::Float64: return float_text(x);
    case Kind::Decimal:
      return type.scale == 0 ? fmt::format("toString({})", x) : without_trailing_zeros(fmt::format("toString({})", x));
    case Kind::Time: return time_text(x, type.unit);
    case Kind::Timestamp: return timestamp_text(x, type.unit);
    case Kind::Binary: return fmt::format("concat('\\\\x', lower(hex({})))", x);
    case Kind::List: return list_text(x, type, depth);
    case Kind::Struct: return struct_text(x, type, depth);
    default: return fmt::format("toString({})", x);
  }
}

}  // namespace

std::string canonical_text(std::string_view expression, const data::Type& type) {
  return text_of(fmt::format("({})", expression), type, 0);
}

std::string digest_of(std::span<const std::string> canonical) {
  std::string parts = "concat(''";
  for (const auto& text : canonical) parts += ", " + digest_part(text);
  // ClickHouse reads the eight bytes as little-endian.
  return fmt::format("reinterpretAsInt64(reverse(substring(MD5({})), 1, 8)))", parts);
}

}  // namespace weir::clickhouse
