#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "flow/database.hpp"
#include "models/properties.hpp"

// The four tests that dbt knows without a macro, as queries whose every row is a failure.
namespace weir::models {

bool is_built_in_test(std::string_view type);
// For messages: what a test may be called.
std::vector<std::string_view> built_in_tests();

// What a test lacks: "accepted_values needs values". Empty when nothing.
std::string missing_argument(const TestProperties& test);

// dbt's names: "not_null_orders_id", "accepted_values_orders_status__placed__shipped", or the user's own.
std::string test_name(const TestProperties& test, std::string_view table);

struct TestQuery {
  std::string type;
  std::string relation;  // as SQL takes it
  std::string column;
  std::string to;  // relationships: the other relation as SQL takes it
  Json arguments;
  std::string where;  // tests only these rows
};
// Bug when the type is not built in.
Result<std::string> test_sql(const TestQuery& test, const flow::Dialect& dialect);

// The relation as the test sees it: with `where`, a subquery.
std::string filtered(const std::string& relation, const std::string& where);

// dbt's warn_if and error_if: "!= 0", "> 10". Nothing when it cannot be read.
std::optional<bool> condition_holds(std::string_view condition, std::uint64_t rows);

}  // namespace weir::models
