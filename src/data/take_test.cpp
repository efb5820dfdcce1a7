#include "data/take.hpp"

#include <gtest/gtest.h>

#include "data/text.hpp"

namespace weir::data {
namespace {

Column column_of(const char* type, const std::vector<std::optional<std::string>>& texts) {
  ColumnBuilder builder{parse_type(type).value()};
  for (const auto& text : texts) {
    if (text) {
      EXPECT_TRUE(append_parsed(builder, *text).ok()) << type << " " << *text;
    } else {
      builder.append_null();
    }
  }
  return builder.finish();
}

TEST(Take, KeepsValuesOfEveryLayoutNullsAndChanges) {
  const std::vector<std::pair<const char*, std::vector<std::optional<std::string>>>> cases{
      {"bool", {"true", std::nullopt, "false"}},
      {"int16", {"1", std::nullopt, "-3"}},
      {"decimal(38,2)", {"1.50", std::nullopt, "-3.00"}},
      {"string", {"a", std::nullopt, ""}},
      {"list<struct<at date, tags list<string>>>",
       {R"([{"at":"2026-03-01","tags":["x","y"]},{"at":null,"tags":[]}])", std::nullopt, "[]"}}};
  Schema schema;
  std::vector<Column> columns;
  for (const auto& [type, texts] : cases) {
    schema.fields.push_back({type, parse_type(type).value()});
    columns.push_back(column_of(type, texts));
  }
  const auto batch = Batch{std::make_shared<const Schema>(schema), columns, 3}.with_changes(
      {Change::Insert, Change::Update, Change::Delete});

  const std::vector<std::size_t> rows{2, 0, 1, 0};
  const auto taken = take(batch, rows);
  ASSERT_EQ(taken.rows(), 4U);
  EXPECT_EQ(taken.changes(), (std::vector{Change::Delete, Change::Insert, Change::Update, Change::Insert}));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto& expected = batch.column(i);
      EXPECT_EQ(taken.column(i).is_null(row), expected.is_null(rows[row])) << cases[i].first;
      if (expected.is_null(rows[row])) continue;
      EXPECT_EQ(value_text(taken.column(i), row), value_text(expected, rows[row])) << cases[i].first;
    }
  }
}

}  // namespace
}  // namespace weir::data
