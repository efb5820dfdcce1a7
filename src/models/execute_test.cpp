// Compiling and executing nodes, with a database that only listens (fake_database.hpp).
#include <gtest/gtest.h>

#include "models/fake_database.hpp"

namespace weir::models {
namespace {

class ExecuteTest : public testing::Test {
 protected:
  Result<NodeOutcome> run(const std::string& name, const CompileOptions& options = {}) {
    const auto outcome = shop_.build();
    EXPECT_TRUE(outcome.graph.has_value()) << shop_.mistakes();
    database_.executed.clear();
    database_.selected.clear();
    return execute(shop_.project, *outcome.graph, *outcome.graph->find(name), shop_.targets, database_, options,
                   silent_log(), {});
  }

  static data::Schema schema(std::initializer_list<const char*> names) {
    data::Schema schema;
    for (const auto* name : names)
      schema.fields.push_back({name, data::type_of(data::Kind::Int64), data::Nullable::Yes});
    return schema;
  }
  static flow::RelationInfo table(std::initializer_list<const char*> names) {
    return {flow::RelationKind::Table, schema(names), std::vector<std::string>(names.size(), "int64"), {}};
  }

  FakeProject shop_;
  FakeDatabase database_{shop_.clickhouse};
};

TEST_F(ExecuteTest, CompilesDbtsWords) {
  shop_.project.vars = {{"seed", 7}, {"shop", {{"currency", "EUR"}}}};
  shop_.macro("macros/cents.sql", "{% macro cents(column) %}round({{ column }} * 100){% endmacro %}")
      .model("models/base.sql", "select 1 as id")
      .model(
          "models/a.sql",
          "{{ config(materialized='table') }}\n\n"
          "select {{ cents('amount') }} as cents, {{ var('seed') }}, '{{ var('currency') }}', {{ var('none', 3) }},\n"
          "  '{{ this }}', '{{ this.schema }}/{{ this.identifier }}', '{{ target.name }}', '{{ target.schema }}',\n"
          "  '{{ env_var('WEIR_NO_SUCH', 'fallback') }}', '{{ ref('base').identifier }}'\n"
          "from {{ ref('base') }};\n\n");
  EXPECT_EQ(shop_.compiled("a"),
            "select round(amount * 100) as cents, 7, 'EUR', 3,\n"
            "  '\"main\".\"a\"', 'main/a', 'default', 'main',\n"
            "  'fallback', 'base'\n"
            "from \"main\".\"base\"");
}

TEST_F(ExecuteTest, EphemeralModelsBecomeExpressions) {
  shop_.model("models/a.sql", "{{ config(materialized='ephemeral') }} select 1 as id")
      .model("models/b.sql", "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}")
      .model("models/c.sql", "with own as (select 2) select * from {{ ref('b') }}, {{ ref('a') }}, own")
      .properties(R"json({"models": [{"name": "b", "columns": [{"name": "id", "tests": ["not_null"]}]}]})json");
  EXPECT_EQ(shop_.compiled("c"),
            "with __dbt__cte__a as (\nselect 1 as id\n),\n__dbt__cte__b as (\nselect * from __dbt__cte__a\n),\n"
            "own as (select 2) select * from __dbt__cte__b, __dbt__cte__a, own");
  EXPECT_EQ(shop_.compiled("not_null_b_id"),
            "with __dbt__cte__a as (\nselect 1 as id\n),\n__dbt__cte__b as (\nselect * from __dbt__cte__a\n)\n"
            "select id\nfrom __dbt__cte__b\nwhere id is null");
  EXPECT_TRUE(run("a").ok());
  EXPECT_TRUE(database_.executed.empty());
}

TEST_F(ExecuteTest, BuiltInTests) {
  shop_.model("models/people.sql", "select 1 as id")
      .model("models/orders.sql", "select 1 as id, 'new' as status, 1 as person")
      .properties(
          R"json({"models": [{"name": "orders", "data_tests": [{"unique": {"column_name": "id || status"}}], "columns": [
          {"name": "status", "data_tests": [{"accepted_values": {"values": ["new", "paid"], "config": {"where": "id > 0"}}},
                                            {"accepted_values": {"arguments": {"values": [1, 2], "quote": false}, "name": "coded"}}]},
          {"name": "Person", "quote": true, "data_tests": [{"relationships": {"to": "ref('people')", "field": "id", "limit": 5}}]}]}]})json");
  EXPECT_EQ(shop_.mistakes(), "");
  EXPECT_EQ(shop_.compiled("unique_orders_id____status"),
            "select id || status as unique_field, count(*) as n_records\nfrom \"main\".\"orders\"\n"
            "where id || status is not null\ngroup by id || status\nhaving count(*) > 1");
  EXPECT_EQ(
      shop_.compiled("accepted_values_orders_status__new__paid"),
      "select value_field, n_records\nfrom (\n  select status as value_field, count(*) as n_records\n"
      "  from (select * from \"main\".\"orders\" where id > 0) as dbt_subquery\n  group by status\n) as all_values\n"
      "where value_field not in ('new', 'paid')");
  EXPECT_NE(shop_.compiled("coded").find("not in (1, 2)"), std::string::npos);
  EXPECT_EQ(shop_.compiled("relationships_orders_Person__ref__people____id"),
            "select child.from_field as from_field\n"
            "from (select \"Person\" as from_field from \"main\".\"orders\" where \"Person\" is not null) as child\n"
            "left join (select distinct id as to_field, 1 as found from \"main\".\"people\") as parent "
            "on child.from_field = parent.to_field\nwhere coalesce(parent.found, 0) = 0\nlimit 5");
  const auto graph = *shop_.build().graph;
  EXPECT_EQ(graph.find("relationships_orders_Person__ref__people____id")->depends_on,
            (std::set<std::string>{"orders", "people"}));
}

