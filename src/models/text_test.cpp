// The pieces that read and write text: common table expressions, places of calls, names of macros, conditions.
#include <gtest/gtest.h>

#include "models/ctes.hpp"
#include "models/generic_tests.hpp"
#include "models/template_text.hpp"

namespace weir::models {
namespace {

TEST(WithCtes, StandsInFrontOfASelect) {
  EXPECT_EQ(with_ctes("select 1", {}), "select 1");
  EXPECT_EQ(with_ctes("select 1", {{"a", "select 2"}, {"b", "select 3"}}),
            "with a as (\nselect 2\n),\nb as (\nselect 3\n)\nselect 1");
}

TEST(WithCtes, JoinsAWithThatIsThere) {
  const std::vector<Cte> ctes{{"a", "select 2"}};
  EXPECT_EQ(with_ctes("with x as (select 1) select * from x", ctes),
            "with a as (\nselect 2\n),\nx as (select 1) select * from x");
  EXPECT_EQ(with_ctes("-- with\n/* with */ WITH RECURSIVE x as (select 1) select * from x", ctes),
            "-- with\n/* with */ with recursive a as (\nselect 2\n),\nx as (select 1) select * from x");
  EXPECT_EQ(with_ctes("without", ctes), "with a as (\nselect 2\n)\nwithout");
}

TEST(PlaceOfCall, FindsTheLineAndColumn) {
  const std::string_view text =
      "select *\nfrom {{ ref('orders') }} -- orders\njoin {{ ref(\"shop\", \"lines\") }} using (id)";
  EXPECT_EQ(place_of_call("a.sql", text, "ref", "orders").text(), "a.sql:2:9");
  EXPECT_EQ(place_of_call("a.sql", text, "ref", "lines").text(), "a.sql:3:9");
  EXPECT_EQ(place_of_call("a.sql", text, "ref", "other").text(), "a.sql");
  EXPECT_EQ(place_of_word("a.sql", text, "join").text(), "a.sql:3:1");
}

TEST(MacroNames, CountsTestsToo) {
  EXPECT_EQ(macro_names("{% macro cents(x) %}{% endmacro %}{%- test positive(model, column_name) -%}{% endtest %}"),
            (std::vector<std::string>{"cents", "test_positive"}));
}

TEST(ConditionHolds, ReadsComparisons) {
  EXPECT_EQ(condition_holds("!= 0", 1), true);
  EXPECT_EQ(condition_holds("!=0", 0), false);
  EXPECT_EQ(condition_holds(" > 10 ", 10), false);
  EXPECT_EQ(condition_holds(">=10", 10), true);
  EXPECT_EQ(condition_holds("<> 3", 3), false);
  EXPECT_EQ(condition_holds("between 1 and 2", 1), std::nullopt);
  EXPECT_EQ(condition_holds("> many", 1), std::nullopt);
}

}  // namespace
}  // namespace weir::models
