#include <gtest/gtest.h>

#include <csignal>

#include "base/file.hpp"
#include "weir_program.hpp"

// `weir retry --from`: what the run has done of a task is done again, and the new rows take the place of its old ones.
namespace weir {
namespace {

using testing::TestProject;

class Redo : public ::testing::Test {
 protected:
  void SetUp() override {
    project_.write("weir.yml",
                   "name: redo\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n"
                   "  shop: {type: postgres, managed: true}\n");
    write_rows({"1,one", "2,two", "3,three"});
    write_pipeline(kFails);
    ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
  }

  void write_rows(const std::vector<std::string>& rows) const {
    project_.write("in.csv", fmt::format("id,word\n{}\n", fmt::join(rows, "\n")));
  }
  void write_pipeline(std::string_view last) const {
    project_.write("pipelines/p.yml", fmt::format(R"(name: p
tasks:
  shop:    {{copy: {{from: in.csv, to: shop.words, mode: append, add: {{run_id: "{{{{ run.id }}}}"}}}}}}
  house:   {{needs: [shop], copy: {{from: in.csv, to: {{object: warehouse.words, options: {{order_by: [id]}}}}, mode: append, add: {{run_id: "{{{{ run.id }}}}"}}}}}}
  swapped: {{needs: [house], copy: {{from: in.csv, to: warehouse.swapped, mode: replace}}}}
  merged:  {{needs: [swapped], copy: {{from: in.csv, to: shop.merged, mode: merge, key: id}}}}
  items:   {{needs: [merged], for_each: [1, 2], copy: {{from: in.csv, to: "shop.item_{{{{ item }}}}", mode: append, add: {{run_id: "{{{{ run.id }}}}"}}}}}}
  unmarked: {{needs: [items], copy: {{from: in.csv, to: shop.unmarked, mode: append}}}}
  last:    {{needs: [unmarked], command: "{}"}}
)",
                                                  last));
  }
  std::string failed_run() const {
    const auto run = project_.run({"run", "p", "--json", "--new"});
    EXPECT_EQ(run.exit_code, 1) << run.out << run.err;
    EXPECT_EQ(run.event("step", "unmarked")["state"], "succeeded") << run.out;
    return run.event("run_finished")["run"].get<std::string>();
  }
  std::string rows(const std::string& connection, const std::string& table, const std::string& run) const {
    return project_.query(connection,
                          fmt::format("SELECT id, word FROM {} WHERE run_id = '{}' ORDER BY id", table, run));
  }

  static constexpr std::string_view kFails = "exit 1";
  static constexpr std::string_view kOld = "1,one\n2,two\n3,three\n";
  static constexpr std::string_view kNew = "1,uno\n3,three\n4,four\n5,five\n";
  TestProject project_;
};

TEST_F(Redo, NewRowsTakeThePlaceOfTheRunsOld) {
  const auto other = failed_run();
  const auto run = failed_run();
  write_rows({"1,uno", "3,three", "4,four", "5,five"});
  // Appended rows without a run's name cannot be told apart: the task says so and changes nothing; all before it is done.
  const auto again = project_.run({"retry", run, "--from", "shop", "--json"});
  EXPECT_EQ(again.exit_code, 1) << again.out;
  const auto refused = again.event("step", "unmarked");
  EXPECT_EQ(refused["error"]["code"], "unsupported") << refused;
  EXPECT_EQ(project_.query("shop", "SELECT count(*) FROM unmarked"), "6\n");
  for (const auto& [connection, table] :
       {std::pair{"shop", "words"}, {"warehouse", "words"}, {"shop", "item_1"}, {"shop", "item_2"}}) {
    EXPECT_EQ(rows(connection, table, run), kNew) << connection << "." << table;
    EXPECT_EQ(rows(connection, table, other), kOld) << connection << "." << table;
  }
  EXPECT_EQ(project_.query("warehouse", "SELECT id, word FROM swapped ORDER BY id"), kNew);
  // A merge keeps what the source has no longer.
  EXPECT_EQ(project_.query("shop", "SELECT id, word FROM merged ORDER BY id"),
            "1,uno\n2,two\n3,three\n4,four\n5,five\n");

  // What was done again stays done; what was asked for stays asked for.
  project_.edit("pipelines/p.yml", "shop.unmarked, mode: append", "shop.unmarked, mode: replace");
  project_.edit("pipelines/p.yml", "command: \"exit 1\"", "command: \"exit 0\"");
  const auto finished = project_.run({"retry", run, "--json"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_TRUE(finished.event("step", "shop").is_null());
  EXPECT_TRUE(finished.event("step", "items").is_null());
  EXPECT_EQ(finished.event("step", "unmarked")["state"], "succeeded");
  EXPECT_EQ(project_.query("shop", "SELECT id, word FROM unmarked ORDER BY id"), kNew);
}

// The same rows make parts of the same hashes, by which ClickHouse's moves are known.
TEST_F(Redo, TheSameRowsAgainAreThereOnce) {
  const auto run = failed_run();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(project_.run({"retry", run, "--from", "shop"}).exit_code, 1);
    EXPECT_EQ(rows("shop", "words", run), kOld);
    EXPECT_EQ(rows("warehouse", "words", run), kOld);
  }
}

TEST_F(Redo, RowsThatOthersChangedAreNotTakenBack) {
  const auto run = failed_run();
  ASSERT_EQ(project_.run({"query", "shop", "DELETE FROM words WHERE word = 'one'"}).exit_code, 0);
  const auto again = project_.run({"retry", run, "--from", "shop", "--json"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_EQ(again.event("step", "shop")["error"]["code"], "check_failed") << again.out;
  EXPECT_EQ(rows("shop", "words", run), "2,two\n3,three\n");
  ASSERT_EQ(
      project_.run({"query", "warehouse", fmt::format("INSERT INTO words VALUES (9, 'nine', '{}')", run)}).exit_code,
      0);
  const auto more = project_.run({"retry", run, "--from", "house", "--json"});
  EXPECT_EQ(more.event("step", "shop")["error"]["code"], "check_failed") << more.out;  // is still asked for
  EXPECT_EQ(rows("warehouse", "words", run), fmt::format("{}9,nine\n", kOld));
}

TEST_F(Redo, GoesOnAfterAKill) {
  const auto run = failed_run();
  write_rows({"1,uno", "3,three", "4,four", "5,five"});
  project_.edit("pipelines/p.yml", "command: \"exit 1\"", "command: \"exit 0\"");
  project_.edit("pipelines/p.yml", "shop.unmarked, mode: append", "shop.unmarked, mode: replace");
  auto started = project_.start_until({"retry", run, "--from", "shop", "--json"}, [](const Json& event) {
    return event.value("step", "") != "house" || event.value("state", "") != "running";
  });
  started.process.signal(SIGKILL);
  EXPECT_EQ(started.process.wait().signal, SIGKILL);
  const auto resumed = project_.run({"retry", run, "--json"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_TRUE(resumed.event("step", "shop").is_null());  // it was done again before the kill
  EXPECT_EQ(rows("shop", "words", run), kNew);
  EXPECT_EQ(rows("warehouse", "words", run), kNew);
  EXPECT_EQ(project_.query("shop", "SELECT id, word FROM unmarked ORDER BY id"), kNew);
}

TEST_F(Redo, AnUnknownTaskIsNamed) {
  const auto run = failed_run();
  const auto unknown = project_.run({"retry", run, "--from", "shp"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("did you mean shop?"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace weir
