#include <gtest/gtest.h>

#include <csignal>

#include "base/file.hpp"
#include "spacex_oracle.hpp"
#include "weir_program.hpp"

// The spacex example, whole: the real binary, two managed PostgreSQL servers with logical replication between them, the embedded
// ClickHouse that reads the second. The API's recording answers; SQLite says what the marts must be.
namespace weir {
namespace {

using testing::ProgramResult;
using testing::TestProject;

// Every table of load: the connection's schema holds nothing else.
constexpr auto kCounts =
    "SELECT (SELECT count(*) FROM launches), (SELECT count(*) FROM launches_cores), (SELECT count(*) FROM payloads), "
    "(SELECT count(*) FROM ships_roles), (SELECT count(*) FROM starlink), (SELECT count(*) FROM history)";

void expect_marts(const TestProject& project) {
  for (const auto& mart : testing::spacex_marts(project.folder() / "recordings")) {
    EXPECT_NE(mart.rows, "") << mart.name;
    EXPECT_EQ(project.query("warehouse", mart.query), mart.rows) << mart.name;
  }
}

ProgramResult succeed(const TestProject& project, const std::vector<std::string>& arguments) {
  auto result = project.run(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result;
}

TEST(Spacex, MartsAreWhatPlainSqlSaysOfTheRecording) {
  const TestProject project{"spacex"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);

  const auto load = succeed(project, {"run", "load", "--json"});
  EXPECT_EQ(load.event("step", "launches")["rows_written"], 207);
  EXPECT_EQ(load.event("step", "starlink")["rows_written"], 3391);
  EXPECT_NE(project.run({"logs", "last", "launches"}).out.find("REPLAY"), std::string::npos);
  const auto counts = project.query("publisher", kCounts);
  EXPECT_EQ(counts, "207,219,224,38,3391,17\n");
  EXPECT_EQ(project.query("subscriber", kCounts), counts);
  EXPECT_EQ(project.query("warehouse", "SELECT count(), countIf(upcoming) FROM spacex.launches"), "207,20\n");

  // The marts come from a subscriber that was stopped and is somewhere else now.
  ASSERT_EQ(project.run({"services", "down"}).exit_code, 0);
  succeed(project, {"run", "create_data_marts", "--json"});
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  expect_marts(project);

  // Once more: nothing is doubled, and what the API has changed replaces what was there.
  for (const auto* sql : {"UPDATE launches SET success = false", "DELETE FROM cores WHERE serial = 'B1058'"}) {
    ASSERT_EQ(project.run({"query", "publisher", sql}).exit_code, 0);
  }
  succeed(project, {"run", "load", "--json"});
  EXPECT_EQ(project.query("subscriber", kCounts), counts);
  succeed(project, {"run", "create_data_marts", "--json"});
  expect_marts(project);
}

// Who serves the project need not start the marts: they come after the load, by themselves.
TEST(Spacex, MartsFollowTheLoadAndSurviveAKilledWarehouse) {
  const TestProject project{"spacex"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  auto serving = project.start_until({"serve", "--json", "--port", "0", "--no-schedules"},
                                     [](const Json& event) { return event.value("event", "") != "serving"; });
  succeed(project, {"run", "load", "--json"});
  const auto last = [&] {
    const auto runs = project.run({"runs", "--pipeline", "create_data_marts", "--json"});
    const auto all = parse_json(runs.out).value();
    return all.empty() ? std::string{} : all.front().value("state", "");
  };
  std::string state;
  while (state != "succeeded" && state != "failed") state = last();
  EXPECT_EQ(state, "succeeded");
  expect_marts(project);
  serving.process.signal(SIGTERM);
  EXPECT_EQ(serving.process.wait().code, 0);

  // Killed while it builds them: the attempt fails, the next one makes them whole.
  bool is_killed = false;
  auto killed = project.start_until({"run", "create_data_marts", "--json"}, [&](const Json& event) {
    if (is_killed || event.value("step", "").find("marts/") == std::string::npos) return true;
    const auto record = parse_json(read_file(project.folder() / ".weir/services/warehouse.json").value()).value();
    EXPECT_EQ(::kill(record.at("process").at("pid").get<pid_t>(), SIGKILL), 0);
    return is_killed = true;
  });
  EXPECT_TRUE(is_killed);
  killed.process.wait();
  succeed(project, {"run", "create_data_marts", "--json"});
  expect_marts(project);
}

TEST(Spacex, MartsAreNotMadeFromNothing) {
  const TestProject project{"spacex"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "create_data_marts", "--json"});
  EXPECT_EQ(run.exit_code, 1) << run.out;
  EXPECT_TRUE(run.event("step", "marts/launches_by_year").is_null() ||
              run.event("step", "marts/launches_by_year")["state"] == "skipped")
      << run.out;
}

}  // namespace
}  // namespace weir
