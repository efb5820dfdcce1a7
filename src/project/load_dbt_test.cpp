#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.hpp"
#include "project/project.hpp"

namespace weir::project {
namespace {

namespace fs = std::filesystem;

constexpr auto kWeir = "name: shop\nconnections: {w: {type: clickhouse, managed: true}}\ndbt: {project: dbt}\n";
constexpr auto kDbt = R"(name: shop_dbt
version: "1.0"
config-version: 2
profile: mine
model-paths: [models, more/]
macro-paths: ["./macros"]
vars: {shop_dbt: {days: 3}, other: 1}
models: {shop_dbt: {staging: {+materialized: view}}, +tags: all}
seeds: {shop_dbt: {+quote_columns: true}}
)";

class DbtProjects : public testing::Test {
 protected:
  void SetUp() override { write("weir.yml", kWeir); }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((folder_ / path).parent_path());
    ASSERT_TRUE(write_file(folder_ / path, text).ok());
  }
  LoadOutcome load_all() const {
    return load(
        folder_,
        {.connections = {{.name = "clickhouse", .summary = "", .settings = {}, .manageable = true}}, .tasks = {}}, {});
  }
  std::string mistakes() const {
    std::string text;
    const auto outcome = load_all();
    for (const auto& error : outcome.mistakes.errors) text += error.text() + "\n";
    return text;
  }

  const fs::path folder_ = fs::path{testing::TempDir()} / fmt::format("weir_load_dbt_{}", ::getpid());
};

TEST_F(DbtProjects, ModelsComeFromItsFolders) {
  write("dbt/dbt_project.yml", kDbt);
  write("dbt/models/staging/a.sql", "select 1");
  write("dbt/models/staging/schema.yml", "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]");
  write("dbt/more/b.sql", "select 2");
  write("dbt/macros/m.sql", "{% macro m() %}{% endmacro %}");
  write("dbt/seeds/eu/rates.csv", "id,rate\n1,2.5\n");
  write("dbt/seeds/seeds.yml", "seeds: [{name: rates, config: {column_types: {id: Int64}}}]");
  write("dbt/snapshots/s.sql", "{% snapshot rates_history %}select 1{% endsnapshot %}");
  write("dbt/snapshots/s.yml", "snapshots: [{name: a_history, relation: ref('a')}]");
  write("dbt/tests/generic/g.sql", "{% test g(model) %}select 1{% endtest %}");
  const auto outcome = load_all();
  ASSERT_TRUE(outcome.project) << mistakes();
  const auto& project = *outcome.project;
  EXPECT_EQ(project.name, "shop");
  EXPECT_EQ(project.dbt->name, "shop_dbt");
  EXPECT_EQ(to_text(project.vars), R"({"other":1,"days":3})");
  EXPECT_EQ(to_text(project.model_config), R"({"+tags":"all","staging":{"+materialized":"view"}})");
  EXPECT_EQ(to_text(project.dbt->seed_config), R"({"+quote_columns":true})");
  EXPECT_EQ(project.dbt->snapshots, (std::vector<std::string>{"rates_history", "a_history"}));
  std::string files;
  for (const auto& file : project.sql_files) {
    files += fmt::format("{} {} {}\n", file.path, file.root, file.path_below_root());
  }
  EXPECT_EQ(files,
            "dbt/models/staging/a.sql dbt/models staging/a.sql\n"
            "dbt/more/b.sql dbt/more b.sql\n"
            "dbt/tests/generic/g.sql dbt/tests generic/g.sql\n"
            "dbt/macros/m.sql dbt/macros m.sql\n"
            "dbt/seeds/eu/rates.csv dbt/seeds eu/rates.csv\n");
  EXPECT_EQ(project.properties.size(), 3u);
}

TEST_F(DbtProjects, TheFolderMayBeTheOneValue) {
  write("weir.yml", "connections: {w: {type: clickhouse, managed: true}}\ndbt: dbt\n");
  write("dbt/dbt_project.yml", "name: named_by_dbt\n");
  const auto outcome = load_all();
  ASSERT_TRUE(outcome.project) << mistakes();
  EXPECT_EQ(outcome.project->name, "named_by_dbt");
}

TEST_F(DbtProjects, WeirYmlWins) {
  write("weir.yml", std::string{kWeir} + "vars: {days: 9}\nmodels: {+materialized: table}\n");
  write("dbt/dbt_project.yml", kDbt);
  const auto outcome = load_all();
  ASSERT_TRUE(outcome.project) << mistakes();
  EXPECT_EQ(outcome.project->vars["days"], 9);
  EXPECT_EQ(to_text(outcome.project->model_config), R"({"+materialized":"table"})");
}

TEST_F(DbtProjects, WhatWeirDoesNotDoIsAMistakeWithItsPlace) {
  write("dbt/dbt_project.yml", std::string{kDbt} + "on-run-start: [\"select 1\"]\ndispatch: []\nmodel_paths: [x]\n");
  write("dbt/packages.yml", "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n");
  write("dbt/models/py.py", "def model(dbt, session): pass\n");
  write("models/here.sql", "select 1");
  EXPECT_EQ(mistakes(),
            "dbt/dbt_project.yml:10:15: Weir does not know dbt's on-run-start\n"
            "dbt/dbt_project.yml:12:1: unknown key in dbt_project.yml: model_paths\n"
            "dbt/models/py.py:1:1: Weir does not run models in Python: dbt/models/py.py\n"
            "dbt/packages.yml:2:3: Weir does not use dbt's packages: dbt/packages.yml\n"
            "weir.yml:3:16: models are in two places: the dbt project dbt and models/here.sql\n");
}

TEST_F(DbtProjects, AFolderWithoutOneIsAMistake) {
  EXPECT_EQ(mistakes(), "weir.yml:3:16: no dbt_project.yml in dbt\n");
}

}  // namespace
}  // namespace weir::project
