#include "connectors/postgres/schema_change.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "connectors/postgres/statement.hpp"
#include "connectors/postgres/types.hpp"

namespace weir::postgres {
namespace {

using data::Kind;

bool is_whole(std::string_view native) { return native == "smallint" || native == "integer" || native == "bigint"; }

// "numeric(12,2)".
struct Digits {
  int precision = 0;
  int scale = 0;
};

std::optional<Digits> digits_of(std::string_view native) {
  constexpr std::string_view kBegin = "numeric(";
  if (!native.starts_with(kBegin)) return std::nullopt;
  Digits digits;
  const auto* end = native.data() + native.size();
  const auto first = std::from_chars(native.data() + kBegin.size(), end, digits.precision);
  if (first.ec != std::errc{} || first.ptr == end) return std::nullopt;
  if (*first.ptr == ',') std::from_chars(first.ptr + 1, end, digits.scale);
  return digits;
}

int digits_of_whole(std::string_view native) { return native == "smallint" ? 5 : native == "integer" ? 10 : 19; }

Alteration change_type(const std::string& column, const data::Type& type, std::string_view conversion,
                       std::string guard = {}) {
  const auto name = quote_identifier(column);
  const auto native = native_type_name(type);
  return {.column = column,
          .clause = fmt::format("ALTER COLUMN {} TYPE {} USING {}", name, native,
                                fmt::format(fmt::runtime(conversion), name, native)),
          .clause_if_empty = fmt::format("ALTER COLUMN {0} TYPE {1} USING NULL::{1}", name, native),
          .guard = std::move(guard)};
}

std::optional<Alteration> to_decimal(const CatalogColumn& column, const data::Field& field) {
  const auto& type = field.type;
  const auto before = type.precision - type.scale;
  if (is_whole(column.native_type)) {
    if (before < digits_of_whole(column.native_type)) return std::nullopt;
    return change_type(field.name, type, "{0}::{1}");
  }
  const auto digits = digits_of(column.native_type);
  if (!digits) return std::nullopt;
  const bool holds = digits->scale >= type.scale && digits->precision - digits->scale >= before;
  const bool is_wider = type.scale >= digits->scale && before >= digits->precision - digits->scale;
  if (holds) return std::nullopt;
  if (is_wider) return change_type(field.name, type, "{0}::{1}");
  // Digits more on one side, fewer on the other: a type that has both.
  const auto scale = std::max<int>(type.scale, digits->scale);
  const auto whole = std::max<int>(before, digits->precision - digits->scale);
  if (whole + scale > 76) return std::nullopt;
  return change_type(field.name, data::decimal(whole + scale, scale), "{0}::{1}");
}

std::optional<Alteration> to_whole(const CatalogColumn& column, const data::Field& field) {
  if (!is_whole(column.native_type)) return std::nullopt;
  const auto native = native_type_name(field.type);
  if (!is_whole(native) || digits_of_whole(native) <= digits_of_whole(column.native_type)) return std::nullopt;
  return change_type(field.name, field.type, "{0}::{1}");
}

std::optional<Alteration> to_float(const CatalogColumn& column, const data::Field& field) {
  const auto name = quote_identifier(field.name);
  if (column.native_type == "smallint" || column.native_type == "integer" || column.native_type == "real")
    return change_type(field.name, field.type, "{0}::{1}");
  if (column.native_type != "bigint") return std::nullopt;
  return change_type(field.name, field.type, "{0}::{1}",
                     fmt::format("{0} NOT BETWEEN -9007199254740992 AND 9007199254740992", name));
}

}  // namespace

SchemaChanges schema_changes(const Settings& options) {
  const auto text = options.text("schema_changes");
  return text == "evolve" ? SchemaChanges::Evolve : text == "reject" ? SchemaChanges::Reject : SchemaChanges::Freeze;
}

Setting schema_changes_setting() {
  return {
      .name = "schema_changes",
      .type = SettingType::Choice,
      .doc =
          "When rows no longer fit the table: freeze fails, evolve adds columns and widens types, reject leaves out "
          "columns that the table lacks, and says so",
      .default_value = "freeze",
      .choices = {"freeze", "evolve", "reject"}};
}

Alteration added_column(const data::Field& field) {
  // Rows that are there have no value of it.
  auto clause =
      fmt::format("ADD COLUMN IF NOT EXISTS {} {}", quote_identifier(field.name), native_type_name(field.type));
  return {.column = field.name, .clause = clause, .clause_if_empty = clause, .guard = {}};
}

std::optional<Alteration> widened_column(const CatalogColumn& column, const data::Field& field) {
  const bool is_json = column.native_type == "json" || column.native_type == "jsonb";
  switch (field.type.kind) {
    case Kind::Json:
      if (is_json) return std::nullopt;
      return change_type(field.name, field.type, "to_jsonb({0})");
    case Kind::Decimal: return to_decimal(column, field);
    case Kind::Int16:
    case Kind::Int32:
    case Kind::Int64: return to_whole(column, field);
    case Kind::Float64: return to_float(column, field);
    default: return std::nullopt;
  }
}

Result<void> alter_table(Connection& connection, const LoadPlan& plan, const flow::Relation& table,
                         std::stop_token stop) {
  if (plan.alterations.empty()) return {};
  std::vector<std::string> clauses;
  for (const auto& alteration : plan.alterations) {
    clauses.push_back(alteration.clause);
    if (alteration.guard.empty()) continue;
    const auto found = WEIR_TRY(connection.query(
        fmt::format("SELECT EXISTS (SELECT FROM {} WHERE {})", quote_relation(table), alteration.guard), {}, stop));
    if (found.flag(0, 0)) {
      return Error::user(Code::TypeMismatch, "column {} of {} has values that its wider type would not hold exactly",
                         alteration.column, table.text())
          .hint("change the column by hand, or state its type at the source");
    }
  }
  WEIR_TRY(connection.run(fmt::format("ALTER TABLE {} {}", quote_relation(table), fmt::join(clauses, ", ")), stop));
  return {};
}

std::string alter_empty(const LoadPlan& plan, const flow::Relation& table) {
  std::vector<std::string> clauses;
  for (const auto& alteration : plan.alterations) clauses.push_back(alteration.clause_if_empty);
  if (clauses.empty()) return {};
  return fmt::format("ALTER TABLE {} {}", quote_relation(table), fmt::join(clauses, ", "));
}

}  // namespace weir::postgres
