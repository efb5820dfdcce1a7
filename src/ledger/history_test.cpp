#include "ledger/history.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "ledger/many_runs.hpp"
#include "ledger/migrations.hpp"
#include "ledger/schedule_book.hpp"
#include "ledger/sqlite.hpp"

namespace weir::ledger {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{std::chrono::seconds{1'780'000'000}};

class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("history-" + generate_run_id(system_clock().now()).text());
    ledger_ = *Ledger::open(folder_, Ledger::Mode::Write);
    history_ = *History::open(folder_);
  }
  void TearDown() override {
    history_.reset();
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }

  void add_run(const std::string& id, const std::string& pipeline, Instant at, RunState state = RunState::Succeeded) {
    ledger::Run run{.id = RunId{id}, .pipeline = pipeline, .trigger = "manual", .created_at = at};
    ASSERT_TRUE(ledger_->create_run(run).ok());
    if (state == RunState::Queued) return;
    ASSERT_TRUE(ledger_->set_run_state(run.id, RunState::Running, at).ok());
    if (state == RunState::Running) return;
    ASSERT_TRUE(ledger_->set_run_state(run.id, state, at + 1s, state == RunState::Failed ? "it Broke" : "").ok());
  }
  void add_attempt(const std::string& run, const std::string& task, int number, AttemptState state,
                   std::uint64_t rows) {
    Attempt attempt{
        .run = RunId{run}, .task = task, .number = number, .state = AttemptState::Running, .started_at = kNow};
    ASSERT_TRUE(ledger_->start_attempt(attempt).ok());
    attempt.state = state;
    attempt.finished_at = kNow + 1s;
    attempt.rows_written = rows;
    ASSERT_TRUE(ledger_->finish_attempt(attempt).ok());
  }
  std::vector<std::string> ids(const RunSearch& search) {
    std::vector<std::string> found;
    auto records = history_->runs(search);
    EXPECT_TRUE(records.ok());
    for (const auto& record : *records) found.push_back(record.run.id.text());
    return found;
  }

