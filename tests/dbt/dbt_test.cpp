// A real dbt (made by run.sh) under the dbt task kind, on the embedded ClickHouse and on a managed PostgreSQL; and the same
// project built by Weir itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include "base/file.hpp"
#include "weir_program.hpp"

namespace weir::testing {
namespace {

namespace fs = std::filesystem;

class StationProject : public TestProject {
 public:
  // `models` is the connection that the models lie on.
  explicit StationProject(const std::string& models) {
    fs::copy(fs::path{WEIR_SOURCE_DIR} / "tests/dbt/project", folder(), fs::copy_options::recursive);
    edit("weir.yml", "dbt: {project: dbt}", "dbt: {project: dbt}\ndefaults: {models: " + models + "}");
  }

  ProgramResult dbt(std::vector<std::string> params = {}) const {
    std::vector<std::string> arguments{"run", "dbt", "--json"};
    for (auto& param : params) arguments.insert(arguments.end(), {"--param", std::move(param)});
    return run(arguments);
  }
  Json last_run() const { return parse_json(run({"runs", "last", "--json"}).out).value(); }
};

// "people_per_craft succeeded 2", sorted: the parts of a run.
std::map<std::string, std::string> parts(const ProgramResult& result) {
  std::map<std::string, std::string> states;
  for (const auto& line : result.lines()) {
    if (line.value("event", "") != "part") continue;
    const auto name = line.value("step", "").substr(std::string_view{"station/"}.size());
    states[name] = fmt::format("{} {}", line.value("state", ""), line.value("rows_written", 0));
  }
  return states;
}

// What stands in the tables that both build.
std::string tables(const StationProject& project, const std::string& connection) {
  std::string text;
  for (const auto* query :
       {"select * from crafts order by craft", "select * from people order by person_id",
        "select * from stg_people order by person_id", "select * from people_per_craft order by craft",
        "select * from arrivals order by person_id", "select * from visits order by person_id"}) {
    text += fmt::format("{}\n{}", query, project.query(connection, query));
  }
  return text;
}

std::string types(const StationProject& project, const std::string& connection) {
  return project.query(
      connection,
      connection == "warehouse"
          ? "select table, name, type from system.columns where database = 'default' and table in ('crafts', "
            "'people', 'stg_people', 'people_per_craft', 'arrivals', 'visits') order by table, position"
          : "select table_name, column_name, data_type from information_schema.columns where table_schema = "
            "'public' and table_name in ('crafts', 'people', 'stg_people', 'people_per_craft', 'arrivals', "
            "'visits') order by table_name, ordinal_position");
}

// The project and its services are there from the first test to the last.
class DbtTest : public ::testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() { projects().clear(); }

  static std::map<std::string, std::unique_ptr<StationProject>>& projects() {
    static std::map<std::string, std::unique_ptr<StationProject>> all;
    return all;
  }
  static StationProject& project_on(const std::string& connection) {
    auto& project = projects()[connection];
    if (!project) {
      project = std::make_unique<StationProject>(connection);
      EXPECT_EQ(project->run({"services", "up"}).exit_code, 0);
    }
    return *project;
  }
  static StationProject& project() { return project_on(GetParam()); }

  // No file that Weir or dbt left holds the password; services/ is where Weir keeps it, for its owner only.
  static void expect_no_password() {
    const auto state = project().folder() / ".weir";
    const auto password = read_file(state / "services" / (GetParam() + ".password"));
    ASSERT_TRUE(password.ok());
    const auto word = password->substr(0, password->find('\n'));
    ASSERT_GE(word.size(), 16u);
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator{state}) {
      if (!entry.is_regular_file() || entry.path().string().find("/services/") != std::string::npos) continue;
      EXPECT_EQ(read_file(entry.path()).value().find(word), std::string::npos) << entry.path();
      EXPECT_NE(entry.path().filename(), "profiles.yml");
      ++files;
    }
    EXPECT_GT(files, 10);
  }
};

