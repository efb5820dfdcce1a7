#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "flow/database.hpp"

// Seeds: small CSV files that become tables, as dbt makes them (https://docs.getdbt.com/docs/build/seeds).
namespace weir::models {

// The rows of a CSV file with a head as a SELECT. A column has the type that `column_types` (a map of names) gives it, or
// the one that dbt would infer: integer, float, date, timestamp, boolean, else text. An empty field and the word null are
// NULL; ClickHouse columns hold the type's default instead, unless their type is Nullable. InvalidData, with the line in
// its place, when the text is not CSV or a row has another number of fields than the head.
Result<std::string> seed_select(std::string_view path, std::string_view csv, const Json& column_types,
                                const flow::Dialect& dialect);

}  // namespace weir::models
