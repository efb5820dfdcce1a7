#include <gtest/gtest.h>
#include <sqlite3.h>

#include "base/file.hpp"
#include "weir_program.hpp"

// Which of the runs' folders below files/ go: `files: {retention: …}` of weir.yml.
namespace weir {
namespace {

using testing::TestProject;

class Retention : public ::testing::Test {
 protected:
  Retention() {
    project_.write("weir.yml", "name: kept\nfiles: {retention: 30d}\n");
    project_.write(
        "pipelines/make.yml",
        "name: make\nparams: {outcome: 0}\ntasks:\n  make: {command: \"mkdir -p files/{{ run.id }}/deep && echo "
        "x > files/{{ run.id }}/deep/a.txt && exit {{ params.outcome }}\"}\n");
  }

  std::string run(int outcome = 0) {
    const auto result = project_.run({"run", "make", "--json", "-p", fmt::format("outcome={}", outcome)});
    EXPECT_EQ(result.exit_code, outcome == 0 ? 0 : 1) << result.out << result.err;
    return result.event("run_finished")["run"].get<std::string>();
  }
  // Days ago, as the ledger has it.
  void age(const std::string& run, double days) {
    sqlite3* ledger = nullptr;
    ASSERT_EQ(sqlite3_open((project_.folder() / ".weir" / "ledger.sqlite3").c_str(), &ledger), SQLITE_OK);
    const auto sql = fmt::format("UPDATE runs SET finished_at_us = finished_at_us - {} WHERE id = '{}'",
                                 static_cast<std::int64_t>(days * 86'400e6), run);
    EXPECT_EQ(sqlite3_exec(ledger, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(ledger);
    EXPECT_EQ(sqlite3_changes(ledger), 1);
    sqlite3_close(ledger);
  }
  bool has_files(const std::string& run) const {
    return std::filesystem::exists(project_.folder() / "files" / run / "deep" / "a.txt");
  }

  TestProject project_;
};

TEST_F(Retention, OldRunsLoseTheirFilesAndNothingElse) {
  const auto old = run();
  const auto old_failure = run(1);
  const auto recent = run();
  age(old, 31);
  age(old_failure, 30.01);
  age(recent, 29.9);
  // What no run of the ledger owns is somebody's own.
  for (const auto* path : {"files/mine/a.txt", "files/20200101-000000-abcd/a.txt", "files/a.txt"})
    project_.write(path, "mine");
  const auto last = run();
  EXPECT_FALSE(std::filesystem::exists(project_.folder() / "files" / old));
  EXPECT_FALSE(std::filesystem::exists(project_.folder() / "files" / old_failure));
  EXPECT_TRUE(has_files(recent));
  EXPECT_TRUE(has_files(last));
  for (const auto* path : {"files/mine/a.txt", "files/20200101-000000-abcd/a.txt", "files/a.txt"})
    EXPECT_EQ(read_file(project_.folder() / path).value(), "mine") << path;
  // The run is still told of.
  const auto told = parse_json(project_.run({"runs", old, "--json"}).out);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ((*told)["state"], "succeeded");

  // Serving prunes too, before it says that it serves.
  age(recent, 1);
  auto serving = project_.start_until({"serve", "--json", "--port", "0"},
                                      [](const Json& line) { return line.value("event", "") != "serving"; });
  EXPECT_FALSE(has_files(recent));
  serving.process.signal(SIGTERM);
  EXPECT_EQ(serving.process.wait().code, 0);
  EXPECT_TRUE(has_files(last));
}

TEST_F(Retention, WithoutOneEverythingStays) {
  project_.write("weir.yml", "name: kept\n");
  const auto old = run();
  age(old, 10'000);
  run();
  EXPECT_TRUE(has_files(old));
}

}  // namespace
}  // namespace weir