TEST_P(DbtTest, BuildsWhatWeirBuilds) {
  const auto& project = DbtTest::project();
  const auto connection = GetParam();
  const auto first = project.dbt();
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  std::map<std::string, std::string> expected{
      {"crafts", "succeeded 3"},
      {"people", "succeeded 5"},
      {"stg_people", "succeeded 0"},
      {"people_per_craft", "succeeded 3"},
      {"arrivals", "succeeded 5"},
      {"visits", "succeeded 5"},
      {"crafts_history", "succeeded 3"},
      {"unique_stg_people_person_id", "succeeded 0"},
      {"not_null_stg_people_person_id", "succeeded 0"},
      {"relationships_stg_people_craft__craft__ref_crafts_", "succeeded 0"},
      {"accepted_values_people_per_craft_craft__ISS__Tiangong__Soyuz", "succeeded 0"},
      {"nobody_stands", "succeeded 0"}};
  if (connection == "warehouse") expected["craft_counts"] = "succeeded 3";
  EXPECT_EQ(parts(first), expected);
  const auto step = first.event("step", "station");
  EXPECT_EQ(step["output"]["nodes"], expected.size());
  const auto run = project.last_run();
  EXPECT_EQ(run["checks"].size(), 5u);
  for (const auto& check : run["checks"]) EXPECT_TRUE(check.value("passed", false)) << check;
  expect_no_password();

  // Rows that came since: only they are added.
  project.edit("dbt/seeds/people.csv", "5,\"Eve", "6,Fay,Soyuz,2026-03-04\n5,\"Eve");
  const auto second = project.dbt();
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  EXPECT_EQ(project.query(connection, "select count(*) from arrivals"), "6\n");
  EXPECT_EQ(project.query(connection, "select count(*) from visits"), "6\n");
  const auto by_dbt = tables(project, connection);
  const auto types_by_dbt = types(project, connection);

  const auto built = project.run({"build", "--full-refresh"});
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  EXPECT_EQ(tables(project, connection), by_dbt);
  EXPECT_EQ(types(project, connection), types_by_dbt);
  EXPECT_NE(by_dbt.find("1,ADA,ISS"), std::string::npos) << by_dbt;
  EXPECT_NE(by_dbt.find("\"EVE, THE SECOND\""), std::string::npos) << by_dbt;

  // And dbt goes on with the tables that Weir made.
  const auto third = project.dbt();
  ASSERT_EQ(third.exit_code, 0) << third.out << third.err;
  EXPECT_EQ(tables(project, connection), by_dbt);
}

TEST_P(DbtTest, DebugAndDocsWork) {
  const auto& project = DbtTest::project();
  const auto debug = project.dbt({"command=debug"});
  EXPECT_EQ(debug.exit_code, 0) << debug.out << debug.err;
  EXPECT_NE(debug.out.find("All checks passed!"), std::string::npos) << debug.out;
  const auto docs = project.dbt({"command=docs generate"});
  ASSERT_EQ(docs.exit_code, 0) << docs.out << docs.err;
  const auto artifacts = docs.event("step", "station")["output"].value("artifacts", "");
  const auto catalog = parse_json(read_file(project.folder() / artifacts / "catalog.json").value()).value();
  const auto& columns = catalog["nodes"]["model.station.people_per_craft"]["columns"];
  EXPECT_EQ(columns.size(), 3u) << columns;
}

// What `build` does in one go, by the commands that people type.
TEST_P(DbtTest, EveryCommandWorksByItself) {
  const auto& project = DbtTest::project();
  const std::vector<std::pair<std::string, std::vector<std::string>>> commands{
      {"debug", {}},
      {"seed", {"crafts", "people"}},
      {"run", {"stg_people", "people_per_craft", "arrivals", "visits"}},
      {"snapshot", {"crafts_history"}},
      {"test", {"nobody_stands", "unique_stg_people_person_id"}},
      {"docs generate", {}}};
  for (const auto& [command, expected] : commands) {
    const auto done = project.dbt({"command=" + command});
    ASSERT_EQ(done.exit_code, 0) << command << "\n" << done.out << done.err;
    const auto told = parts(done);
    for (const auto& name : expected) {
      ASSERT_TRUE(told.contains(name)) << command << " did nothing about " << name << "\n" << done.out;
      EXPECT_TRUE(told.at(name).starts_with("succeeded")) << command << ": " << name << " " << told.at(name);
    }
  }
}

