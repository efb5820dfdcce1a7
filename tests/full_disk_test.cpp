#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <functional>

#include "base/file.hpp"
#include "weir_program.hpp"

// A disk that fills up under Weir's state or its services: a small one of memory, with a file that takes what is left of it.
namespace weir {
namespace {

using testing::TestProject;

class FullDisk : public ::testing::Test {
 protected:
  // `folder` lies on the small disk.
  void set_up(const std::string& folder) {
    disk_ = project_.folder() / folder;
    ASSERT_TRUE(make_folder(disk_).ok());
    if (::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=400m,mode=0755") != 0)
      GTEST_SKIP() << "mounting a small disk needs root";
    is_mounted_ = true;
    project_.write("weir.yml",
                   "name: full\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n  shop: {type: postgres, "
                   "managed: true}\n");
    // 60 MB that no compression makes smaller.
    for (const auto* target : {"warehouse", "shop"}) {
      project_.write(fmt::format("pipelines/{}.yml", target),
                     fmt::format("name: {0}\ntasks:\n  load:\n    copy:\n      from: {{object: numbers.csv, options: "
                                 "{{types: infer}}}}\n      to: {0}.t\n      mode: replace\n",
                                 target));
    }
    project_.write("pipelines/nothing.yml", "name: nothing\ntasks:\n  nothing: {command: \"true\"}\n");
    ASSERT_EQ(project_.run({"services", "up"}).exit_code, 0);
    std::string csv = "n,text\n";
    std::uint64_t random = 88172645463325252;
    for (int n = 0; n < kRows; ++n) {
      csv += fmt::format("{},", n);
      for (int i = 0; i < 6; ++i) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        csv += fmt::format("{:016x}", random);
      }
      csv += '\n';
    }
    project_.write("numbers.csv", csv);
    for (const auto* target : {"warehouse", "shop"}) {
      project_.write("small.csv", "n,text\n7,old\n");
      project_.write("pipelines/small.yml",
                     fmt::format("name: small\ntasks:\n  load: {{copy: {{from: {{object: small.csv, options: {{types: "
                                 "infer}}}}, to: {}.t, mode: replace}}}}\n",
                                 target));
      ASSERT_EQ(project_.run({"run", "small"}).exit_code, 0);
    }
  }
  void TearDown() override {
    if (!is_mounted_) return;
    free();
    EXPECT_EQ(project_.run({"services", "down"}).exit_code, 0);
    EXPECT_EQ(::umount2(disk_.c_str(), MNT_DETACH), 0);
  }

  static constexpr int kRows = 600'000;
  std::filesystem::path filler() const { return disk_ / "filler"; }
  void fill(std::uint64_t bytes_left) const {
    const auto available = std::filesystem::space(disk_).available;
    ASSERT_GT(available, bytes_left);
    const Descriptor file{::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    ASSERT_EQ(::posix_fallocate(file.get(), 0, static_cast<off_t>(available - bytes_left)), 0);
  }
  void free() const { std::filesystem::remove(filler()); }
  Json last_run() const { return *parse_json(project_.run({"runs", "last", "--json"}).out); }

  // A load that the disk is too small for, and the same once there is room.
  // `says` judges the error.
  void expect_failure_then_success(const std::string& target, const std::function<bool(const Json&)>& says) {
    fill(20'000'000);
    const auto failed = project_.run({"run", target, "--json"});
    EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
    const auto error = failed.event("step", "load")["error"];
    EXPECT_TRUE(says(error)) << error;
    free();
    const auto told = last_run();
    EXPECT_EQ(told["pipeline"], target);
    EXPECT_EQ(told["state"], "failed");
    // A server that has ended is there again soon.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (project_.run({"query", target, "SELECT 1"}).exit_code == 3 && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(project_.query(target, "SELECT count(*), min(text) FROM t"), "1,old\n") << "readers see the old table";
    const auto again = project_.run({"run", target, "--json"});
    EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
    EXPECT_EQ(project_.query(target, "SELECT count(*), sum(n), count(DISTINCT text) FROM t"),
              "600000,179999700000,600000\n");
  }

  TestProject project_;
  std::filesystem::path disk_;
  bool is_mounted_ = false;
};

bool has(const Json& error, const char* key, std::string_view text) {
  return error.value(key, "").find(text) != std::string::npos;
}

TEST_F(FullDisk, TheWarehouseSaysSoAndKeepsTheOldTable) {
  set_up(".weir/services");
  if (!is_mounted_) return;
  expect_failure_then_success("warehouse", [](const Json& error) {
    return error["code"] == "resource_exhausted" && has(error, "message", "not enough space") &&
           has(error, "hint", "free memory or disk there");
  });
}

// A table that does not fit any more is told of. When its log does not fit, PostgreSQL ends, and nobody hears why.
TEST_F(FullDisk, PostgresqlKeepsTheOldTableAndTheErrorNamesTheDisk) {
  set_up(".weir/services");
  if (!is_mounted_) return;
  expect_failure_then_success("shop", [](const Json& error) {
    if (error["code"] == "resource_exhausted") return has(error, "message", "No space left on device");
    return error["code"] == "unavailable" && has(error, "hint", " MB left, which may be why: free some space there");
  });
}

TEST_F(FullDisk, WithoutALedgerNothingRuns) {
  set_up(".weir");
  if (!is_mounted_) return;
  fill(0);
  const auto failed = project_.run({"run", "nothing"});
  EXPECT_EQ(failed.exit_code, 1) << failed.out;
  EXPECT_NE(failed.err.find("writing the ledger: "), std::string::npos) << failed.err;
  EXPECT_NE(failed.err.find("resource_exhausted"), std::string::npos) << failed.err;
  EXPECT_NE(failed.err.find("free some space on the disk that holds .weir/"), std::string::npos) << failed.err;
  free();
  const auto after = project_.run({"run", "nothing", "--json"});
  EXPECT_EQ(after.exit_code, 0) << after.out << after.err;
  EXPECT_EQ(last_run()["state"], "succeeded");
}

TEST_F(FullDisk, ALedgerThatFillsUpMeanwhileStillTellsTheTruth) {
  set_up(".weir");
  if (!is_mounted_) return;
  project_.write("pipelines/fills.yml",
                 "name: fills\ntasks:\n  fills: {command: \"echo once >> times; cat /dev/zero > .weir/filler; true\"}\n"
                 "  after: {needs: [fills], command: \"echo after >> times\"}\n");
  const auto cut_off = project_.run({"run", "fills"});
  EXPECT_EQ(cut_off.exit_code, 1) << cut_off.out << cut_off.err;
  EXPECT_NE(cut_off.err.find("writing the ledger: "), std::string::npos) << cut_off.out << cut_off.err;
  EXPECT_NE(cut_off.err.find("free some space on the disk that holds .weir/"), std::string::npos) << cut_off.err;
  EXPECT_EQ(read_file(project_.folder() / "times").value(), "once\n") << "nothing starts that is not written down";
  free();
  project_.edit("pipelines/fills.yml", "cat /dev/zero > .weir/filler; ", "");
  const auto resumed = project_.run({"run", "fills", "--json"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_NE(resumed.err.find(" of fills was cut off"), std::string::npos) << resumed.err;
  EXPECT_EQ(last_run()["state"], "succeeded");
  EXPECT_EQ(read_file(project_.folder() / "times").value(), "once\nonce\nafter\n");
}

}  // namespace
}  // namespace weir