TEST_F(ExecuteTest, TestsThatTheProjectDefines) {
  shop_
      .macro("tests/generic/at_least.sql",
             "{% test at_least(model, column_name, limit) %}\nselect * from {{ model }} where {{ column_name }} < {{ "
             "limit }}\n"
             "{% endtest %}")
      .model("models/a.sql", "select 1 as id")
      .properties(R"json({"models": [{"name": "a", "columns": [{"name": "id", "tests": [
          {"at_least": {"arguments": {"limit": 3}, "where": "id is not null"}}]}]}]})json");
  EXPECT_EQ(shop_.mistakes(), "");
  EXPECT_EQ(shop_.compiled("at_least_a_id__3"),
            "select * from (select * from \"main\".\"a\" where id is not null) as dbt_subquery where id < 3");
}

TEST_F(ExecuteTest, AFailedTestIsAFailedCheckOrAWarning) {
  shop_.model("models/a.sql", "select 1 as id")
      .properties(R"json({"models": [{"name": "a", "columns": [{"name": "id", "tests": ["unique", 
          {"not_null": {"severity": "warn"}}, {"accepted_values": {"values": [1], "name": "few", "error_if": "> 10", "warn_if": "> 2"}}]}]}]})json",
                  {{"models.0.columns.0.tests.0", {"models/schema.yml", 7, 9}}});
  EXPECT_EQ(run("unique_a_id")->rows, 0U);
  EXPECT_EQ(database_.selected.at(0),
            "select count(*) as n from (\nselect id as unique_field, count(*) as n_records\nfrom \"main\".\"a\"\n"
            "where id is not null\ngroup by id\nhaving count(*) > 1\n) as weir_test");
  database_.count = 3;
  const auto failed = run("unique_a_id");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::CheckFailed);
  EXPECT_EQ(failed.error().fault(), Fault::User);
  EXPECT_EQ(failed.error().text(), "models/schema.yml:7:9: test unique_a_id failed: 3 rows; first: n=3");
  EXPECT_NE(failed.error().hint().find("having count(*) > 1"), std::string::npos);
  const auto warned = run("not_null_a_id");
  ASSERT_TRUE(warned.ok());
  EXPECT_EQ(warned->rows, 3U);
  EXPECT_EQ(warned->detail, "select id\nfrom \"main\".\"a\"\nwhere id is null");
  EXPECT_FALSE(run("few")->detail.empty());
  database_.count = 2;
  EXPECT_TRUE(run("few")->detail.empty());
  database_.count = 11;
  EXPECT_FALSE(run("few").ok());
}

