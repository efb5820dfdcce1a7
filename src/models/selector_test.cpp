#include <gtest/gtest.h>

#include "models/models.hpp"

namespace weir::models {
namespace {

// raw → staged → orders → daily → report; customers → orders. Tests hang on staged and orders.
Graph graph() {
  const auto model = [](std::string name, std::string path, std::set<std::string> needs,
                        std::vector<std::string> tags) {
    Node node;
    node.name = std::move(name);
    node.path = std::move(path);
    node.depends_on = std::move(needs);
    node.tags = std::move(tags);
    node.connection = "warehouse";
    node.config = {{"materialized", "table"}};
    return node;
  };
  const auto test = [&](std::string name, std::string on) {
    auto node = model(std::move(name), "models/schema.yml", {on}, {});
    node.kind = NodeKind::Test;
    node.config = Json::object();
    return node;
  };
  return {{model("raw", "models/staging/raw.sql", {}, {"nightly"}),
           model("staged", "models/staging/staged.sql", {"raw"}, {}), test("not_null_staged_id", "staged"),
           model("customers", "models/marts/customers.sql", {}, {"nightly", "pii"}),
           model("orders", "models/marts/orders.sql", {"staged", "customers"}, {}), test("unique_orders_id", "orders"),
           model("daily", "models/marts/daily.sql", {"orders"}, {}),
           model("report", "models/marts/report.sql", {"daily"}, {"pii"})}};
}

std::string selected(std::string_view selector, std::string_view exclude = {}) {
  static const Graph kGraph = graph();
  const auto nodes = select(kGraph, selector, exclude);
  if (!nodes.ok()) return nodes.error().message() + " [" + nodes.error().hint() + "]";
  std::string names;
  for (const auto* node : *nodes) names += (names.empty() ? "" : " ") + node->name;
  return names;
}

TEST(Select, ByNameTakesItsTestsAlong) {
  EXPECT_EQ(selected("orders"), "orders unique_orders_id");
  EXPECT_EQ(selected("daily report"), "daily report");
  EXPECT_EQ(selected("not_null_staged_id"), "not_null_staged_id");
  EXPECT_EQ(selected(""), "raw staged not_null_staged_id customers orders unique_orders_id daily report");
}

TEST(Select, AncestorsAndDescendants) {
  EXPECT_EQ(selected("+orders"), "raw staged not_null_staged_id customers orders unique_orders_id");
  EXPECT_EQ(selected("orders+"), "orders unique_orders_id daily report");
  EXPECT_EQ(selected("1+orders"), "staged not_null_staged_id customers orders unique_orders_id");
  EXPECT_EQ(selected("orders+1"), "orders unique_orders_id daily");
  EXPECT_EQ(selected("2+daily+1"), "staged not_null_staged_id customers orders unique_orders_id daily report");
}

TEST(Select, ByTagPathAndConfiguration) {
  EXPECT_EQ(selected("tag:nightly"), "raw customers");
  EXPECT_EQ(selected("tag:pii,path:models/marts/report.sql"), "report");
  EXPECT_EQ(selected("path:models/staging"), "raw staged not_null_staged_id");
  EXPECT_EQ(selected("models/staging/raw.sql"), "raw");
  EXPECT_EQ(selected("config.materialized:table,tag:nightly+"),
            "raw staged not_null_staged_id customers orders unique_orders_id daily report");
  EXPECT_EQ(selected("resource_type:test"), "not_null_staged_id unique_orders_id");
}

TEST(Select, Patterns) {
  EXPECT_EQ(selected("r*"), "raw report");
  EXPECT_EQ(selected("?aily"), "daily");
  EXPECT_EQ(selected("*_orders_*"), "unique_orders_id");
}

TEST(Select, ExcludeTakesTestsAway) {
  EXPECT_EQ(selected("+orders", "tag:nightly"), "staged not_null_staged_id orders unique_orders_id");
  EXPECT_EQ(selected("", "orders+ raw"), "staged not_null_staged_id customers");
}

TEST(Select, SaysWhatMatchesNothing) {
  EXPECT_EQ(selected("ordesr"), "no model or test matches: ordesr [did you mean orders?]");
  EXPECT_EQ(selected("tag:nighly"), "no model or test matches: tag:nighly [did you mean nightly?]");
  EXPECT_EQ(selected("orders,tag:pii"), "no model or test matches all of: orders,tag:pii []");
  EXPECT_EQ(selected("+"), "a selector without a name: + []");
  EXPECT_EQ(selected("tags:x"), "no such selector method: tags [did you mean tag?]");
}

}  // namespace
}  // namespace weir::models
