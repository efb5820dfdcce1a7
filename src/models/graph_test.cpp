#include <gtest/gtest.h>

#include "models/fake_database.hpp"

namespace weir::models {
namespace {

std::string order_of(const GraphOutcome& outcome) {
  std::string names;
  if (!outcome.graph) return "mistakes";
  for (const auto& node : outcome.graph->nodes) names += (names.empty() ? "" : " ") + node.name;
  return names;
}

TEST(Graph, FollowsReferences) {
  FakeProject shop;
  shop.model("models/a.sql", "select * from {{ ref('z') }}")
      .model("models/z.sql", "{{ config(materialized='table', tags=['nightly'], engine='Log') }} select 1 as id")
      .model("models/m.sql", "select * from {{ ref('a') }} join {{ ref('shop', 'z') }} using (id)")
      .test("tests/none_negative.sql", "select * from {{ ref('a') }} where id < 0")
      .properties(R"json({"models": [{"name": "z", "description": "The last one",
                                  "columns": [{"name": "id", "data_tests": ["unique", "not_null"]}]}]})json");
  EXPECT_EQ(shop.mistakes(), "");
  const auto outcome = shop.build();
  EXPECT_EQ(order_of(outcome), "z unique_z_id not_null_z_id a none_negative m");
  const auto& z = *outcome.graph->find("z");
  EXPECT_EQ(z.materialized, flow::Materialized::Table);
  EXPECT_EQ(z.connection, "warehouse");
  EXPECT_EQ(z.target.text(), "main.z");
  EXPECT_EQ(z.description, "The last one");
  EXPECT_EQ(z.config["engine"], "Log");
  EXPECT_EQ(z.tags, std::vector<std::string>{"nightly"});
  EXPECT_EQ(outcome.graph->find("m")->depends_on, (std::set<std::string>{"a", "z"}));
  const auto& test = *outcome.graph->find("unique_z_id");
  EXPECT_EQ(test.kind, NodeKind::Test);
  EXPECT_EQ(test.tested_model, "z");
  EXPECT_EQ(test.tags, std::vector<std::string>{"nightly"});
  EXPECT_EQ(outcome.graph->find("nothing"), nullptr);
}

TEST(Graph, ConfigurationComesFromThreePlaces) {
  FakeProject shop;
  shop.project.model_config =
      parse_json(R"({"marts": {"+materialized": "table", "+schema": "marts", "+connection": "crm"}})").value();
  shop.model("models/marts/orders.sql", "{{ config(alias='orders_v2', tags='c') }} select '{{ target.type }}' as t")
      .model("models/marts/here.sql",
             "{{ config(connection='warehouse', schema=none) }} select '{{ target.type }}' as t")
      .properties(
          R"json({"models": [{"name": "orders", "config": {"materialized": "incremental", "tags": ["b"]}}]})json");
  EXPECT_EQ(shop.mistakes(), "");
  const auto graph = *shop.build().graph;
  const auto& orders = *graph.find("orders");
  EXPECT_EQ(orders.materialized, flow::Materialized::Incremental);
  EXPECT_EQ(orders.connection, "crm");
  EXPECT_EQ(orders.target.text(), "main_marts.orders_v2");
  EXPECT_EQ(orders.tags, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(graph.find("here")->connection, "warehouse");
  EXPECT_EQ(graph.find("here")->target.text(), "main.here");
  EXPECT_EQ(shop.compiled("here"), "select 'clickhouse' as t");
}

TEST(Graph, AMacroMayNameSchemas) {
  FakeProject shop;
  shop.macro("macros/schemas.sql",
             "{% macro generate_schema_name(custom, node) %}\n{{ custom or 'plain' }}\n{% endmacro %}")
      .model("models/a.sql", "{{ config(schema='marts') }} select 1")
      .model("models/b.sql", "select 1");
  EXPECT_EQ(shop.mistakes(), "");
  EXPECT_EQ(shop.build().graph->find("a")->target.text(), "marts.a");
  EXPECT_EQ(shop.build().graph->find("b")->target.text(), "plain.b");
}

TEST(Graph, Sources) {
  FakeProject shop;
  shop.properties(R"json({"sources": [
        {"name": "raw", "tables": [{"name": "orders", "identifier": "orders_2026",
                                    "columns": [{"name": "id", "tests": ["not_null"]}]}, "lines"]},
        {"name": "landing", "schema": "{{ target.schema }}_in", "tables": [{"name": "people"}]},
        {"name": "warehouse", "tables": [{"name": "events"}]},
        {"name": "loaded", "config": {"connection": "warehouse"}, "tables": [{"name": "visits"}]}]})json")
      .model(
          "models/a.sql",
          "select * from {{ source('raw', 'orders') }}, {{ source('raw', 'lines') }}, "
          "{{ source('landing', 'people') }}, {{ source('warehouse', 'events') }}, {{ source('loaded', 'visits') }}");
  EXPECT_EQ(shop.mistakes(), "");
  EXPECT_EQ(
      shop.compiled("a"),
      R"(select * from "raw"."orders_2026", "raw"."lines", "main_in"."people", "main"."events", "loaded"."visits")");
  EXPECT_EQ(shop.compiled("source_not_null_raw_orders_id"),
            "select id\nfrom \"raw\".\"orders_2026\"\nwhere id is null");
}

