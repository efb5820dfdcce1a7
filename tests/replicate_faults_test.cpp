#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "replication_project.hpp"

// Each process that takes part in a replication is killed while rows are under way. The same task, run again, must bring
// every row over, once.
namespace weir {
namespace {

using testing::ReplicationProject;

constexpr auto kRows = 150'000;

class ReplicateFaults : public ::testing::Test {
 protected:
  static ReplicationProject& space() { return ReplicationProject::instance(); }

  // A table with rows enough that its first copy and later changes take a while, and a pipeline that tries three times.
  static void prepare(const std::string& name) {
    space().execute(
        "publisher",
        fmt::format("CREATE TABLE {} (id int PRIMARY KEY, v text); INSERT INTO {} SELECT n, repeat('x', 100) "
                    "FROM generate_series(1, {}) n",
                    name, name, kRows));
    space().project().write(
        "pipelines/" + name + ".yml",
        fmt::format("name: {0}\nretry: {{attempts: 5, delay: 200ms}}\ntasks:\n  replicate:\n    replicate: "
                    "{{from: publisher, to: subscriber, name: {0}, tables: {0}}}\n",
                    name));
  }

  // Runs the pipeline and calls the function once the replication has been set up, while the rows are under way.
  static testing::TestProject::Started run_until_copying(const std::string& name) {
    return space().project().start_until({"run", name, "--json"}, [&](const Json& event) {
      return event.value("message", std::string{}).find("made subscription") == std::string::npos;
    });
  }

  static void expect_whole(const std::string& name) {
    const auto result = space().run(name);
    EXPECT_EQ(result.exit_code, 0) << ReplicationProject::error(result) << result.err;
    EXPECT_EQ(ReplicationProject::output(result)["rows"], kRows);
    EXPECT_EQ(
        space().rows("subscriber", fmt::format("SELECT count(*), count(DISTINCT id), sum(length(v)) FROM {}", name)),
        fmt::format("{0}|{0}|{1}", kRows, kRows * 100));
  }
};

TEST_F(ReplicateFaults, WeirItselfIsKilledAtEachOfItsSteps) {
  prepare("killed_weir");
  // What the task says it has done, one after the other: it is killed at each of them.
  for (const auto* step :
       {"made role", "made table", "made publication", "made replication slot", "made subscription"}) {
    auto started = space().project().start_until({"run", "killed_weir", "--json"}, [&](const Json& event) {
      return event.value("message", std::string{}).find(step) == std::string::npos;
    });
    started.process.signal(SIGKILL);
    started.process.wait();
  }
  expect_whole("killed_weir");
}

TEST_F(ReplicateFaults, ThePublisherIsKilledWhileItIsCopiedFrom) {
  prepare("killed_source");
  auto started = run_until_copying("killed_source");
  ::kill(space().pid_of("publisher"), SIGKILL);
  started.process.wait();
  space().ensure("publisher");
  expect_whole("killed_source");
}

TEST_F(ReplicateFaults, TheSubscriberIsKilledWhileItCopies) {
  prepare("killed_target");
  auto started = run_until_copying("killed_target");
  ::kill(space().pid_of("subscriber"), SIGKILL);
  started.process.wait();
  space().ensure("subscriber");
  expect_whole("killed_target");
}

TEST_F(ReplicateFaults, ChangesWaitForASubscriberThatIsDown) {
  prepare("waiting");
  expect_whole("waiting");
  ASSERT_TRUE(space().supervisor().stop("subscriber").ok());
  space().execute("publisher",
                  "UPDATE waiting SET v = repeat('y', 100) WHERE id <= 1000; DELETE FROM waiting WHERE id > 149000; "
                  "INSERT INTO waiting SELECT n, repeat('z', 100) FROM generate_series(149001, 150000) n");
  space().ensure("subscriber");
  expect_whole("waiting");
  EXPECT_EQ(space().rows("subscriber", "SELECT left(v, 1), count(*) FROM waiting GROUP BY 1 ORDER BY 1"),
            "x|148000 y|1000 z|1000");
}

TEST_F(ReplicateFaults, AnOrderlyRestartOfThePublisherIsWaitedFor) {
  prepare("restarted");
  auto started = run_until_copying("restarted");
  ASSERT_TRUE(space().supervisor().stop("publisher").ok());
  space().ensure("publisher");
  started.process.wait();
  expect_whole("restarted");
}

}  // namespace
}  // namespace weir