TEST_P(DbtTest, SnapshotsKeepHistory) {
  const auto& project = DbtTest::project();
  ASSERT_EQ(project.dbt({"select=crafts crafts_history", "full_refresh=true"}).exit_code, 0);
  const auto before = project.query(GetParam(), "select count(*) from crafts_history");
  project.edit("dbt/seeds/crafts.csv", "ISS,7,", "ISS,8,");
  const auto seeded = project.dbt({"command=seed", "select=crafts"});
  EXPECT_EQ(parts(seeded), (std::map<std::string, std::string>{{"crafts", "succeeded 3"}})) << seeded.out;
  const auto taken = project.dbt({"command=snapshot"});
  ASSERT_EQ(taken.exit_code, 0) << taken.out << taken.err;
  EXPECT_EQ(project.query(GetParam(), "select count(*) from crafts_history"),
            std::to_string(std::stoi(before) + 1) + "\n");
  EXPECT_EQ(project.query(GetParam(), "select seats from crafts_history where craft = 'ISS' and dbt_valid_to is null"),
            "8\n");
}

TEST_P(DbtTest, AFailingTestNamesItselfAndItsRows) {
  const auto& project = DbtTest::project();
  project.write("dbt/tests/nobody_late.sql", "select * from {{ ref('people') }} where person_id > 3\n");
  const auto failed = project.dbt({"command=test", "select=nobody_late nobody_stands"});
  fs::remove(project.folder() / "dbt/tests/nobody_late.sql");
  EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
  const auto error = failed.event("step", "station")["error"];
  EXPECT_EQ(error.value("code", ""), "check_failed") << failed.out;
  EXPECT_NE(error.value("message", "").find("test nobody_late failed: Got "), std::string::npos) << error;
  EXPECT_EQ(error["place"]["file"], "dbt/tests/nobody_late.sql") << error;
  const auto hint = error.value("hint", "");
  const auto compiled = hint.substr(hint.find(".weir/"));
  EXPECT_NE(read_file(project.folder() / compiled).value().find("person_id > 3"), std::string::npos) << hint;
  std::map<std::string, bool> checks;
  const auto run = project.last_run();
  for (const auto& check : run["checks"]) checks[check.value("check", "")] = check.value("passed", false);
  EXPECT_EQ(checks, (std::map<std::string, bool>{{"nobody_late", false}, {"nobody_stands", true}}));
}

TEST_P(DbtTest, ABrokenModelFailsAndWhatNeedsItIsSkipped) {
  const auto& project = DbtTest::project();
  project.write("dbt/models/broken.sql", "select no_such_column from {{ ref('people') }}\n");
  project.write("dbt/models/after.sql", "{{ config(materialized='table') }} select * from {{ ref('broken') }}\n");
  const auto failed = project.dbt({"command=run", "select=broken after"});
  fs::remove(project.folder() / "dbt/models/broken.sql");
  fs::remove(project.folder() / "dbt/models/after.sql");
  EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
  const auto error = failed.event("step", "station")["error"];
  EXPECT_EQ(error.value("code", ""), "invalid_query") << failed.out;
  EXPECT_NE(error.value("message", "").find("no_such_column"), std::string::npos) << error;
  EXPECT_EQ(error["place"]["file"], "dbt/models/broken.sql") << error;
  // A view that ClickHouse takes without looking would succeed.
  EXPECT_EQ(parts(failed), (std::map<std::string, std::string>{{"broken", "failed 0"}, {"after", "skipped 0"}}))
      << failed.out;
  expect_no_password();
}

INSTANTIATE_TEST_SUITE_P(On, DbtTest, ::testing::Values("warehouse", "shop"),
                         [](const auto& made) { return made.param; });

// Without `dbt:` in weir.yml Weir does not read the dbt project, and the mistake is dbt's to find.
TEST(DbtMistakes, AProjectThatDbtCannotReadIsTheUsersMistake) {
  const StationProject project{"warehouse"};
  project.edit("weir.yml", "dbt: {project: dbt}\n", "");
  project.edit("pipelines/dbt.yml", "command: \"{{ params.command }}\"", "command: parse\n      project: dbt");
  project.write("dbt/models/lost.sql", "select * from {{ ref('nobody') }}\n");
  const auto failed = project.dbt();
  EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
  const auto error = failed.event("step", "station")["error"];
  EXPECT_EQ(error.value("code", ""), "invalid_project") << failed.out;
  EXPECT_NE(error.value("message", "").find("nobody"), std::string::npos) << error;
}

TEST(DbtMistakes, AMissingDbtIsToldBeforeAndInTheRun) {
  const StationProject project{"warehouse"};
  project.write("pipelines/dbt.yml", "name: dbt\ntasks: {station: {dbt: {venv: nowhere}}}\n");
  const auto check = project.run({"check"});
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_NE(check.out.find("pipelines/dbt.yml:2:31: dbt is not installed: no "), std::string::npos) << check.out;
  EXPECT_NE(check.out.find("hint: pip install 'dbt-core==1.10.*' dbt-clickhouse==1.10.3"), std::string::npos)
      << check.out;
  const auto failed = project.dbt();
  EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
  EXPECT_EQ(failed.event("step", "station")["error"].value("code", ""), "not_found") << failed.out;
}

