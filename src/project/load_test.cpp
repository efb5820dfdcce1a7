#include <gtest/gtest.h>

#include "base/file.hpp"
#include "project/project.hpp"

namespace weir::project {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A project's folder that goes away with the test.
class Folder {
 public:
  explicit Folder(std::vector<std::pair<std::string, std::string>> files) {
    path_ = fs::path{testing::TempDir()} / fmt::format("weir_load_test_{}_{}", ::getpid(), counter_++);
    for (const auto& [name, text] : files) {
      EXPECT_TRUE(make_folder((path_ / name).parent_path()).ok());
      EXPECT_TRUE(write_file(path_ / name, text).ok());
    }
  }
  ~Folder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  static inline int counter_ = 0;
  fs::path path_;
};

Vocabulary vocabulary() {
  const Setting url{.name = "url", .doc = "the server's address", .need = Need::Required, .secrecy = Secrecy::Secret};
  const auto text = [](std::string name, Need need = Need::Optional) {
    return Setting{.name = std::move(name), .need = need};
  };
  return {
      .connections = {{.name = "clickhouse", .summary = "", .settings = {url, text("database")}, .manageable = true},
                      {.name = "postgres", .summary = "", .settings = {url}, .manageable = true}},
      .tasks = {{.name = "copy",
                 .summary = "copies a table or a file",
                 .settings = {text("from", Need::Required),
                              text("to", Need::Required),
                              {.name = "mode",
                               .type = SettingType::Choice,
                               .default_value = "append",
                               .choices = {"append", "replace", "merge"}},
                              {.name = "key",
                               .type = SettingType::List,
                               .fields = {text("column")},
                               .shorthand = Setting::Shorthand::Allowed},
                              {.name = "batch_rows", .type = SettingType::Integer}},
                 .endpoints = {"from", "to"}},
                {.name = "model",
                 .summary = "builds models",
                 .settings = {text("select", Need::Required), text("connection")},
                 .connection_settings = {"connection"}}}};
}

const std::string kWeir = R"(name: sales
connections:
  warehouse: {type: clickhouse, managed: true}
  shop: {type: postgres, managed: true}
  crm: {type: postgres, url: "{{ env.CRM_URL }}"}
environments:
  prod:
    connections: {warehouse: {url: "https://prod", database: marts}}
    vars: {size: 2}
vars: {size: 1, label: "1"}
models: {staging: {+materialized: view}}
defaults: {retry: {attempts: 2, delay: 1s}, timeout: 1h, parallel: 3}
files: {retention: 30d}
)";

const std::string kPipeline = R"(name: daily
description: everything
schedule: {cron: "45 12 * * TUE", timezone: Europe/Moscow}
params: {rows: {default: 1000000, description: how many}, table: warehouse.raw}
retry: {attempts: 3}
tasks:
  publish: {needs: clean, copy: {from: "files/{{ run.id }}/a.csv", to: warehouse.sales, key: sale_id}, timeout: 5m}
  stage:
    retry: {backoff: fixed}
    copy: {from: shop.sales, to: "{{ params.table }}", batch_rows: "{{ params.rows }}"}
  clean: {needs: [stage], model: clean_sales}
)";

std::vector<std::string> mistakes_of(const LoadOutcome& outcome) {
  std::vector<std::string> texts;
  for (const auto& error : outcome.mistakes.errors) texts.push_back(error.text());
  return texts;
}

LoadOutcome load_files(std::vector<std::pair<std::string, std::string>> files, std::string environment = {}) {
  const Folder folder{std::move(files)};
  return load(folder.path(), vocabulary(), {std::move(environment)});
}

