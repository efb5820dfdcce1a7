// The marts of the API examples, built by Weir and by a real dbt (made by run.sh): the same tables with the same rows.
#include <gtest/gtest.h>

#include <cstdlib>

#include "weir_program.hpp"

namespace weir::testing {
namespace {

// Every table and view in the database of the models, with its columns' types and its rows.
std::string relations(const TestProject& project, const std::string& where) {
  std::string text;
  const auto names = project.query(
      "warehouse", "SELECT name FROM system.tables WHERE database = 'default' AND " + where + " ORDER BY name");
  std::size_t begin = 0;
  for (auto end = names.find('\n'); end != std::string::npos; begin = end + 1, end = names.find('\n', begin)) {
    const auto name = names.substr(begin, end - begin);
    text +=
        name + "\n" +
        project.query(
            "warehouse",
            fmt::format(
                "SELECT name, type FROM system.columns WHERE database = 'default' AND table = '{}' ORDER BY position",
                name));
    text += project.query("warehouse", fmt::format("SELECT * FROM {} ORDER BY ALL", name));
  }
  return text;
}

void expect_dbt_builds_the_same(const TestProject& project, const std::string& pipeline, const std::string& marts) {
  const auto by_weir = relations(project, marts);
  EXPECT_NE(by_weir, "");
  const auto names = project.query(
      "warehouse", "SELECT concat('DROP TABLE ', name) FROM system.tables WHERE database = 'default' AND " + marts);
  std::size_t begin = 0;
  for (auto end = names.find('\n'); end != std::string::npos; begin = end + 1, end = names.find('\n', begin)) {
    ASSERT_EQ(project.run({"query", "warehouse", names.substr(begin, end - begin)}).exit_code, 0);
  }
  const auto run = project.run({"run", pipeline, "--json", "-p", fmt::format("venv={}", std::getenv("WEIR_DBT_VENV"))});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(relations(project, marts), by_weir);
}

TEST(ExamplesByDbt, Astronauts) {
  const TestProject project{"astronauts"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "astronauts", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  expect_dbt_builds_the_same(project, "marts_by_dbt",
                             "name IN ('people_per_craft', 'people_summary', 'stg_people', 'stg_answer')");
}

TEST(ExamplesByDbt, Spacex) {
  const TestProject project{"spacex"};
  project.write("pipelines/marts_by_dbt.yml",
                "name: marts_by_dbt\nparams: {venv: .venv}\ntasks:\n  marts: {dbt: {command: build, venv: \"{{ "
                "params.venv }}\"}}\n");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  for (const auto* pipeline : {"load", "create_data_marts"}) {
    const auto run = project.run({"run", pipeline, "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  expect_dbt_builds_the_same(project, "marts_by_dbt", "NOT startsWith(name, '_') AND NOT startsWith(name, '.')");
}

}  // namespace
}  // namespace weir::testing