TEST(DbtMistakes, WhatCanBeToldWithoutRunningIsToldByCheck) {
  const StationProject project{"warehouse"};
  project.write("pipelines/dbt.yml",
                "name: dbt\ntasks:\n  a: {dbt: {project: elsewhere}}\n  b: {dbt: {command: test, full_refresh: true}}\n"
                "  c: {dbt: {command: buld}}\n");
  const auto typo = project.run({"check"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_NE(typo.err.find("pipelines/dbt.yml:5:"), std::string::npos) << typo.err;
  project.edit("pipelines/dbt.yml", "  c: {dbt: {command: buld}}\n", "");
  const auto check = project.run({"check"});
  EXPECT_EQ(check.exit_code, 2);
  EXPECT_NE(check.err.find("pipelines/dbt.yml:3:22: no dbt_project.yml in elsewhere"), std::string::npos) << check.err;
  EXPECT_NE(check.err.find("pipelines/dbt.yml:4:22: dbt test does not take full_refresh"), std::string::npos)
      << check.err;
}

// A run's dbt works on the dbt project that the run began with, however often it was changed and run since.
TEST(DbtVersions, ARetryWithTheOldCodeIsTheOldProject) {
  const StationProject project{"warehouse"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  project.write("dbt/models/word.sql", "{{ config(materialized='table') }} select {{ word() }} as word\n");
  project.write("dbt/macros/word.sql", "{% macro word() %}'old'{% endmacro %}\n");
  // It fails whatever the word is, so that the run can be retried.
  project.write("dbt/tests/no_word.sql", "select * from {{ ref('word') }}\n");
  ASSERT_EQ(project.dbt({"select=word no_word later"}).exit_code, 1);
  const auto run = project.last_run().value("run", "");
  EXPECT_EQ(project.query("warehouse", "select word from word"), "old\n");

  project.edit("dbt/macros/word.sql", "'old'", "'new'");
  project.write("dbt/models/later.sql", "{{ config(materialized='table') }} select 1 as n\n");
  const auto retry = [&](const std::string& code) {
    const auto retried = project.run({"retry", run, "--code", code, "--json"});
    EXPECT_EQ(retried.exit_code, 1) << retried.out << retried.err;
    return parts(retried);
  };
  using Parts = std::map<std::string, std::string>;
  EXPECT_EQ(retry("current"), (Parts{{"word", "succeeded 1"}, {"no_word", "failed 0"}, {"later", "succeeded 1"}}));
  EXPECT_EQ(project.query("warehouse", "select word from word"), "new\n");
  EXPECT_EQ(retry("old"), (Parts{{"word", "succeeded 1"}, {"no_word", "failed 0"}}));
  EXPECT_EQ(project.query("warehouse", "select word from word"), "old\n");
  // What dbt has parsed of the one is not taken for the other.
  EXPECT_EQ(retry("current").size(), 3u);
  EXPECT_EQ(project.query("warehouse", "select word from word"), "new\n");
  EXPECT_FALSE(fs::exists(project.folder() / ".weir" / "views" / run));
}

TEST(DbtCancel, StopsTheQueryToo) {
  const StationProject project{"warehouse"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  project.write("dbt/models/slow.sql",
                "{{ config(materialized='table') }} select sum(sleepEachRow(1)) as n from numbers(600) settings "
                "max_block_size = 1\n");
  auto started = project.start_until(
      {"run", "dbt", "--json", "--param", "command=run", "--param", "select=slow"},
      [](const Json& line) { return line.value("message", "").find("START sql table model") == std::string::npos; });
  started.process.signal(SIGTERM);
  const auto status = started.process.wait(std::chrono::seconds{60});
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 1);
  EXPECT_EQ(project.last_run()["state"], "cancelled");
  // The warehouse notices the closed connection and stops the query.
  std::string left = "?";
  for (int i = 0; i < 100 && left != "0\n"; ++i) {
    left = project.query("warehouse",
                         "select count() from system.processes where query like '%sleepEachRow(1)%' and query not like "
                         "'%system.processes%'");
  }
  EXPECT_EQ(left, "0\n");
}

}  // namespace
}  // namespace weir::testing
