#include "models/seed.hpp"

#include <gtest/gtest.h>

#include "models/fake_database.hpp"

namespace weir::models {
namespace {

const FakeDialect kClickHouse{"clickhouse"};
const FakeDialect kPostgres{"postgres"};

std::string select(std::string_view csv, const FakeDialect& dialect = kPostgres, const Json& types = Json::object()) {
  const auto made = seed_select("seeds/a.csv", csv, types, dialect);
  return made.ok() ? *made : made.error().text();
}

// "a:integer b:text": what each column is cast to in PostgreSQL.
std::string types_of(std::string_view csv) {
  const auto text = select(csv);
  const auto begin = text.find("select ") + 7;
  return text.substr(begin, text.find("\nfrom") - begin);
}

TEST(Seed, IsValuesWithCasts) {
  EXPECT_EQ(select("id,name\n1,Ada\n2,\"B, \"\"C\"\"\nD\"\r\n"),
            "select cast(seed.\"id\" as integer) as \"id\", cast(seed.\"name\" as text) as \"name\"\n"
            "from (values\n  ('1', 'Ada'),\n  ('2', 'B, \"C\"\nD')) as seed (\"id\", \"name\")");
  EXPECT_EQ(select("id,name\n1,Ada\n2,\n", kClickHouse),
            "select * from values('\"id\" Int32, \"name\" String',\n"
            "  tuple(cast('1', 'Int32'), cast('Ada', 'String')),\n"
            "  tuple(cast('2', 'Int32'), defaultValueOfTypeName('String')))");
}

TEST(Seed, TypesAreInferredAsDbtDoes) {
  EXPECT_EQ(types_of("a\n-1\n+2\n"), R"(cast(seed."a" as integer) as "a")");
  EXPECT_EQ(types_of("a\n1\n2.5\n"), R"(cast(seed."a" as float8) as "a")");
  EXPECT_EQ(types_of("a\n2026-03-01\nNULL\n"), R"(cast(seed."a" as date) as "a")");
  EXPECT_EQ(types_of("a\n2026-03-01 10:00:00\n"), R"(cast(seed."a" as timestamp without time zone) as "a")");
  EXPECT_EQ(types_of("a\ntrue\nFalse\n"), R"(cast(seed."a" as boolean) as "a")");
  EXPECT_EQ(types_of("a\n1\nx\n"), R"(cast(seed."a" as text) as "a")");
}

TEST(Seed, GivenTypesWin) {
  const Json types{{"id", "Nullable(UInt64)"}};
  EXPECT_EQ(select("id\n1\nnull\n\"\"\n", kClickHouse, types),
            "select * from values('\"id\" Nullable(UInt64)',\n  tuple(cast('1', 'Nullable(UInt64)')),\n  "
            "tuple(NULL),\n  tuple(NULL))");
}

TEST(Seed, WithoutRowsHasItsColumns) {
  EXPECT_EQ(select("id,name\n"),
            "select cast(null as integer) as \"id\", cast(null as integer) as \"name\" where false");
  EXPECT_EQ(select("id\n", kClickHouse), "select * from null('\"id\" Int32')");
}

TEST(Seed, MistakesHaveTheirLine) {
  EXPECT_EQ(select("a,b\n1,2\n\n3\n"), "seeds/a.csv:4: a row has 1 fields, and the head 2");
  EXPECT_EQ(select("a\n\"x\ny\n"), "seeds/a.csv:2: a quote is not closed");
  EXPECT_EQ(select("a\n\"x\"y\n"), "seeds/a.csv:2: text follows a closing quote");
  EXPECT_EQ(select("a,\n1,2\n"), "seeds/a.csv:1: a column of the seed has no name");
  EXPECT_EQ(select(""), "seeds/a.csv:1: a seed needs a line with the names of its columns");
}

// In the graph a seed is a model: referred to, tested, configured by its folder.
TEST(Seed, IsANodeOfTheGraph) {
  FakeProject shop;
  shop.project.dbt =
      project::DbtProject{.folder = "dbt",
                          .name = "shop_dbt",
                          .seed_config = parse_json(R"({"eu": {"+column_types": {"rate": "String"}}})").value()};
  shop.project.sql_files.push_back(
      {project::SqlFile::Kind::Seed, "dbt/seeds/eu/rates.csv", "rates", "rate\n1\n", "dbt/seeds"});
  shop.project.sql_files.push_back({project::SqlFile::Kind::Model, "dbt/models/a.sql", "a",
                                    "select * from {{ ref('shop_dbt', 'rates') }}", "dbt/models"});
  shop.properties(R"json({"seeds": [{"name": "rates", "columns": [{"name": "rate", "tests": ["unique"]}]}]})json");
  const auto outcome = shop.build();
  ASSERT_TRUE(outcome.graph) << shop.mistakes();
  EXPECT_EQ(outcome.graph->find("a")->depends_on, std::set<std::string>{"rates"});
  EXPECT_EQ(outcome.graph->find("rates")->materialized, flow::Materialized::Table);
  EXPECT_EQ(outcome.graph->find("unique_rates_rate")->tested_model, "rates");
  EXPECT_EQ(shop.compiled("rates"), "select * from values('\"rate\" String',\n  tuple(cast('1', 'String')))");
  const auto chosen = select(*outcome.graph, "resource_type:seed");
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->front()->name, "rates");
  EXPECT_EQ((*select(*outcome.graph, "path:seeds/eu")).front()->name, "rates");
}

TEST(DbtConfig, MayHoldTemplates) {
  FakeProject shop;
  shop.model("models/a.sql", "select 1").model("models/b.sql", "select 2");
  shop.project.model_config = parse_json(R"({"a": {"+enabled": "{{ target.type == 'postgres' }}"},
                                             "b": {"+enabled": "{{ target.type == 'clickhouse' }}", "+alias": "b_{{ var('n') }}"}})")
                                  .value();
  shop.project.vars = {{"n", 7}};
  const auto outcome = shop.build();
  ASSERT_TRUE(outcome.graph) << shop.mistakes();
  EXPECT_EQ(outcome.graph->find("a"), nullptr);
  EXPECT_EQ(outcome.graph->find("b")->target.name, "b_7");
}

TEST(DbtSnapshots, AreNamedWhereAModelNeedsOne) {
  FakeProject shop;
  shop.project.dbt = project::DbtProject{.snapshots = {"history"}};
  shop.model("models/a.sql", "select * from {{ ref('history') }}");
  EXPECT_EQ(shop.mistakes(),
            "models/a.sql:1:18: Weir does not make snapshots: history [let dbt itself run this model (a task dbt: "
            "{command: build}), "
            "or describe the snapshot's table as a source]\n");
}

}  // namespace
}  // namespace weir::models
