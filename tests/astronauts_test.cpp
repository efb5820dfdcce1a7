#include <gtest/gtest.h>

#include "base/file.hpp"
#include "sqlite_oracle.hpp"
#include "weir_program.hpp"

// The astronauts example, whole: the real binary and the embedded ClickHouse. Recordings from before and after a crew change
// answer; SQLite says who is in space.
namespace weir {
namespace {

using testing::ProgramResult;
using testing::TestProject;

constexpr auto kPerCraft = "SELECT craft, people, replace(names, ', ', ';') FROM people_per_craft ORDER BY craft";
constexpr auto kSummary = "SELECT people, crafts, largest_craft, largest_crew FROM people_summary";

void expect_marts(const TestProject& project, const std::string& recording) {
  testing::Sqlite sqlite;
  sqlite.load_recording(project.folder() / "recordings" / recording);
  sqlite.run(
      "CREATE TABLE people AS SELECT p.value ->> 'craft' AS craft, p.value ->> 'name' AS name "
      "FROM documents d, json_each(d.json, '$.people') p ORDER BY craft, name");
  EXPECT_EQ(project.query("warehouse", kPerCraft),
            sqlite.lines("SELECT craft, count(*), group_concat(name, ';') FROM people GROUP BY craft ORDER BY craft"));
  EXPECT_EQ(
      project.query("warehouse", kSummary),
      sqlite.lines("SELECT (SELECT count(*) FROM people), (SELECT count(DISTINCT craft) FROM people), craft, count(*) "
                   "FROM people GROUP BY craft ORDER BY count(*) DESC LIMIT 1"));
}

ProgramResult run(const TestProject& project, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"run", "astronauts", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return project.run(arguments);
}

TEST(Astronauts, WhoLeftTheStationDisappearsFromTheMarts) {
  const TestProject project{"astronauts"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto first = run(project);
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  expect_marts(project, "before");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM people FINAL"), "13\n");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM stg_people WHERE name = 'Loral O''Hara'"), "1\n");
  // The whole answer, as it came.
  const auto raw =
      project.query("warehouse",
                    "SELECT JSONExtractUInt(value, 'number'), JSONExtractString(value, 'message'), JSONLength(value) "
                    "FROM raw_data FINAL");
  EXPECT_EQ(raw, "13,success,3\n");

  // Again: the newest load replaces the last, nothing is doubled.
  const auto again = run(project);
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  expect_marts(project, "before");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM raw_data FINAL"), "1\n");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM people FINAL"), "13\n");

  const auto later = run(project, {"--env", "later"});
  ASSERT_EQ(later.exit_code, 0) << later.out << later.err;
  expect_marts(project, "after");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM stg_people WHERE name IN ('Loral O''Hara', 'Tang Hongbo')"),
            "0\n");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM raw_data FINAL"), "1\n");
  // The history knows them still.
  EXPECT_EQ(
      project.query("warehouse",
                    "SELECT count(), countIf(loaded_at < (SELECT max(loaded_at) FROM raw_data)) FROM people FINAL"),
      "16,6\n");
}

TEST(Astronauts, AnswersThatCannotBeTrueMakeNoMarts) {
  const TestProject project{"astronauts"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  ASSERT_EQ(run(project).exit_code, 0);
  for (const auto& entry : std::filesystem::directory_iterator(project.folder() / "recordings/after/bodies")) {
    auto text = read_file(entry.path()).value();
    const auto number = text.find("\"number\":10");
    ASSERT_NE(number, std::string::npos) << text;
    ASSERT_TRUE(write_file(entry.path(), text.replace(number, 11, "\"number\":99")).ok());
  }
  const auto wrong = run(project, {"--env", "later"});
  EXPECT_EQ(wrong.exit_code, 1);
  const auto error = wrong.event("step", "validate")["error"];
  EXPECT_EQ(error["code"], "check_failed") << error;
  EXPECT_NE(error["message"].get<std::string>().find("number_is_that_of_the_people"), std::string::npos) << error;
  expect_marts(project, "before");
}

TEST(Astronauts, AnApiThatIsDownIsTriedAgainAndChangesNothing) {
  const TestProject project{"astronauts"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  ASSERT_EQ(run(project).exit_code, 0);
  // Nothing listens on port 1 of the loopback.
  project.edit("weir.yml", "{replay: null}",
               "{replay: null, url: \"http://127.0.0.1:1\", retry: {attempts: 3, delay: 10ms}}");
  project.edit("pipelines/astronauts.yml", "retry: {attempts: 3, delay: 10s,", "retry: {attempts: 2, delay: 10ms,");
  const auto down = run(project, {"--env", "live"});
  EXPECT_EQ(down.exit_code, 3);
  EXPECT_EQ(down.event("step", "extract")["state"], "failed") << down.out;
  const auto log = project.run({"logs", "last", "extract"}).out;
  EXPECT_NE(log.find("before try 2 of 3"), std::string::npos) << log;
  expect_marts(project, "before");
}

}  // namespace
}  // namespace weir