  using Ids = std::vector<std::string>;
  std::filesystem::path folder_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, ListsRunsByWhatIsAskedFor) {
  add_run("r1", "sales", kNow);
  add_run("r2", "stock", kNow + 1h, RunState::Failed);
  add_run("r3", "sales", kNow + 2h, RunState::Failed);
  add_run("r4", "sales", kNow + 3h, RunState::Running);
  EXPECT_EQ(ids({}), (Ids{"r4", "r3", "r2", "r1"}));
  EXPECT_EQ(ids({.pipeline = "sales"}), (Ids{"r4", "r3", "r1"}));
  EXPECT_EQ(ids({.state = RunState::Failed}), (Ids{"r3", "r2"}));
  EXPECT_EQ(ids({.pipeline = "sales", .state = RunState::Failed}), Ids{"r3"});
  EXPECT_EQ(ids({.trigger = "schedule"}), Ids{});
  EXPECT_EQ(ids({.since = kNow + 2h}), (Ids{"r4", "r3"}));
  EXPECT_EQ(ids({.since = kNow + 9h}), Ids{});
  EXPECT_EQ(ids({.until = kNow + 2h}), (Ids{"r2", "r1"}));
  EXPECT_EQ(ids({.since = kNow + 1h, .until = kNow + 3h}), (Ids{"r3", "r2"}));
  EXPECT_EQ(ids({.until = kNow + 9h}), (Ids{"r4", "r3", "r2", "r1"}));
  EXPECT_EQ(ids({.text = "broke"}), (Ids{"r3", "r2"}));
  EXPECT_EQ(ids({.text = "_"}), Ids{});
  const auto first = history_->runs({.page = {.before = {}, .limit = 3}});
  EXPECT_EQ(ids({.page = {.before = first->back().sequence, .limit = 3}}), Ids{"r1"});
  EXPECT_EQ(history_->unfinished()->front().run.id.text(), "r4");
  EXPECT_EQ((*history_->run_before(RunId{"r3"}))->text(), "r1");
  EXPECT_FALSE(history_->run_before(RunId{"r1"})->has_value());
  EXPECT_EQ(history_->last_runs("sales", 2)->size(), 2U);
}

TEST_F(HistoryTest, CountsTheRowsOfStepsOnce) {
  add_run("r1", "sales", kNow, RunState::Running);
  add_attempt("r1", "load", 1, AttemptState::Failed, 5);
  add_attempt("r1", "load", 2, AttemptState::Succeeded, 7);
  // A step that names its parts counts for them; the nodes of a model task are steps of their own.
  add_attempt("r1", "dbt", 1, AttemptState::Succeeded, 100);
  add_attempt("r1", "dbt/orders", 1, AttemptState::Succeeded, 60);
  add_attempt("r1", "model/sales", 1, AttemptState::Succeeded, 1000);
  const auto record = *history_->find_run(RunId{"r1"});
  EXPECT_EQ(record->rows_written, 1107U);
  EXPECT_EQ(record->attempts_failed, 1);
  const auto cells = history_->cells(RunId{"r1"});
  ASSERT_EQ(cells->size(), 4U);
  EXPECT_EQ((*cells)[0].task, "load");
  EXPECT_EQ((*cells)[0].state, AttemptState::Succeeded);
  EXPECT_EQ((*cells)[0].attempts, 2);
  EXPECT_EQ((*cells)[0].rows_written, 7U);
  EXPECT_EQ((*history_->find_attempt(RunId{"r1"}, "load", -1))->number, 2);
  EXPECT_EQ((*history_->find_attempt(RunId{"r1"}, "load", 1))->rows_written, 5U);
  EXPECT_FALSE(history_->find_attempt(RunId{"r1"}, "load", 3)->has_value());
}

TEST_F(HistoryTest, KnowsWhoWroteATableLast) {
  add_run("r1", "sales", kNow);
  add_run("r2", "sales", kNow + 1h);
  ASSERT_TRUE(ledger_->create_run({.id = RunId{"r3"}, .pipeline = "sales", .environment = "dev"}).ok());
  const std::vector<TableWrite> writes{
      {.at = kNow, .table = "w.sales", .pipeline = "sales", .task = "load", .run = RunId{"r1"}, .rows = 1},
      {.at = kNow, .table = "w.marts", .pipeline = "sales", .task = "publish", .run = RunId{"r1"}, .rows = 2},
      {.at = kNow + 1h, .table = "w.sales", .pipeline = "sales", .task = "load", .run = RunId{"r2"}, .rows = 3},
      // Done again in the same run: another write. The same attempt told of twice: the same one.
      {.at = kNow + 2h,
       .table = "w.sales",
       .pipeline = "sales",
       .task = "load",
       .run = RunId{"r2"},
       .attempt = 2,
       .rows = 4},
      {.at = kNow + 3h,
       .table = "w.sales",
       .pipeline = "sales",
       .task = "load",
       .run = RunId{"r2"},
       .attempt = 2,
       .rows = 5},
      // The table of another environment is another table.
      {.at = kNow, .table = "w.sales", .pipeline = "sales", .task = "load", .run = RunId{"r3"}, .rows = 6}};
  ASSERT_TRUE(ledger_->schedules().record_writes(writes).ok());
  const auto last = history_->last_writes("");
  ASSERT_EQ(last->size(), 2U);
  EXPECT_EQ((*last)[0].table, "w.marts");
  EXPECT_EQ((*last)[1].run.text(), "r2");
  EXPECT_EQ((*last)[1].attempt, 2);
  EXPECT_EQ((*last)[1].rows, 4U);
  EXPECT_EQ(history_->last_writes("dev")->size(), 1U);
  EXPECT_EQ(history_->last_writes("prod")->size(), 0U);
  EXPECT_EQ(history_->writes("", "w.sales", 10)->size(), 3U);
  EXPECT_EQ(history_->writes("", "w.sales", 1)->front().rows, 4U);
  EXPECT_EQ(history_->writes("dev", "w.sales", 10)->front().rows, 6U);
  const auto totals = history_->totals(kNow + 30min);
  EXPECT_EQ(totals->runs, 1);
  EXPECT_EQ(totals->rows_written, 7);
}

TEST_F(HistoryTest, CountsRunsByTheTimeTheyWerePlannedFor) {
  add_run("r1", "sales", kNow);
  ledger::Run backfilled{.id = RunId{"r2"},
                         .pipeline = "sales",
                         .created_at = kNow,
                         .interval_from = kNow - 48h,
                         .interval_to = kNow - 24h};
  ASSERT_TRUE(ledger_->create_run(backfilled).ok());
  const auto counts = history_->calendar("sales", kNow - 72h, kNow + 1h);
  ASSERT_EQ(counts->size(), 2U);
  // A list of the same time has the same runs.
  add_run("r3", "other", kNow - 26h, RunState::Failed);
  const auto planned = [&](RunSearch search) {
    search.by = RunTime::Planned;
    return ids(search);
  };
  EXPECT_EQ(planned({.pipeline = "sales", .since = kNow - 24h, .until = kNow - 23h}), Ids{"r2"});
  EXPECT_EQ(planned({.pipeline = "sales", .since = kNow - 72h, .until = kNow + 1h}), (Ids{"r2", "r1"}));
  EXPECT_EQ(planned({.pipeline = "sales", .since = kNow - 23h}), Ids{"r1"});
  EXPECT_EQ(planned({.until = kNow - 23h}), (Ids{"r3", "r2"}));
  EXPECT_EQ(planned({.state = RunState::Failed, .until = kNow - 23h}), Ids{"r3"});
  EXPECT_EQ(planned({.pipeline = "sales", .until = kNow - 24h}), Ids{});
  EXPECT_EQ(planned({}), (Ids{"r3", "r2", "r1"}));
  EXPECT_EQ((*counts)[0].state, RunState::Queued);
  EXPECT_LE((*counts)[0].from, kNow - 24h);
  EXPECT_GT((*counts)[0].from, kNow - 24h - 15min);
  EXPECT_EQ((*counts)[1].runs, 1);
}

// The promise of the run list: a ledger of 100,000 runs answers at once, whatever is asked for.
TEST_F(HistoryTest, ListsFastAmongManyRuns) {
  {
    auto sqlite = *Sqlite::open(folder_ / "ledger.sqlite3", Sqlite::Mode::Write);
    ASSERT_TRUE(sqlite.run_script(kManyRuns).ok());
  }
  const std::vector<RunSearch> searches{{},
                                        {.pipeline = "p7"},
                                        {.state = RunState::Failed},
                                        {.pipeline = "p0", .state = RunState::Failed},
                                        {.pipeline = "p7", .state = RunState::Failed},
                                        {.trigger = "manual"},
                                        {.since = Instant{99'000s}},
                                        {.pipeline = "p7", .since = Instant{500s}, .by = RunTime::Planned},
                                        {.until = Instant{500s}, .by = RunTime::Planned},
                                        {.page = {.before = 50'000, .limit = 50}}};
  std::vector<double> milliseconds;
  for (int round = 0; round < 25; ++round) {
    for (const auto& search : searches) {
      const auto begin = std::chrono::steady_clock::now();
      ASSERT_TRUE(history_->runs(search).ok());
      milliseconds.push_back(
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
  }
  std::ranges::sort(milliseconds);
  const auto p99 = milliseconds[milliseconds.size() * 99 / 100];
  RecordProperty("p50_us", static_cast<int>(milliseconds[milliseconds.size() / 2] * 1000));
  RecordProperty("p99_us", static_cast<int>(p99 * 1000));
  // Ten times what is promised: a test shares its machine.
  EXPECT_LT(p99, 300) << "median " << milliseconds[milliseconds.size() / 2];
}

}  // namespace
}  // namespace weir::ledger
