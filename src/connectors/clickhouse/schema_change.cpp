#include "connectors/clickhouse/schema_change.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weir::clickhouse {
namespace {

using data::Kind;
using data::Type;

constexpr int kDecimalDigits = 76;

int integer_bits(Kind kind) {
  const auto rank = static_cast<int>(kind) - static_cast<int>(Kind::Int8);
  return 8 << (rank % 4);
}
bool is_signed(Kind kind) { return kind <= Kind::Int64; }

// Of an integer type's largest values.
int integer_digits(Kind kind) {
  switch (integer_bits(kind)) {
    case 8: return 3;
    case 16: return 5;
    case 32: return 10;
    default: return is_signed(kind) ? 19 : 20;
  }
}

std::optional<Type> decimal_of(int before, int behind) {
  if (before + behind > kDecimalDigits) return std::nullopt;
  return data::decimal(before + behind, behind);
}
int digits_before(const Type& type) {
  return type.kind == Kind::Decimal ? type.precision - type.scale : integer_digits(type.kind);
}
int digits_behind(const Type& type) { return type.kind == Kind::Decimal ? type.scale : 0; }

std::optional<Type> wider_integer(Kind column, Kind rows) {
  const bool is_mixed = is_signed(column) != is_signed(rows);
  const auto bits = [&](Kind kind) { return integer_bits(kind) * (is_mixed && !is_signed(kind) ? 2 : 1); };
  const auto wanted = std::max(bits(column), bits(rows));
  const auto first = is_mixed || is_signed(column) ? Kind::Int8 : Kind::UInt8;
  for (int step = 0; step < 4; ++step) {
    const auto kind = static_cast<Kind>(static_cast<int>(first) + step);
    if (integer_bits(kind) == wanted) return data::type_of(kind);
  }
  return std::nullopt;
}

bool is_number(Kind kind) {
  return data::is_integer(kind) || kind == Kind::Float32 || kind == Kind::Float64 || kind == Kind::Decimal;
}

std::optional<Type> common_type(const Type& column, const Type& rows) {
  const bool both_exact = (data::is_integer(column.kind) || column.kind == Kind::Decimal) &&
                          (data::is_integer(rows.kind) || rows.kind == Kind::Decimal);
  if (data::is_integer(column.kind) && data::is_integer(rows.kind)) return wider_integer(column.kind, rows.kind);
  if (both_exact) {
    return decimal_of(std::max(digits_before(column), digits_before(rows)),
                      std::max(digits_behind(column), digits_behind(rows)));
  }
  if (rows.kind == Kind::Float64 && (data::is_integer(column.kind) || column.kind == Kind::Float32)) return rows;
  // toString of a number or a Bool is its JSON.
  if (rows.kind == Kind::Json && (is_number(column.kind) || column.kind == Kind::Bool)) return rows;
  return std::nullopt;
}

}  // namespace

Setting schema_changes_setting() {
  return {
      .name = "schema_changes",
      .type = SettingType::Choice,
      .doc =
          "When rows no longer fit the table: freeze fails, evolve adds columns and widens types, reject "
          "leaves out columns that the table lacks, and says so; mode replace makes the table anew instead of failing",
      .default_value = "freeze",
      .choices = {"freeze", "evolve", "reject"}};
}

SchemaChanges schema_changes(const Settings& options) {
  const auto text = options.text("schema_changes");
  return text == "evolve" ? SchemaChanges::Evolve : text == "reject" ? SchemaChanges::Reject : SchemaChanges::Freeze;
}

bool holds(const Type& column, const Type& rows) {
  if (data::is_integer(column.kind) && data::is_integer(rows.kind)) {
    if (is_signed(column.kind) == is_signed(rows.kind)) return integer_bits(column.kind) >= integer_bits(rows.kind);
    return is_signed(column.kind) && integer_bits(column.kind) > integer_bits(rows.kind);
  }
  if (column.kind != rows.kind) return false;
  switch (column.kind) {
    case Kind::Decimal: return column.scale >= rows.scale && digits_before(column) >= digits_before(rows);
    case Kind::Time:
    case Kind::Timestamp: return column.unit >= rows.unit && column.zone.empty() == rows.zone.empty();
    case Kind::List:
    case Kind::Struct: return column == rows;
    default: return true;
  }
}

std::optional<WiderType> wider_type(const MappedType& column, const data::Field& rows) {
  const bool wants_null = rows.nullable == data::Nullable::Yes && column.nullable == data::Nullable::No &&
                          column.type.kind != Kind::List && column.type.kind != Kind::Struct;
  const auto common = holds(column.type, rows.type) ? std::nullopt : common_type(column.type, rows.type);
  const bool is_wider = common && *common != column.type;
  if (!is_wider && !wants_null) return std::nullopt;
  WiderType wider{is_wider ? *common : column.type, wants_null ? data::Nullable::Yes : column.nullable, {}};
  if (is_wider && common->kind == Kind::Float64 && data::is_integer(column.type.kind) &&
      integer_bits(column.type.kind) == 64) {
    // Beyond 2^53 not every integer has its own Float64.
    const auto name = quote_name(rows.name);
    wider.guard = is_signed(column.type.kind)
                      ? fmt::format("{} NOT BETWEEN -9007199254740992 AND 9007199254740992", name)
                      : fmt::format("{} > 9007199254740992", name);
  }
  return wider;
}

}  // namespace weir::clickhouse
