#include "engine/dbt_plan.hpp"

#include <gtest/gtest.h>

#include "engine/task_link.hpp"

namespace weir::engine {
namespace {

models::Node node(std::string name, std::set<std::string> depends_on, Json config = Json::object()) {
  models::Node made;
  made.name = std::move(name);
  made.connection = "warehouse";
  made.depends_on = std::move(depends_on);
  made.config = std::move(config);
  made.target = {"default", made.name + "_table"};
  return made;
}

class DbtPlan : public testing::Test {
 protected:
  DbtPlan() {
    project.model_connection = "warehouse";
    project.vars = {{"days", 3}, {"city", "Riga"}};
    project.dbt = project::DbtProject{.folder = "dbt", .name = "shop"};
    graph.nodes = {node("rates", {}, {{"seed", true}}), node("orders", {"rates"}), node("daily", {"orders"})};
    graph.nodes[1].sources["raw.orders"] = {"raw", "orders"};
    models::Node test = node("unique_daily", {"daily"});
    test.kind = models::NodeKind::Test;
    graph.nodes.push_back(test);
  }

  project::Project project;
  models::Graph graph;
};

TEST_F(DbtPlan, WhatTheTaskLeavesOutIsTheProjects) {
  const auto settings = complete_dbt_settings(project, Settings{{{"command", "build"}}});
  EXPECT_EQ(settings.text("connection"), "warehouse");
  EXPECT_EQ(settings.text("project"), "dbt");
  EXPECT_EQ(to_text(settings.json("vars")), R"({"days":3,"city":"Riga"})");
}

TEST_F(DbtPlan, WhatTheTaskSaysStays) {
  const auto settings = complete_dbt_settings(
      project,
      Settings{{{"command", "build"}, {"connection", "shop"}, {"project", "./dbt/"}, {"vars", {{"days", 9}}}}});
  EXPECT_EQ(settings.text("connection"), "shop");
  EXPECT_EQ(to_text(settings.json("vars")), R"({"days":9,"city":"Riga"})");
}

// The vars of one project mean nothing to another.
TEST_F(DbtPlan, AnotherDbtProjectGetsNoVarsAndHasNoLineage) {
  const auto settings = complete_dbt_settings(project, Settings{{{"command", "build"}, {"project", "other"}}});
  EXPECT_FALSE(settings.has("vars"));
  EXPECT_TRUE(dbt_lineage(project, graph, settings).writes.empty());
  project.dbt.reset();
  EXPECT_EQ(complete_dbt_settings(project, Settings{{{"command", "build"}}}).text("project"), ".");
}

TEST_F(DbtPlan, LineageIsThatOfTheGraph) {
  const auto lineage = [&](Json values) {
    return dbt_lineage(project, graph, complete_dbt_settings(project, Settings{std::move(values)}));
  };
  using Tables = std::vector<std::string>;
  const auto all = lineage({{"command", "build"}});
  EXPECT_EQ(all.writes, (Tables{"warehouse.rates_table", "warehouse.orders_table", "warehouse.daily_table"}));
  EXPECT_EQ(all.reads, (Tables{"warehouse.orders"}));
  const auto run = lineage({{"command", "run"}});
  EXPECT_EQ(run.writes, (Tables{"warehouse.orders_table", "warehouse.daily_table"}));
  EXPECT_EQ(run.reads, (Tables{"warehouse.orders", "warehouse.rates_table"}));
  EXPECT_EQ(lineage({{"command", "build"}, {"select", "daily"}}).reads, (Tables{"warehouse.orders_table"}));
  EXPECT_TRUE(lineage({{"command", "test"}}).writes.empty());
  // A selector that only dbt knows.
  EXPECT_TRUE(lineage({{"command", "build"}, {"select", "state:modified"}}).writes.empty());
}

TEST(Part, TravelsAsJson) {
  ledger::Attempt part;
  part.task = "orders";
  part.state = ledger::AttemptState::Failed;
  part.started_at = parse_instant("2026-03-01T10:00:00.25Z");
  part.rows_written = 12;
  part.error = {{"message", "no such column"}};
  part.output = {{"test", false}};
  const auto copy = part_from_json(parse_json(to_text(part_to_json(part))).value());
  EXPECT_EQ(copy.task, "orders");
  EXPECT_EQ(copy.state, ledger::AttemptState::Failed);
  EXPECT_EQ(copy.started_at, part.started_at);
  EXPECT_FALSE(copy.finished_at);
  EXPECT_EQ(copy.rows_written, 12u);
  EXPECT_EQ(copy.error, part.error);
  EXPECT_EQ(copy.output, part.output);
}

}  // namespace
}  // namespace weir::engine