TEST(Graph, DisabledModelsAreNotThere) {
  FakeProject shop;
  shop.model("models/old.sql", "{{ config(enabled=false) }} select 1")
      .model("models/new.sql", "select 1")
      .properties(R"json({"models": [{"name": "old", "columns": [{"name": "id", "tests": ["unique"]}]}]})json");
  EXPECT_EQ(order_of(shop.build()), "new");
  shop.model("models/late.sql", "select 1\nfrom {{ ref('old') }}");
  EXPECT_EQ(shop.mistakes(),
            "models/late.sql:2:9: this model is disabled: old [enable it, or disable what refers to it]\n");
}

TEST(Graph, ReportsEveryMistakeAtOnce) {
  FakeProject shop;
  shop.model("models/a.sql", "select *\nfrom {{ ref('ordrs') }}\njoin {{ source('raw', 'lins') }}")
      .model("models/b/orders.sql", "{{ config(materialized='tabel') }} select 1")
      .model("models/c/orders.sql", "select 2")
      .model("models/d.sql", "select {{ var('sed') }}")
      .model("models/e.sql", "select\n  {{ nothing_here }}")
      .model("models/f.sql", "{{ config(connection='wharehouse') }} select 1")
      .model("models/g.sql", "{{ config(connection='disk') }} select 1")
      .model("models/h.sql", "select * from {{ ref('other', 'orders') }}")
      .model("models/i.sql", "{{ config(alias='a') }} select 1")
      .properties(R"json({"sources": [{"name": "raw", "tables": ["lines"]}],
                      "models": [{"name": "oders"},
                                 {"name": "d"},
                                 {"name": "h", "columns": [{"name": "id", "tests": [
                                    "uniqe", {"accepted_values": {}}, {"relationships": {"to": "ref('a')"}},
                                    {"not_null": {"severity": "bad"}}]}]}]})json",
                  {{"models.0", {"models/schema.yml", 4, 5}},
                   {"models.2.columns.0.tests.0", {"models/schema.yml", 9, 11}},
                   {"models.2.columns.0.tests.1", {"models/schema.yml", 10, 11}},
                   {"models.2.columns.0.tests.2", {"models/schema.yml", 11, 11}},
                   {"models.2.columns.0.tests.3", {"models/schema.yml", 12, 11}}});
  shop.project.vars = {{"seed", 7}};
  EXPECT_EQ(
      shop.mistakes(),
      "models/a.sql:2:9: no such model: ordrs [did you mean orders?]\n"
      "models/a.sql:3:9: no such source: raw.lins [did you mean raw.lines?]\n"
      "models/b/orders.sql:1:11: materialized cannot be: tabel [did you mean table?]\n"
      "models/c/orders.sql: two models are called orders: models/b/orders.sql and models/c/orders.sql "
      "[rename one of them; alias names its table]\n"
      "models/d.sql:1:11: no such var: sed [did you mean seed?]\n"
      "models/e.sql:2:6: undefined variable: nothing_here\n"
      "models/f.sql:1:23: no such connection: wharehouse [did you mean warehouse?]\n"
      "models/g.sql:1:23: this connection runs no SQL: disk [models need a database: postgres or clickhouse]\n"
      "models/h.sql:1:18: no such package: other [this project is called shop]\n"
      "models/i.sql: two models become the same relation main.a: a and i [give one of them another alias or schema]\n"
      "models/schema.yml:4:5: no such model: oders [did you mean orders?]\n"
      "models/schema.yml:9:11: no such test: uniqe [did you mean unique?]\n"
      "models/schema.yml:10:11: accepted_values needs values\n"
      "models/schema.yml:11:11: relationships needs field\n"
      "models/schema.yml:12:11: severity cannot be: bad [one of: warn, error]\n");
}

