#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "sales_oracle.hpp"
#include "slowness.hpp"
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

// A task that is told to stop and does not: its shell writes to a pipe with a name who it is, then each signal that comes. A
// signal that comes just before a shell waits for a program is heard after that, so it waits for short ones.
class Stubborn : public ::testing::Test {
 protected:
  Stubborn() {
    project_.write("weir.yml", "name: stubborn\n");
    const auto path = project_.folder() / "told";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    // Its writing end is held too, so that it has no end.
    told_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(told_);
  }
  void write_pipeline(const std::string& settings) const {
    project_.write(
        "pipelines/work.yml",
        "name: work\ntasks:\n  stubborn:\n    command: \"trap 'echo asked > told' TERM; echo $$ > told; while "
        ":; do sleep 1; done\"\n" +
            settings + "  after: {needs: [stubborn], command: \"true\"}\n");
  }
  // Waits for the line that the shell says next.
  std::string told() const {
    pollfd waiting{told_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 60'000) != 1) return "nothing within a minute";
    std::string line;
    for (char letter = 0; letter != '\n' && ::read(told_.get(), &letter, 1) == 1;) line += letter;
    return line;
  }
  Json last_run() const { return *parse_json(project_.run({"runs", "last", "--json"}).out); }

  TestProject project_;
  Descriptor told_;
};

// Processes of a group that still run.
int alive_in_group(int group) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    if (std::isdigit(static_cast<unsigned char>(entry.path().filename().string()[0])) == 0) continue;
    const auto stat = read_file(entry.path() / "stat");
    if (!stat.ok()) continue;
    char state = 0;
    int parent = 0;
    int in_group = 0;
    const auto after_name = stat->substr(stat->rfind(')') + 1);
    if (std::sscanf(after_name.c_str(), " %c %d %d", &state, &parent, &in_group) == 3 && in_group == group)
      count += state != 'Z' && state != 'X' ? 1 : 0;
  }
  return count;
}

TEST_F(Stubborn, TheSecondInterruptEndsTheRunNow) {
  write_pipeline("");
  auto started =
      project_.start_until({"run", "work", "--json"}, [](const Json& event) { return !is_running(event, "stubborn"); });
  const auto group = std::atoi(told().c_str());
  EXPECT_GE(alive_in_group(group), 1);
  const auto begin = std::chrono::steady_clock::now();
  started.process.signal(SIGINT);
  EXPECT_EQ(told(), "asked\n");
  // Tasks are asked before that is on disk.
  while (last_run()["state"] == "running") std::this_thread::yield();
  EXPECT_EQ(last_run()["state"], "cancelling");
  started.process.signal(SIGINT);
  EXPECT_EQ(started.process.wait().code, 1);
  // One interrupt alone leaves a task five seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
  EXPECT_EQ(alive_in_group(group), 0);
  const auto run = last_run();
  EXPECT_EQ(run["state"], "cancelled");
  for (const auto& attempt : run["attempts"]) EXPECT_EQ(attempt["state"], "cancelled") << attempt;
  // The next run finds nothing that was cut off.
  project_.write("pipelines/work.yml", "name: work\ntasks:\n  stubborn: {command: \"true\"}\n");
  const auto next = project_.run({"run", "work", "--json"});
  EXPECT_EQ(next.exit_code, 0) << next.out;
  EXPECT_EQ(next.err, "");
}

