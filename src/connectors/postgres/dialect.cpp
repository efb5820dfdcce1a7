#include "connectors/postgres/dialect.hpp"

#include <fmt/ranges.h>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

using data::Kind;

// The canonical texts of several values in one, as a digest takes them: "length:text", NULL as "N".
std::string measured(std::string_view canonical) {
  return fmt::format("coalesce(octet_length({0}) || ':' || ({0}), 'N')", canonical);
}

std::string canonical_decimal(std::string_view expression, int scale) {
  const auto as_text = fmt::format("({})::text", expression);
  // numeric's text has all digits of its scale; NaN is written as the other databases do.
  if (scale == 0) return fmt::format("lower({})", as_text);
  return fmt::format("lower(CASE WHEN strpos({0}, '.') > 0 THEN rtrim(rtrim({0}, '0'), '.') ELSE {0} END)", as_text);
}

// A text that reads back has an exponent for small and large values; as numeric it is written out.
// As jsonb, which is the value. A column of type json may hold what jsonb refuses, U+0000 or half a surrogate pair: that is
// left as it is.
std::string canonical_json(std::string_view expression) {
  return fmt::format(
      R"(CASE WHEN regexp_replace(({0})::text, '\\ud[89ab][0-9a-f]{{2}}\\ud[c-f][0-9a-f]{{2}}', '', 'gi') )"
      R"(~* '(^|[^\\])(\\\\)*\\u(0000|d[89a-f])' THEN ({0})::text ELSE ({0})::jsonb::text END)",
      expression);
}

std::string canonical_float(std::string_view expression) {
  return fmt::format(
      "CASE WHEN ({0}) IN ('NaN', 'Infinity', '-Infinity') THEN replace(lower(({0})::text), 'infinity', 'inf') "
      "WHEN ({0}) = trunc(({0})::float8) AND abs(({0})::float8) < 9223372036854775808 THEN ({0})::bigint::text "
      "ELSE ({0})::text::numeric::text END",
      expression);
}

std::string epoch_microseconds(std::string_view expression) {
  // extract(epoch) is a float before PostgreSQL 14; the parts are exact in every version.
  return fmt::format(
      "(extract(epoch FROM date_trunc('second', {0}))::bigint * 1000000 + extract(microseconds FROM {0})::bigint % "
      "1000000)::text",
      expression);
}

class PostgresDialect final : public flow::Dialect {
 public:
  std::string_view name() const override { return "postgres"; }
  std::string quote(std::string_view identifier) const override { return quote_identifier(identifier); }
  std::string quote(const flow::Relation& relation) const override { return quote_relation(relation); }
  std::string literal(std::string_view text) const override { return quote_literal(text); }
  // PostgreSQL's types hold NULL anyway; NOT NULL is a constraint of a column.
  std::string type_name(const data::Type& type, data::Nullable) const override { return native_type_name(type); }

  Result<flow::Script> materialize(const flow::Materialization& what) const override {
    return postgres::materialize(what);
  }

  std::string count_if(std::string_view condition) const override {
    return fmt::format("count(*) FILTER (WHERE {})", condition);
  }

  std::string any_of(std::span<const std::string> conditions) const override {
    return fmt::format("({})", fmt::join(conditions, ")\n   OR ("));
  }

  std::string matches(std::string_view expression, std::string_view pattern) const override {
    return fmt::format("({}) ~ {}", expression, quote_literal(pattern));
  }

  std::string count_distinct(std::span<const std::string> expressions) const override {
    if (expressions.size() == 1) return fmt::format("count(DISTINCT ({}))", expressions.front());
    return fmt::format("count(DISTINCT ({}))", fmt::join(expressions, ", "));
  }

  std::string cast_text(std::string_view expression) const override { return fmt::format("({})::text", expression); }

  // Sessions run in UTC, so a reading without a zone counts as UTC.
  std::string age_seconds(std::string_view expression) const override {
    return fmt::format("extract(epoch FROM now() - ({})::timestamptz)", expression);
  }

  std::string canonical(std::string_view expression, const data::Type& type) const override {
    switch (type.kind) {
      case Kind::Decimal: return canonical_decimal(expression, type.scale);
      case Kind::Float32:
      case Kind::Float64: return canonical_float(expression);
      case Kind::Date: return fmt::format("to_char({}, 'YYYY-MM-DD')", expression);
      case Kind::Time:
        return fmt::format("(extract(epoch FROM {0})::numeric(20,6) * 1000000)::bigint::text", expression);
      case Kind::Timestamp: return epoch_microseconds(fmt::format("({})", expression));
      case Kind::Binary: return fmt::format("'\\x' || encode({}, 'hex')", expression);
      case Kind::Json: return canonical_json(expression);
      case Kind::List: return canonical_list(expression, type.children->front().type);
      default: return fmt::format("({})::text", expression);
    }
  }

  bool compares_json() const override { return true; }

  std::string digest(std::span<const std::string> canonical) const override {
    std::vector<std::string> parts;
    for (const auto& text : canonical) parts.push_back(measured(text));
    // Sixteen hexadecimal digits are 64 bits, and bit(64) casts to bigint with its sign.
    return fmt::format("('x' || substr(md5({}), 1, 16))::bit(64)::bigint", fmt::join(parts, " || "));
  }

  std::string exact_sum(std::string_view expression) const override {
    return fmt::format("coalesce(sum(({})::bigint), 0)::text", expression);
  }

  std::string bucket(std::string_view digest, int count) const override {
    return fmt::format("(({}) & {})", digest, count - 1);
  }

 private:
  std::string canonical_list(std::string_view expression, const data::Type& element) const {
    return fmt::format(
        "CASE WHEN ({0}) IS NULL THEN NULL ELSE '[' || coalesce((SELECT string_agg({1}, '' ORDER BY place) "
        "FROM unnest({0}) WITH ORDINALITY AS weir_list (element, place)), '') || ']' END",
        expression, measured(canonical("element", element)));
  }
};

}  // namespace

const flow::Dialect& postgres_dialect() {
  static const PostgresDialect kDialect;
  return kDialect;
}

}  // namespace weir::postgres
