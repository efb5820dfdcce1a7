#pragma once

#include <optional>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/load_plan.hpp"

// How an existing table follows rows that no longer fit it.
namespace weir::postgres {

SchemaChanges schema_changes(const Settings& options);
Alteration added_column(const data::Field& field);
// How the column becomes one of the field's type. Nothing when it holds the field's values as it is, or when the field's
// type does not hold the column's: bigint → numeric → double precision (where every value is exact), numeric → more digits
// on either side, anything → json.
std::optional<Alteration> widened_column(const CatalogColumn& column, const data::Field& field);

}  // namespace weir::postgres
