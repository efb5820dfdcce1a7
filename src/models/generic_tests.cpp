#include "models/generic_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace weir::models {

namespace {

constexpr std::array<std::string_view, 4> kBuiltIn{"unique", "not_null", "accepted_values", "relationships"};

std::string identifier_part(std::string_view text) {
  std::string part;
  for (const char letter : text) part += std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
  return part;
}

std::string unique_sql(const TestQuery& test, const std::string& relation) {
  return fmt::format(
      "select {0} as unique_field, count(*) as n_records\nfrom {1}\nwhere {0} is not null\ngroup by {0}\n"
      "having count(*) > 1",
      test.column, relation);
}

std::string not_null_sql(const TestQuery& test, const std::string& relation) {
  return fmt::format("select {0}\nfrom {1}\nwhere {0} is null", test.column, relation);
}

std::string accepted_values_sql(const TestQuery& test, const std::string& relation, const flow::Dialect& dialect) {
  const auto quote = test.arguments.find("quote");
  const bool bare = quote != test.arguments.end() && *quote == false;
  std::string values;
  for (const auto& value : text_list(test.arguments.value("values", Json()))) {
    if (!values.empty()) values += ", ";
    values += bare ? value : dialect.literal(value);
  }
  return fmt::format(
      "select value_field, n_records\nfrom (\n  select {0} as value_field, count(*) as n_records\n  from {1}\n  group "
      "by {0}\n"
      ") as all_values\nwhere value_field not in ({2})",
      test.column, relation, values);
}

// A marker column says whether the parent is there: an outer join fills with NULL in PostgreSQL and with 0 in ClickHouse
// (join_use_nulls = 0), and both read as "no".
std::string relationships_sql(const TestQuery& test, const std::string& relation) {
  return fmt::format(
      "select child.from_field as from_field\nfrom (select {0} as from_field from {1} where {0} is not null) as child\n"
      "left join (select distinct {2} as to_field, 1 as found from {3}) as parent on child.from_field = "
      "parent.to_field\n"
      "where coalesce(parent.found, 0) = 0",
      test.column, relation, text_of(test.arguments, "field"), test.to);
}

}  // namespace

bool is_built_in_test(std::string_view type) { return std::ranges::find(kBuiltIn, type) != kBuiltIn.end(); }

std::vector<std::string_view> built_in_tests() { return {kBuiltIn.begin(), kBuiltIn.end()}; }

std::string missing_argument(const TestProperties& test) {
  if (!is_built_in_test(test.type)) return {};
  if (test.column.empty()) return fmt::format("{} needs a column_name", test.type);
  if (test.type == "accepted_values" && text_list(test.arguments.value("values", Json())).empty()) {
    return "accepted_values needs values";
  }
  if (test.type == "relationships") {
    for (const auto* key : {"to", "field"}) {
      if (text_of(test.arguments, key).empty()) return fmt::format("relationships needs {}", key);
    }
  }
  return {};
}

std::string test_name(const TestProperties& test, std::string_view table) {
  if (!test.name.empty()) return test.name;
  std::string name = test.type + "_" + std::string(table);
  if (!test.column.empty()) name += "_" + identifier_part(test.column);
  std::string arguments;
  for (const auto& [key, value] : test.arguments.items()) {
    if (key == "quote" || key == "quote_column") continue;
    for (const auto& text : text_list(value)) arguments += "__" + identifier_part(text);
  }
  return name + arguments;
}

std::string filtered(const std::string& relation, const std::string& where) {
  return where.empty() ? relation : fmt::format("(select * from {} where {}) as dbt_subquery", relation, where);
}

Result<std::string> test_sql(const TestQuery& test, const flow::Dialect& dialect) {
  const auto relation = filtered(test.relation, test.where);
  if (test.type == "unique") return unique_sql(test, relation);
  if (test.type == "not_null") return not_null_sql(test, relation);
  if (test.type == "accepted_values") return accepted_values_sql(test, relation, dialect);
  if (test.type == "relationships") return relationships_sql(test, relation);
  return Error::bug("no such built-in test: {}", test.type);
}

std::optional<bool> condition_holds(std::string_view condition, std::uint64_t rows) {
  const auto trim = [&] {
    while (!condition.empty() && condition.front() == ' ') condition.remove_prefix(1);
    while (!condition.empty() && condition.back() == ' ') condition.remove_suffix(1);
  };
  trim();
  const auto operator_end = std::min(condition.find_first_not_of("<>=!"), condition.size());
  const auto comparison = condition.substr(0, operator_end);
  condition.remove_prefix(operator_end);
  trim();
  std::uint64_t limit = 0;
  const auto [end, failure] = std::from_chars(condition.data(), condition.data() + condition.size(), limit);
  if (failure != std::errc() || end != condition.data() + condition.size()) return std::nullopt;
  if (comparison == "=" || comparison == "==") return rows == limit;
  if (comparison == "!=" || comparison == "<>") return rows != limit;
  if (comparison == ">") return rows > limit;
  if (comparison == ">=") return rows >= limit;
  if (comparison == "<") return rows < limit;
  if (comparison == "<=") return rows <= limit;
  return std::nullopt;
}

}  // namespace weir::models
