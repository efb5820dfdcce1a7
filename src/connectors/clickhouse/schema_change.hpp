#pragma once

#include <optional>
#include <string>

#include "base/setting.hpp"
#include "connectors/clickhouse/column_type.hpp"

// How an existing table follows rows that no longer fit it.
namespace weir::clickhouse {

enum class SchemaChanges { Freeze, Evolve, Reject };

// The option schema_changes.
Setting schema_changes_setting();
SchemaChanges schema_changes(const Settings& options);

// A change of one column, as clauses of ALTER TABLE.
struct Alteration {
  std::string column;
  std::string clause;
  std::string guard;  // a condition that no row may fulfil, since the new type would not hold it; "" is none
};

// Whether a column's type holds every value of the rows' type.
bool holds(const data::Type& column, const data::Type& rows);

// The type that holds what a column has and what rows bring.
struct WiderType {
  data::Type type;
  data::Nullable nullable = data::Nullable::No;
  std::string guard;  // see Alteration
};
// Nothing when the column holds the rows as it is, or when no type holds both: integers → larger ones, decimals, Float64
// (where every value is exact); decimals → more digits on either side; numbers and Bool → json; anything → Nullable.
std::optional<WiderType> wider_type(const MappedType& column, const data::Field& rows);

}  // namespace weir::clickhouse