TEST_F(ExecuteTest, PublishesHooksAndTheModelAsOneScript) {
  shop_.model(
      "models/a.sql",
      "{{ config(materialized='table', pre_hook='lock {{ this }}', post_hook=['grant {{ this.identifier }};', 'log'], "
      "schema='marts') }} select 1 as id");
  database_.count = 42;
  const auto outcome = run("a");
  ASSERT_TRUE(outcome.ok()) << outcome.error().text();
  EXPECT_EQ(outcome->rows, 42U);
  EXPECT_EQ(outcome->compiled, "select 1 as id");
  EXPECT_EQ(outcome->detail, "table main_marts.a");
  EXPECT_EQ(
      database_.executed,
      (std::vector<std::string>{"create database if not exists \"main_marts\"", "lock \"main_marts\".\"a\"",
                                "make table \"main_marts\".\"a\" () as select 1 as id", "grant a", "log", "clean up"}));
  EXPECT_EQ(database_.selected, std::vector<std::string>{"select count(*) as n from \"main_marts\".\"a\""});
}

class IncrementalTest : public ExecuteTest {
 protected:
  void model(const std::string& more) {
    shop_.model("models/a.sql",
                "{{ config(materialized='incremental', unique_key='id'" + more +
                    ") }} select * from t{% if is_incremental() %} where id > (select max(id) from {{ this }})"
                    "{% endif %}");
  }
  std::string made() const {
    std::string text;
    for (const auto& sql : database_.executed) text += sql + "\n";
    return text;
  }
  static constexpr const char* kLater = "select * from t where id > (select max(id) from \"main\".\"a\")";
};

TEST_F(IncrementalTest, TheFirstRunTakesAll) {
  model("");
  ASSERT_TRUE(run("a").ok());
  EXPECT_EQ(made(), "make incremental \"main\".\"a\" (id) as select * from t\nclean up\n");
}

TEST_F(IncrementalTest, LaterRunsTakeWhatIsNew) {
  model("");
  database_.relations["main.a"] = table({"id", "x"});
  database_.columns = schema({"id", "x"});
  ASSERT_TRUE(run("a").ok());
  EXPECT_EQ(made(), fmt::format("make incremental \"main\".\"a\" (id) as {}\nclean up\n", kLater));
  CompileOptions options;
  options.full_refresh = true;
  ASSERT_TRUE(run("a", options).ok());
  EXPECT_EQ(made(), "make incremental anew \"main\".\"a\" (id) as select * from t\nclean up\n");
}

TEST_F(IncrementalTest, NewColumnsAreIgnoredUnlessTheModelSaysOtherwise) {
  model("");
  database_.relations["main.a"] = table({"id", "x"});
  database_.columns = schema({"x", "y", "id"});
  ASSERT_TRUE(run("a").ok());
  EXPECT_EQ(made(),
            fmt::format("make incremental \"main\".\"a\" (id) as select \"id\", \"x\" from (\n{}\n) as weir_columns\n"
                        "clean up\n",
                        kLater));
  database_.columns = schema({"id"});
  EXPECT_EQ(run("a").error().message(), "the model no longer has columns of its table main.a: x");
}

TEST_F(IncrementalTest, NewColumnsFail) {
  model(", on_schema_change='fail'");
  database_.relations["main.a"] = table({"id"});
  database_.columns = schema({"id", "x", "y"});
  const auto failed = run("a");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::TypeMismatch);
  EXPECT_EQ(failed.error().message(), "the model has columns that its table main.a lacks: x, y");
}

TEST_F(IncrementalTest, NewColumnsAreAppended) {
  model(", on_schema_change='append_new_columns'");
  database_.relations["main.a"] = table({"id", "old"});
  database_.columns = schema({"id", "x"});
  ASSERT_TRUE(run("a").ok());
  EXPECT_EQ(made(),
            fmt::format("alter table \"main\".\"a\" add column \"x\" int64\n"
                        "make incremental \"main\".\"a\" (id) as select \"id\", null as \"old\", \"x\" from (\n{}\n) "
                        "as weir_columns\nclean up\n",
                        kLater));
}

}  // namespace
}  // namespace weir::models