TEST(Graph, NamesTheCycle) {
  FakeProject shop;
  shop.model("models/a.sql", "select * from {{ ref('b') }}")
      .model("models/b.sql", "select *\nfrom {{ ref('c') }}")
      .model("models/c.sql", "select * from {{ ref('b') }}")
      .model("models/d.sql", "select 1");
  EXPECT_EQ(shop.mistakes(),
            "models/b.sql:2:9: models refer to each other in a circle: b → c → b [take one of these references out]\n");
  FakeProject self;
  self.model("models/a.sql", "select * from {{ ref('a') }}");
  EXPECT_EQ(
      self.mistakes(),
      "models/a.sql:1:18: models refer to each other in a circle: a → a [a model reads its own table as {{ this }}]\n");
}

TEST(Graph, AModelOnAnotherConnectionIsToBeCopied) {
  FakeProject shop;
  shop.model("models/a.sql", "select 1")
      .model("models/b.sql", "{{ config(connection='crm') }} select * from {{ ref('a') }}")
      .model("models/c.sql", "{{ config(connection='crm') }} select * from {{ source('warehouse', 't') }}")
      .properties(R"json({"sources": [{"name": "warehouse", "tables": ["t"]}]})json");
  EXPECT_EQ(shop.mistakes(),
            "models/b.sql:1:49: a is on another connection: a is on warehouse, b on crm "
            "[copy it there first (copy: {from: warehouse.a, to: crm.a}) and read it with source()]\n"
            "models/c.sql:1:49: warehouse.t is on another connection: warehouse, c on crm "
            "[copy it there first: copy: {from: warehouse.t, to: crm.t}]\n");
}

TEST(Graph, ReferencesBehindIsIncrementalCount) {
  FakeProject shop;
  shop.model("models/a.sql", "select 1 as id")
      .model("models/b.sql",
             "{{ config(materialized='incremental') }} select 1 as id {% if is_incremental() %} where 1 not in "
             "(select id from {{ ref('a') }}) {% endif %}");
  EXPECT_EQ(shop.build().graph->find("b")->depends_on, std::set<std::string>{"a"});
}

TEST(Graph, WhatRunsKnowIsNotNeededToBuildIt) {
  FakeProject shop;
  shop.macro("macros/since.sql", "{% macro since() %}'{{ interval.from }}'{% endmacro %}")
      .model(
          "models/a.sql",
          "select {{ params.rows }} as n, '{{ run.started_at.date }}' as d, {{ since() }}, '{{ env.WEIR_NO_SUCH }}'");
  EXPECT_EQ(shop.mistakes(), "");
  CompileOptions options;
  options.variables = parse_json(R"({"params": {"rows": 5}, "run": {"started_at": {"date": "2026-03-01"}},
                                     "interval": {"from": "2026-02-01"}, "env": {"WEIR_NO_SUCH": "x"}})")
                          .value();
  EXPECT_EQ(shop.compiled("a", options), "select 5 as n, '2026-03-01' as d, '2026-02-01', 'x'");
  EXPECT_EQ(shop.compiled("a"), "models/a.sql:1:11: undefined variable: params.rows (compiling a)");
}

TEST(Graph, MistakesInMacrosHaveTheirPlace) {
  FakeProject shop;
  shop.macro("macros/bad.sql", "{% macro a() %}\n{{ 1 + }}\n{% endmacro %}");
  EXPECT_NE(shop.mistakes().find("macros/bad.sql:2:"), std::string::npos) << shop.mistakes();
}

}  // namespace
}  // namespace weir::models
