#include "engine/plan.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

project::Task copy_task(std::string name, std::vector<std::string> needs, std::string from, std::string to) {
  project::Task task;
  task.name = std::move(name);
  task.kind = "copy";
  task.needs = std::move(needs);
  task.settings =
      Settings{{{"from", {{"object", std::move(from)}}}, {"to", {{"object", std::move(to)}}}, {"mode", "append"}}};
  return task;
}

models::Node node(std::string name, models::NodeKind kind, std::set<std::string> depends_on, std::string tested = {}) {
  models::Node made;
  made.name = std::move(name);
  made.kind = kind;
  made.connection = "warehouse";
  made.depends_on = std::move(depends_on);
  made.tested_model = std::move(tested);
  return made;
}

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    project.connections.resize(2);
    project.connections[0].name = "warehouse";
    project.connections[1].name = "shop";
    project::Pipeline pipeline;
    pipeline.name = "sales";
    pipeline.params = {{"rows", 10}};
    project::Task model;
    model.name = "clean";
    model.kind = "model";
    model.needs = {"stage"};
    model.settings = Settings{{{"select", "a b"}, {"exclude", ""}, {"tests", true}, {"full_refresh", false}}};
    pipeline.tasks = {copy_task("stage", {}, "files/{{ run.id }}/s.csv", "warehouse.raw"), model,
                      copy_task("load", {"clean"}, "warehouse.b", "shop.sales")};
    project.pipelines.push_back(std::move(pipeline));
    using models::NodeKind;
    graph.nodes = {node("a", NodeKind::Model, {}),    node("test_a", NodeKind::Test, {"a"}, "a"),
                   node("b", NodeKind::Model, {"a"}), node("test_b", NodeKind::Test, {"b"}, "b"),
                   node("c", NodeKind::Model, {"b"}), node("test_b_c", NodeKind::Test, {"b", "c"})};
  }

  Result<Plan> make(PlanRequest request = {}) {
    if (request.pipeline.empty()) request.pipeline = "sales";
    return plan(
        project, graph, request,
        {.id = RunId{"r1"}, .started_at = *parse_instant("2026-03-01"), .interval_from = {}, .interval_to = {}});
  }

  static std::vector<std::string> selected(const Plan& plan) {
    std::vector<std::string> names;
    for (const auto& step : plan.steps) {
      if (step.selected) names.push_back(step.name);
    }
    return names;
  }

  project::Project project;
  models::Graph graph;
};

using Names = std::vector<std::string>;

TEST_F(PlanTest, AModelTaskBecomesItsSubGraph) {
  const auto made = make();
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(selected(*made), (Names{"stage", "clean/a", "clean/test_a", "clean/b", "clean/test_b", "load"}));
  EXPECT_EQ(made->steps[1].needs, (Names{"stage"}));
  // b waits for the tests of its parent; load waits for every node.
  EXPECT_EQ(made->steps[3].needs, (Names{"stage", "clean/a", "clean/test_a"}));
  EXPECT_EQ(made->steps[5].needs, (Names{"clean/a", "clean/test_a", "clean/b", "clean/test_b"}));
  EXPECT_EQ(made->steps[5].name, "load");
}

TEST_F(PlanTest, TemplatesAndLineageAreInThePlan) {
  const auto made = make();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->steps[0].reads, (Names{"files/r1/s.csv"}));
  EXPECT_EQ(made->steps[0].connections, (Names{"files", "warehouse"}));
  EXPECT_EQ(made->steps[0].summary, "copy files/r1/s.csv → warehouse.raw (append)");
  EXPECT_EQ(made->connections(), (Names{"files", "warehouse", "shop"}));
}

TEST_F(PlanTest, AParquetFileBringsItsClickhouseAlong) {
  project.connections[0].type = "clickhouse";
  project.connections[1].type = "postgres";
  project.pipelines[0].tasks = {copy_task("export", {}, "shop.sales", "files/{{ run.id }}/s.parquet"),
                                copy_task("import", {"export"}, "files/{{ run.id }}/s.csv", "shop.sales")};
  const auto made = make();
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(made->steps[0].connections, (Names{"shop", "files", "warehouse"}));
  EXPECT_EQ(made->steps[0].settings.group("to").group("options").text("clickhouse"), "warehouse");
  EXPECT_EQ(made->steps[1].connections, (Names{"files", "shop"}));
  EXPECT_FALSE(made->steps[1].settings.group("from").has("options"));
  project.connections[0].type = "postgres";
  EXPECT_EQ(make().error().code(), Code::InvalidProject);
}

TEST_F(PlanTest, SelectionsReachUpAndDown) {
  EXPECT_EQ(selected(*make({.select = {"load"}})), (Names{"load"}));
  EXPECT_EQ(selected(*make({.select = {"clean"}})), (Names{"clean/a", "clean/test_a", "clean/b", "clean/test_b"}));
  EXPECT_EQ(selected(*make({.select = {"clean/b+"}})), (Names{"clean/b", "clean/test_b", "load"}));
  EXPECT_EQ(selected(*make({.select = {"+clean/a"}})), (Names{"stage", "clean/a"}));
  EXPECT_EQ(selected(*make({.from = "load"})), (Names{"load"}));
}

TEST_F(PlanTest, DoneStepsAreNotSelectedAgain) {
  EXPECT_EQ(selected(*make({.done = {"stage", "clean/a"}})),
            (Names{"clean/test_a", "clean/b", "clean/test_b", "load"}));
}

TEST_F(PlanTest, UnknownNamesHaveAHint) {
  EXPECT_EQ(make({.pipeline = "sale"}).error().hint(), "did you mean sales?");
  EXPECT_EQ(make({.params = {{"row", 5}}}).error().message(), "no such parameter of pipeline sales: row");
  EXPECT_EQ(make({.select = {"laod"}}).error().hint(), "did you mean load?");
}

TEST_F(PlanTest, GivenParametersReplaceDefaults) { EXPECT_EQ(make({.params = {{"rows", 99}}})->params["rows"], 99); }

}  // namespace
}  // namespace weir::engine
