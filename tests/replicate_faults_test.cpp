#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "replication_project.hpp"

// Each process that takes part in a replication is killed while rows are under way. The same task, run again, must bring
// every row over, once.
namespace weir {
namespace {

using testing::ReplicationProject;

constexpr auto kRows = 200'000;
constexpr auto kBatch = 20'000;  // rows of a transaction

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

  // Kills a server under the run, and starts it again once the run has ended.
  static void kill_server(const std::string& server, testing::TestProject::Started& run) {
    ::kill(space().pid_of(server), SIGKILL);
    run.process.wait();
    space().ensure(server);
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
  kill_server("publisher", started);
  expect_whole("killed_source");
}

TEST_F(ReplicateFaults, TheSubscriberIsKilledWhileItCopies) {
  prepare("killed_target");
  auto started = run_until_copying("killed_target");
  kill_server("subscriber", started);
  expect_whole("killed_target");
}

TEST_F(ReplicateFaults, ChangesWaitForASubscriberThatIsDown) {
  prepare("waiting");
  expect_whole("waiting");
  ASSERT_TRUE(space().supervisor().stop("subscriber").ok());
  space().execute("publisher",
                  "UPDATE waiting SET v = repeat('y', 100) WHERE id <= 1000; DELETE FROM waiting WHERE id > 199000; "
                  "INSERT INTO waiting SELECT n, repeat('z', 100) FROM generate_series(199001, 200000) n");
  space().ensure("subscriber");
  expect_whole("waiting");
  EXPECT_EQ(space().rows("subscriber", "SELECT left(v, 1), count(*) FROM waiting GROUP BY 1 ORDER BY 1"),
            "x|198000 y|1000 z|1000");
}

// Who is killed while 200,000 changed rows, in ten transactions, stream to the subscriber.
class ReplicateStream : public ReplicateFaults {
 protected:
  // A replication that stands, and changes of all rows that its subscriber has not had.
  static void prepare_changes(const std::string& name) {
    prepare(name);
    expect_whole(name);
    space().execute("subscriber", fmt::format("ALTER SUBSCRIPTION {} DISABLE", name));
    for (int first = 1; first < kRows; first += kBatch) {
      space().execute("publisher", fmt::format("UPDATE {} SET v = repeat('y', 99) || 'z' WHERE id BETWEEN {} AND {}",
                                               name, first, first + kBatch - 1));
    }
  }

  // Runs the pipeline, which lets the changes flow, and returns when some of them have arrived and others have not.
  static testing::TestProject::Started run_until_streaming(const std::string& name) {
    auto started = space().project().start_until({"run", name, "--json"}, [](const Json&) { return false; });
    std::string arrived;
    while (arrived != "y|x" && arrived != "y|y") {
      arrived =
          space().rows("subscriber", fmt::format("SELECT (SELECT left(v, 1) FROM {0} WHERE id = 1), (SELECT left(v, 1) "
                                                 "FROM {0} WHERE id = {1})",
                                                 name, kRows));
    }
    EXPECT_EQ(arrived, "y|x") << "all has arrived before anybody was killed";
    return started;
  }

  static void expect_changed(const std::string& name) {
    expect_whole(name);
    EXPECT_EQ(space().rows("subscriber", fmt::format("SELECT count(*) FROM {} WHERE v = repeat('y', 99) || 'z'", name)),
              std::to_string(kRows));
  }
};

TEST_F(ReplicateStream, ThePublisherIsKilled) {
  prepare_changes("stream_source");
  auto started = run_until_streaming("stream_source");
  kill_server("publisher", started);
  expect_changed("stream_source");
}

TEST_F(ReplicateStream, TheSubscriberIsKilled) {
  prepare_changes("stream_target");
  auto started = run_until_streaming("stream_target");
  kill_server("subscriber", started);
  expect_changed("stream_target");
}

TEST_F(ReplicateStream, WeirItselfIsKilled) {
  prepare_changes("stream_weir");
  auto started = run_until_streaming("stream_weir");
  started.process.signal(SIGKILL);
  started.process.wait();
  expect_changed("stream_weir");
}

TEST_F(ReplicateFaults, TheWarehouseIsKilledWhileItReadsTheSubscriber) {
  prepare("mirrored");
  expect_whole("mirrored");
  space().project().write("pipelines/mirror.yml",
                          "name: mirror\nretry: {attempts: 5, delay: 200ms}\ntasks:\n  replicate:\n    replicate: "
                          "{from: subscriber, to: warehouse, name: mirror, tables: mirrored, into: mirror}\n");
  auto started = space().project().start_until({"run", "mirror", "--json"}, [](const Json& event) {
    return event.value("message", std::string{}).find("made table mirror.mirrored") == std::string::npos;
  });
  ::kill(space().pid_of("warehouse"), SIGKILL);
  started.process.wait();
  space().ensure("warehouse");
  const auto result = space().run("mirror");
  EXPECT_EQ(result.exit_code, 0) << ReplicationProject::error(result) << result.err;
  EXPECT_EQ(ReplicationProject::output(result)["rows"], kRows);
  EXPECT_EQ(space().rows("warehouse", "SELECT count(), uniqExact(id), sum(length(v)) FROM mirror.mirrored"),
            fmt::format("{0}|{0}|{1}", kRows, kRows * 100));
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