TEST(Load, AnEnvironmentSaysWhatIsDifferent) {
  const auto outcome = load_files({{"weir.yml", R"(name: x
connections:
  warehouse: {type: clickhouse, managed: true, database: base}
  crm: {type: postgres, url: "postgres://one"}
environments:
  prod:
    connections:
      warehouse: {url: "https://prod"}
      crm: {type: clickhouse, url: "https://other"}
  plain:
    connections:
      warehouse: {database: null}
)"}},
                                  "prod");
  ASSERT_EQ(mistakes_of(outcome), std::vector<std::string>{});
  const auto& there = *outcome.project->find_connection("warehouse");
  EXPECT_EQ(there.type, "clickhouse");
  EXPECT_FALSE(there.managed);
  EXPECT_EQ(there.settings.text("database"), "base");
  EXPECT_EQ(there.settings.text("url"), "https://prod");
  EXPECT_EQ(outcome.project->find_connection("crm")->type, "clickhouse");
}

TEST(Load, AProjectWithEverything) {
  const auto outcome =
      load_files({{"weir.yml", kWeir},
                  {"pipelines/daily.yml", kPipeline},
                  {"models/clean/clean_sales.sql", "select 1"},
                  {"models/clean/clean.yml",
                   "version: 2\nmodels:\n  - {name: clean_sales, columns: [{name: id, data_tests: [unique]}]}\n"},
                  {"tests/positive.sql", "select 1 where false"},
                  {"macros/m.sql", "{% macro m() %}{% endmacro %}"},
                  {"generators/sales.yml", "rows: 10\n"}});
  ASSERT_EQ(mistakes_of(outcome), std::vector<std::string>{});
  const auto& project = *outcome.project;
  EXPECT_EQ(project.name, "sales");
  EXPECT_EQ(project.model_connection, "warehouse");
  EXPECT_EQ(project.files_retention, 30 * 24h);
  EXPECT_EQ(to_text(project.vars), R"({"size":1,"label":"1"})");
  EXPECT_EQ(to_text(project.model_config), R"({"staging":{"+materialized":"view"}})");
  ASSERT_EQ(project.connections.size(), 3u);
  EXPECT_TRUE(project.find_connection("warehouse")->managed);
  EXPECT_EQ(project.find_connection("crm")->settings.text("url"), "{{ env.CRM_URL }}");
  EXPECT_EQ(project.find_connection("crm")->place, (Place{"weir.yml", 5, 3}));

  const auto* pipeline = project.find_pipeline("daily");
  ASSERT_NE(pipeline, nullptr);
  EXPECT_EQ(pipeline->parallel, 3);
  EXPECT_EQ(to_text(pipeline->params), R"({"rows":1000000,"table":"warehouse.raw"})");
  EXPECT_EQ(pipeline->param_docs, (std::map<std::string, std::string>{{"rows", "how many"}}));
  ASSERT_EQ(pipeline->schedules.size(), 1u);
  EXPECT_EQ(pipeline->schedules[0].zone(), "Europe/Moscow");
  EXPECT_EQ(pipeline->schedules[0].catchup, Catchup::None);
  ASSERT_EQ(pipeline->tasks.size(), 3u);

  const auto& stage = pipeline->tasks[0];
  EXPECT_EQ(stage.name, "stage");
  EXPECT_EQ(stage.retry.attempts, 3);
  EXPECT_EQ(stage.retry.delay, 1s);
  EXPECT_FALSE(stage.retry.exponential);
  EXPECT_EQ(stage.timeout, 1h);
  EXPECT_EQ(stage.settings.text("batch_rows"), "{{ params.rows }}");
  EXPECT_EQ(stage.places.at("from"), (Place{"pipelines/daily.yml", 10, 18}));
  EXPECT_EQ(stage.places.at(""), (Place{"pipelines/daily.yml", 10, 11}));

  const auto& clean = pipeline->tasks[1];
  EXPECT_EQ(clean.kind, "model");
  EXPECT_EQ(clean.settings.text("select"), "clean_sales");
  const auto& publish = pipeline->tasks[2];
  EXPECT_EQ(publish.needs, std::vector<std::string>{"clean"});
  EXPECT_EQ(publish.settings.texts("key"), std::vector<std::string>{"sale_id"});
  EXPECT_EQ(publish.settings.text("mode"), "append");
  EXPECT_EQ(publish.timeout, 5min);

  ASSERT_EQ(project.sql_files.size(), 3u);
  EXPECT_EQ(project.sql_files[0].name, "clean_sales");
  EXPECT_EQ(project.sql_files[1].kind, SqlFile::Kind::SingularTest);
  EXPECT_EQ(project.sql_files[2].kind, SqlFile::Kind::Macro);
  ASSERT_EQ(project.properties.size(), 1u);
  EXPECT_EQ(project.properties[0].places.at("models.0.columns.0.data_tests.0"),
            (Place{"models/clean/clean.yml", 3, 59}));
  EXPECT_EQ(to_text(project.generators.at(0).settings.values()), R"({"rows":10})");
}

TEST(Load, AnEnvironmentReplacesConnectionsByNameAndVars) {
  const auto outcome = load_files({{"weir.yml", kWeir}}, "prod");
  ASSERT_EQ(mistakes_of(outcome), std::vector<std::string>{});
  const auto* warehouse = outcome.project->find_connection("warehouse");
  EXPECT_FALSE(warehouse->managed);
  EXPECT_EQ(warehouse->type, "clickhouse");
  EXPECT_EQ(warehouse->settings.text("database"), "marts");
  EXPECT_EQ(outcome.project->vars["size"], 2);
  EXPECT_TRUE(outcome.project->find_connection("shop")->managed);

  const auto unknown = load_files({{"weir.yml", kWeir}}, "prd");
  EXPECT_EQ(mistakes_of(unknown), std::vector<std::string>{"weir.yml:7:3: unknown environment: prd"});
  EXPECT_EQ(unknown.mistakes.errors[0].hint(), "did you mean prod?");
}

TEST(Load, ADbtProjectGivesWhatWeirYmlLeavesOut) {
  const auto outcome = load_files(
      {{"dbt_project.yml", "name: shop\nvars: {shop: {a: 1}, b: 2}\nmodels: {shop: {marts: {+materialized: table}}}\n"},
       {"weir.yml", "connections: {w: {type: clickhouse, managed: true}}\nvars: {b: 3}\n"}});
  ASSERT_EQ(mistakes_of(outcome), std::vector<std::string>{});
  EXPECT_EQ(outcome.project->name, "shop");
  EXPECT_EQ(to_text(outcome.project->vars), R"({"b":3,"a":1})");
  EXPECT_EQ(to_text(outcome.project->model_config), R"({"marts":{"+materialized":"table"}})");
}

TEST(Load, FindsTheFolderAtOrAbove) {
  const Folder folder{{{"weir.yml", kWeir}, {"a/b/c.txt", ""}}};
  EXPECT_EQ(find_project_folder(folder.path() / "a" / "b"), folder.path());
  EXPECT_EQ(find_project_folder(folder.path() / ""), folder.path());
  EXPECT_FALSE(find_project_folder("/").has_value());
}

TEST(Load, EndpointsAreTablesOfDeclaredConnectionsOrFiles) {
  const auto outcome = load_files({{"weir.yml", kWeir}});
  const auto& project = *outcome.project;
  const auto table = check_endpoint(project, "warehouse.db.sales").value();
  EXPECT_EQ(table.connection, "warehouse");
  EXPECT_EQ(table.object, "db.sales");
  EXPECT_EQ(check_endpoint(project, "data.parquet")->object, "data.parquet");
  EXPECT_EQ(check_endpoint(project, "files/x")->connection, "");
  EXPECT_EQ(check_endpoint(project, "warehuse.sales").error().hint(), "did you mean warehouse?");
  EXPECT_EQ(check_endpoint(project, "sales").error().text(), "neither a table of a connection nor a file: sales");
}

}  // namespace
}  // namespace weir::project