TEST_F(Stubborn, ATimeoutTerminatesAndThenKills) {
  constexpr std::chrono::milliseconds kTimeout{300 * testing::kSlowness};  // it has begun by then
  write_pipeline(fmt::format("    timeout: {}ms\n", kTimeout.count()));
  auto started =
      project_.start_until({"run", "work", "--json"}, [](const Json& event) { return !is_running(event, "stubborn"); });
  const auto group = std::atoi(told().c_str());
  EXPECT_EQ(told(), "asked\n");
  EXPECT_EQ(started.process.wait().code, 1);
  EXPECT_EQ(alive_in_group(group), 0);
  const auto run = last_run();
  EXPECT_EQ(run["state"], "failed");
  for (const auto& attempt : run["attempts"]) {
    if (attempt["task"] == "after") {
      EXPECT_EQ(attempt["state"], "skipped") << attempt;
      continue;
    }
    EXPECT_EQ(attempt["state"], "failed") << attempt;
    EXPECT_EQ(attempt["error"]["code"], "timed_out") << attempt;
    EXPECT_EQ(attempt["error"]["message"], "the task ran longer than its timeout: " + format_duration(kTimeout))
        << attempt;
    // Asked after its timeout, killed five seconds later.
    EXPECT_GE(attempt["seconds"].get<double>(), std::chrono::duration<double>(kTimeout).count() + 5) << attempt;
  }
}

// The process that works on a task of this run: forked from one that is loaded, and named like it.
pid_t task_process(pid_t run) {
  std::map<pid_t, pid_t> parents;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto command = read_file(entry.path() / "cmdline");
    const auto stat = read_file(entry.path() / "stat");
    if (!command.ok() || !stat.ok() || command->find(std::string{"task\0--serve", 12}) == std::string::npos) continue;
    parents[pid] = std::atoi(stat->c_str() + stat->rfind(')') + 4);
  }
  for (const auto& [pid, parent] : parents) {
    const auto server = parents.find(parent);
    if (server != parents.end() && server->second == run) return pid;
  }
  return 0;
}

class KilledTask : public ::testing::TestWithParam<const char*> {};

TEST_P(KilledTask, FailsItsAttemptAndTheNextLosesAndDoublesNothing) {
  const TestProject project;
  project.write("weir.yml",
                "name: killed\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n  shop: {type: postgres, "
                "managed: true}\n");
  project.write(
      "pipelines/work.yml",
      fmt::format("name: work\nretry: {{attempts: 2, delay: 10ms}}\ntasks:\n  load: {{copy: {{from: {{object: "
                  "warehouse.n, query: \"SELECT toInt64(number) AS n FROM numbers(4000000)\"}}, to: {}.n, "
                  "mode: append}}}}\n",
                  GetParam()));
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  ASSERT_EQ(project
                .run({"query", GetParam(),
                      GetParam() == std::string{"shop"} ? "CREATE TABLE n (n bigint NOT NULL)"
                                                        : "CREATE TABLE n (n Int64) ENGINE = MergeTree ORDER BY n"})
                .exit_code,
            0);
  ASSERT_EQ(project.run({"query", GetParam(), "INSERT INTO n VALUES (-5)"}).exit_code, 0);
  auto started = project.start_until({"run", "work", "--json"}, [](const Json& event) {
    return event.value("event", "") != "progress" || event.value("rows_written", 0) == 0;
  });
  const auto task = task_process(started.process.pid());
  ASSERT_GT(task, 0);
  ::kill(task, SIGKILL);
  EXPECT_EQ(started.process.wait().code, 0);
  EXPECT_EQ(project.query(GetParam(), "SELECT count(*), sum(n) FROM n"), "4000001,7999997999995\n");
  const auto run = parse_json(project.run({"runs", "last", "--json"}).out);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ((*run)["state"], "succeeded");
  ASSERT_EQ((*run)["attempts"].size(), 2U);
  const auto& first = (*run)["attempts"][0];
  EXPECT_EQ(first["state"], "failed");
  EXPECT_EQ(first["error"]["message"], "the task's process ended without a word: killed by signal 9 (Killed)");
  const auto& second = (*run)["attempts"][1];
  EXPECT_EQ(second["state"], "succeeded");
  EXPECT_EQ(second["rows_written"], 4'000'000);
}

INSTANTIATE_TEST_SUITE_P(LoadingInto, KilledTask, ::testing::Values("shop", "warehouse"),
                         [](const auto& test) { return std::string{test.param}; });

}  // namespace
}  // namespace weir
