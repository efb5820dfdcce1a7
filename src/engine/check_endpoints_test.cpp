#include "engine/check_endpoints.hpp"

#include <gtest/gtest.h>

#include "engine/parquet.hpp"

namespace weir::engine {
namespace {

flow::Connector connector(std::string name, std::vector<Setting> read, std::vector<Setting> write) {
  flow::Connector made;
  made.name = std::move(name);
  made.read_options = std::move(read);
  made.write_options = std::move(write);
  return made;
}

class CheckEndpoints : public testing::Test {
 protected:
  CheckEndpoints() {
    add_connection("shop", "postgres");
    project.pipelines.resize(1);
  }
  void add_connection(std::string name, std::string type) {
    project::Connection connection;
    connection.name = std::move(name);
    connection.type = std::move(type);
    project.connections.push_back(std::move(connection));
  }
  void add_task(std::string kind, Json settings) {
    project::Task task;
    task.name = "t";
    task.kind = std::move(kind);
    task.settings = Settings{std::move(settings)};
    task.places = {{"", {"pipelines/p.yml", 1, 1}},
                   {"from", {"pipelines/p.yml", 2, 1}},
                   {"to", {"pipelines/p.yml", 3, 1}},
                   {"from.options.finall", {"pipelines/p.yml", 4, 9}},
                   {"to.options.clickhouse", {"pipelines/p.yml", 5, 9}}};
    project.pipelines[0].tasks.push_back(std::move(task));
  }
  std::vector<std::string> mistakes() const {
    std::vector<std::string> texts;
    for (const auto& error : check_tasks(project, registry).mistakes)
      texts.push_back(error.text() + " | " + error.hint());
    return texts;
  }

  project::Project project;
  flow::Registry registry{{
      connector("clickhouse", {{.name = "final", .type = SettingType::Flag, .doc = "as merged"}}, {}),
      connector("files",
                {{.name = "format", .type = SettingType::Choice, .choices = {"csv", "parquet", "bytes"}},
                 {.name = "clickhouse"}},
                {{.name = "format"}, {.name = "clickhouse"}}),
      connector("http", {}, {}),
      connector("postgres", {}, {}),
  }};
};

using Texts = std::vector<std::string>;

TEST_F(CheckEndpoints, OptionsAreThoseOfTheConnector) {
  add_connection("warehouse", "clickhouse");
  add_task("copy",
           {{"from", {{"object", "warehouse.a"}, {"options", {{"finall", true}}}}}, {"to", {{"object", "shop.b"}}}});
  EXPECT_EQ(mistakes(),
            (Texts{"pipelines/p.yml:4:9: unknown key in from.options of clickhouse: finall | did you mean final?"}));
  project.pipelines[0].tasks.clear();
  add_task("copy", {{"from", {{"object", "warehouse.a"}, {"options", {{"final", "yes"}}}}},
                    {"to", {{"object", "shop.b"}, {"options", {{"x", 1}}}}}});
  EXPECT_EQ(mistakes(),
            (Texts{"pipelines/p.yml:2:1: final takes true or false, not \"yes\" | as merged",
                   "pipelines/p.yml:3:1: unknown key in to.options of postgres: x | postgres has no options here"}));
  project.pipelines[0].tasks.clear();
  add_task("copy", {{"from", {{"object", "warehouse.a"}, {"options", {{"final", "{{ params.f }}"}}}}},
                    {"to", {{"object", "files/a.csv"}}}});
  EXPECT_EQ(mistakes(), Texts{});
}

TEST_F(CheckEndpoints, ParquetNeedsAClickhouse) {
  add_task("copy", {{"from", {{"object", "shop.a"}}}, {"to", {{"object", "files/{{ run.id }}/a.parquet"}}}});
  add_task("generate", {{"to", "files/b.PARQUET"}});
  add_task("copy", {{"from", {{"object", "files/c.csv"}, {"options", {{"format", "parquet"}}}}},
                    {"to", {{"object", "shop.c"}}}});
  const auto found = mistakes();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0],
            "pipelines/p.yml:3:1: the project has no ClickHouse connection for Parquet files | Parquet is read and "
            "written by "
            "ClickHouse: add a connection of type clickhouse to weir.yml, e.g. {type: clickhouse, managed: true}");
  EXPECT_TRUE(found[2].starts_with("pipelines/p.yml:2:1: ")) << found[2];
  add_connection("warehouse", "clickhouse");
  EXPECT_EQ(mistakes(), Texts{});
  add_task("copy", {{"from", {{"object", "shop.a"}}},
                    {"to", {{"object", "a.parquet"}, {"options", {{"clickhouse", "warehose"}}}}}});
  EXPECT_EQ(
      mistakes(),
      (Texts{"pipelines/p.yml:5:9: not a ClickHouse connection of the project: warehose | did you mean warehouse?"}));
}

TEST_F(CheckEndpoints, BytesGoIntoAFile) {
  add_connection("api", "http");
  project.connections.back().settings =
      Settings{{{"resources", {{"manual", {{"path", "/m.pdf"}, {"format", "bytes"}}}, {"items", {{"path", "/i"}}}}}}};
  add_task("copy", {{"from", {{"object", "api.manual"}}}, {"to", {{"object", "files/{{ run.id }}/m.pdf"}}}});
  add_task("copy", {{"from", {{"object", "api.items"}}}, {"to", {{"object", "shop.items"}}}});
  EXPECT_EQ(mistakes(), Texts{});
  add_task("copy", {{"from", {{"object", "api.*"}}}, {"to", {{"object", "shop.*"}}}});
  add_task("copy",
           {{"from", {{"object", "a.pdf"}, {"options", {{"format", "bytes"}}}}}, {"to", {{"object", "shop.a"}}}});
  const auto hint = " | write to: \"files/{{ run.id }}/name\"; a table takes csv, jsonl, parquet or json";
  EXPECT_EQ(mistakes(),
            (Texts{std::string{"pipelines/p.yml:3:1: bytes go into a file, not into a table: shop.*"} + hint,
                   std::string{"pipelines/p.yml:3:1: bytes go into a file, not into a table: shop.a"} + hint}));
}

TEST_F(CheckEndpoints, ModelsConnectionComesBeforeTheFirst) {
  add_connection("archive", "clickhouse");
  add_connection("warehouse", "clickhouse");
  EXPECT_EQ(*parquet_connection(project, ""), "archive");
  project.model_connection = "warehouse";
  EXPECT_EQ(*parquet_connection(project, ""), "warehouse");
  project.model_connection = "shop";
  EXPECT_EQ(*parquet_connection(project, ""), "archive");
  EXPECT_EQ(*parquet_connection(project, "warehouse"), "warehouse");
  EXPECT_EQ(parquet_connection(project, "shop").error().code(), Code::InvalidProject);
}

}  // namespace
}  // namespace weir::engine
