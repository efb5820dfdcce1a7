#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "base/file.hpp"
#include "sales_oracle.hpp"
#include "weir_program.hpp"

// Each process of a run is killed while a task works; the next start must bring the run to its end with no row lost or
// doubled. The steps inside one commit are killed one by one in pump_crash_test.
namespace weir {
namespace {

using testing::TestProject;

bool is_running(const Json& event, std::string_view step) {
  return event.value("event", "") == "step" && event.value("step", "") == step && event.value("state", "") == "running";
}

void expect_whole(const TestProject& project, const std::string& run) {
  const auto totals = testing::sales_totals(project.folder() / "files" / run / "sales.csv");
  EXPECT_EQ(project.query("warehouse", "SELECT count() FROM raw_sales"), std::to_string(totals.generated) + "\n");
  EXPECT_EQ(project.query("shop", "SELECT count(*), (sum(sale_amount) * 100)::bigint FROM sales"),
            fmt::format("{},{}\n", totals.clean, totals.clean_cents));
  EXPECT_EQ(
      project.query("warehouse",
                    "SELECT region, sum(sales_count), sum(sales_amount) FROM sales_aggregates GROUP BY 1 ORDER BY 1"),
      totals.by_region);
}

// The pid of a managed service, from its status.
int service_pid(const TestProject& project, const std::string& name) {
  const auto status = parse_json(project.run({"services", "status", "--json"}).out);
  EXPECT_TRUE(status.ok());
  for (const auto& service : *status) {
    if (service["service"] == name) return service["pid"].get<int>();
  }
  return 0;
}

class KilledParent : public ::testing::TestWithParam<const char*> {};

TEST_P(KilledParent, IsResumedByTheNextStart) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  std::string run;
  auto started = project.start_until({"run", "sales", "--json", "-p", "rows=200000"}, [&](const Json& event) {
    if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
    return !is_running(event, GetParam());
  });
  started.process.signal(SIGKILL);
  EXPECT_EQ(started.process.wait().signal, SIGKILL);

  const auto resumed = project.run({"run", "sales", "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_NE(resumed.err.find(run + " of sales was cut off"), std::string::npos) << resumed.err;
  EXPECT_EQ(resumed.event("run_finished")["run"], run);
  expect_whole(project, run);
  const auto told = parse_json(project.run({"runs", run, "--json"}).out);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ((*told)["state"], "succeeded");
  std::set<std::string> lost;
  for (const auto& attempt : (*told)["attempts"]) {
    if (attempt["state"] == "lost") lost.insert(attempt["task"].get<std::string>());
  }
  EXPECT_TRUE(lost.contains(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(AtEachTask, KilledParent,
                         ::testing::Values("generate", "stage", "validate", "clean/clean_sales", "load", "publish"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (auto& letter : name)
                             letter = std::isalnum(static_cast<unsigned char>(letter)) ? letter : '_';
                           return name;
                         });

TEST(KilledService, TheRunGoesOnWhenTheWarehouseIsKilled) {
  const TestProject project{"sales"};
  project.edit("pipelines/sales.yml", "delay: 5s", "delay: 200ms");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto pid = service_pid(project, "warehouse");
  ASSERT_GT(pid, 0);
  std::string run;
  int exit_code = -1;
  auto started = project.start_until({"run", "sales", "--json", "-p", "rows=200000"}, [&](const Json& event) {
    if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
    if (is_running(event, "stage") && event["attempt"] == 1) ::kill(pid, SIGKILL);
    return true;
  });
  exit_code = started.process.wait().code;
  EXPECT_EQ(exit_code, 0) << project.run({"runs", run}).out << project.run({"logs", run}).out;
  expect_whole(project, run);
}

TEST(KilledService, TheRunGoesOnWhenPostgresIsKilled) {
  const TestProject project{"sales"};
  project.edit("pipelines/sales.yml", "delay: 5s", "delay: 200ms");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto pid = service_pid(project, "shop");
  ASSERT_GT(pid, 0);
  std::string run;
  auto started = project.start_until({"run", "sales", "--json", "-p", "rows=200000"}, [&](const Json& event) {
    if (event.value("event", "") == "run_started") run = event["run"].get<std::string>();
    if (is_running(event, "load") && event["attempt"] == 1) ::kill(pid, SIGKILL);
    return true;
  });
  EXPECT_EQ(started.process.wait().code, 0) << project.run({"runs", run}).out << project.run({"logs", run}).out;
  expect_whole(project, run);
}

TEST(Cancel, OneInterruptEndsTheRunInOrder) {
  const TestProject project{"sales"};
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  std::string state;
  auto started = project.start_until({"run", "sales", "--json", "-p", "rows=5000000"},
                                     [&](const Json& event) { return !is_running(event, "stage"); });
  started.process.signal(SIGINT);
  EXPECT_EQ(started.process.wait().code, 1);
  const auto told = parse_json(project.run({"runs", "last", "--json"}).out);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ((*told)["state"], "cancelled");
  EXPECT_EQ(project.run({"query", "warehouse", "SELECT count() FROM raw_sales"}).exit_code,
            1);  // nothing was published
}

}  // namespace
}  // namespace weir
