#include "ledger/schedule_book.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/migrations.hpp"
#include "ledger/outbox.hpp"

namespace weir::ledger {
namespace {

Instant at(std::string_view text) { return parse_instant(text).value(); }

Run run(const std::string& id, const std::string& pipeline = "p") {
  Run made;
  made.id = RunId{id};
  made.pipeline = pipeline;
  made.trigger = "schedule";
  made.params = Json::object();
  made.created_at = at("2026-03-01T06:00:00Z");
  return made;
}

class Book : public ::testing::Test {
 protected:
  Book() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-book-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~Book() override {
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    ledger_.reset();
    ledger_ = Ledger::open(folder_, Ledger::Mode::Write).value();
  }
  ScheduleBook& book() { return ledger_->schedules(); }

  // A run of `pipeline` makes an event of `source`.
  void happens(const std::string& source, const std::string& id, const std::string& task = "") {
    if (!ledger_->find_run(id).value()) {
      EXPECT_TRUE(ledger_->create_run(run(id, "producer")).ok());
    }
    const Event event{.source = source, .pipeline = "producer", .run = RunId{id}, .task = task, .at = at("2026-03-01")};
    EXPECT_TRUE(book().append_events({&event, 1}).ok());
  }

  std::filesystem::path folder_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(Book, AFireAndItsRunAreOne) {
  const std::vector<ScheduleMark> marks{{"p", "@daily", at("2026-03-01T06:00:00Z")}};
  ASSERT_TRUE(book().fire(marks, std::vector{run("a"), run("b")}).ok());
  open();
  ASSERT_EQ(book().marks().value().size(), 1U);
  EXPECT_EQ(book().queued_runs().value().size(), 2U);
  // A run that is there already: nothing of the fire takes place.
  const std::vector<ScheduleMark> later{{"p", "@daily", at("2026-03-02T06:00:00Z")}};
  EXPECT_FALSE(book().fire(later, std::vector{run("c"), run("a")}).ok());
  EXPECT_EQ(book().marks().value().front().until, at("2026-03-01T06:00:00Z"));
  EXPECT_EQ(book().queued_runs().value().size(), 2U);
  // A mark never goes back.
  const std::vector<ScheduleMark> earlier{{"p", "@daily", at("2026-02-01T06:00:00Z")}};
  ASSERT_TRUE(book().fire(earlier, {}).ok());
  EXPECT_EQ(book().marks().value().front().until, at("2026-03-01T06:00:00Z"));
}

TEST_F(Book, EveryConsumerHasItsOwnOffset) {
  const std::vector<std::string> sources{"shop.sales", "load"};
  happens("load", "before");
  ASSERT_TRUE(book().know_consumer("one", sources).ok());
  happens("load", "r1");
  happens("shop.sales", "r2", "copy");
  happens("shop.sales", "r2", "copy");  // the same thing again
  ASSERT_TRUE(book().know_consumer("two", sources).ok());
  happens("load", "r3");

  auto open_events = book().unconsumed("one", sources).value();
  ASSERT_EQ(open_events.size(), 3U);
  EXPECT_EQ(open_events[0].run.text(), "r1");
  EXPECT_EQ(open_events[1].task, "copy");
  ASSERT_TRUE(book().consume(run("c1", "one"), "one", std::span{open_events}.first(2)).ok());
  EXPECT_EQ(book().unconsumed("one", sources).value().size(), 1U);
  EXPECT_EQ(book().unconsumed("two", sources).value().size(), 1U);
  // Nothing is consumed twice, and a run that would does not come to be.
  EXPECT_FALSE(book().consume(run("c2", "one"), "one", std::span{open_events}.first(1)).ok());
  EXPECT_FALSE(ledger_->find_run("c2").value());
  open();
  EXPECT_EQ(book().unconsumed("one", sources).value().size(), 1U);
  EXPECT_EQ(book().events_of(RunId{"c1"}).value().size(), 2U);
  EXPECT_EQ(book().events_by(RunId{"r2"}).value().size(), 1U);
}

TEST_F(Book, BackfillsKeepTheirIntervals) {
  Backfill backfill{
      .id = "bf", .pipeline = "p", .from = at("2026-03-01"), .to = at("2026-03-03"), .created_at = at("2026-04-01")};
  backfill.intervals = {{.from = at("2026-03-01"), .to = at("2026-03-02")},
                        {.from = at("2026-03-02"), .to = at("2026-03-03")}};
  ASSERT_TRUE(book().create_backfill(backfill).ok());
  auto first = run("a");
  first.backfill = "bf";
  first.interval_from = at("2026-03-01");
  first.interval_to = at("2026-03-02");
  ASSERT_TRUE(book().run_interval("bf", at("2026-03-01"), first).ok());
  EXPECT_FALSE(book().run_interval("bf", at("2026-03-01"), run("b")).ok());
  const auto found = book().find_backfill("bf").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->intervals[0].run, "a");
  EXPECT_EQ(found->intervals[0].state, RunState::Queued);
  EXPECT_EQ(found->intervals[1].run, "");
  EXPECT_EQ(book().running_backfills().value().size(), 1U);
  ASSERT_TRUE(book().set_backfill_state("bf", BackfillState::Done).ok());
  EXPECT_EQ(book().running_backfills().value().size(), 0U);
  // The newest run of an interval stands for it.
  auto again = first;
  again.id = RunId{"c"};
  ASSERT_TRUE(ledger_->create_run(again).ok());
  const auto runs = book().runs_of_intervals("p", at("2026-03-01"), at("2026-03-03")).value();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].id.text(), "c");
}

TEST_F(Book, WhatIsHeldIsDurableTogether) {
  ASSERT_TRUE(ledger_->hold().ok());
  ASSERT_TRUE(ledger_->create_run(run("a")).ok());
  ASSERT_TRUE(ledger_->set_run_state(RunId{"a"}, RunState::Running, at("2026-03-01")).ok());
  const auto reader = Ledger::open(folder_, Ledger::Mode::Read).value();
  EXPECT_FALSE(reader->find_run("a").value());
  // A mistake within takes itself back, and nothing else.
  EXPECT_FALSE(ledger_->set_run_state(RunId{"a"}, RunState::Queued, at("2026-03-01")).ok());
  ASSERT_TRUE(ledger_->release().ok());
  EXPECT_EQ(reader->find_run("a").value()->state, RunState::Running);
}

TEST_F(Book, ARetriedRunWaitsInTheQueue) {
  ASSERT_TRUE(ledger_->create_run(run("a")).ok());
  ASSERT_TRUE(ledger_->set_run_state(RunId{"a"}, RunState::Running, at("2026-03-01")).ok());
  EXPECT_EQ(ledger_->recover(at("2026-03-01"), Ledger::QueuedRuns::Keep).value().size(), 1U);
  ASSERT_TRUE(ledger_->requeue_run(RunId{"a"}, {{"recovered", true}}).ok());
  const auto queued = book().queued_runs().value();
  ASSERT_EQ(queued.size(), 1U);
  EXPECT_EQ(queued[0].selection["recovered"], true);
  EXPECT_FALSE(queued[0].finished_at);
  EXPECT_TRUE(queued[0].error.empty());
  // Queued runs are kept for a scheduler, and lost without one.
  EXPECT_EQ(ledger_->recover(at("2026-03-01"), Ledger::QueuedRuns::Keep).value().size(), 0U);
  EXPECT_EQ(ledger_->recover(at("2026-03-01")).value().size(), 1U);
}

TEST_F(Book, TheOutboxKeepsAMessageUntilItIsDelivered) {
  auto& outbox = ledger_->outbox();
  const Message message{.key = "k",
                        .hook = {{"command", "true"}},
                        .message = {{"text", "hi"}},
                        .created_at = at("2026-03-01"),
                        .next_at = at("2026-03-01")};
  EXPECT_TRUE(outbox.put(message).value());
  EXPECT_FALSE(outbox.put(message).value());
  auto due = outbox.due(at("2026-03-01"), 10).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].message["text"], "hi");
  ASSERT_TRUE(outbox.try_again(due[0].sequence, at("2026-03-02"), "no answer").ok());
  EXPECT_EQ(outbox.due(at("2026-03-01"), 10).value().size(), 0U);
  EXPECT_EQ(outbox.next_due().value(), at("2026-03-02"));
  due = outbox.due(at("2026-03-02"), 10).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].tries, 1);
  ASSERT_TRUE(outbox.finish(due[0].sequence, Delivery::Delivered, at("2026-03-02"), "").ok());
  EXPECT_FALSE(outbox.next_due().value());
  EXPECT_FALSE(outbox.put(message).value());
}

// What is delivered has happened: a message that a kill could still take back is not due.
TEST_F(Book, TheOutboxHandsOutWhatIsDurable) {
  auto& outbox = ledger_->outbox();
  Message message{.key = "before", .created_at = at("2026-03-01"), .next_at = at("2026-03-01")};
  ASSERT_TRUE(outbox.put(message).value());
  ASSERT_TRUE(ledger_->hold().ok());
  message.key = "held";
  ASSERT_TRUE(outbox.put(message).value());
  message.key = "held too";
  ASSERT_TRUE(outbox.put(message).value());
  auto due = outbox.due(at("2026-03-02"), 10).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].key, "before");
  ASSERT_TRUE(outbox.finish(due[0].sequence, Delivery::Delivered, at("2026-03-02"), "").ok());
  EXPECT_FALSE(outbox.next_due().value());
  ASSERT_TRUE(ledger_->release().ok());
  EXPECT_EQ(outbox.next_due().value(), at("2026-03-01"));
  due = outbox.due(at("2026-03-02"), 10).value();
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].key, "held");
}

TEST_F(Book, AnEnvironmentSeesItsOwnEvents) {
  const std::vector<std::string> sources{"w.sales"};
  ASSERT_TRUE(book().know_consumer("marts", sources).ok());
  ASSERT_TRUE(book().know_consumer("marts", sources, "dev").ok());
  auto tried = run("tried", "producer");
  tried.environment = "dev";
  ASSERT_TRUE(ledger_->create_run(tried).ok());
  happens("w.sales", "tried", "load");
  happens("w.sales", "real", "load");
  const auto dev = book().unconsumed("marts", sources, "dev").value();
  ASSERT_EQ(dev.size(), 1U);
  EXPECT_EQ(dev[0].run.text(), "tried");
  auto plain = book().unconsumed("marts", sources).value();
  ASSERT_EQ(plain.size(), 1U);
  EXPECT_EQ(plain[0].run.text(), "real");
  // What one of them consumes the other still has.
  ASSERT_TRUE(book().consume(run("c1", "marts"), "marts", plain).ok());
  EXPECT_EQ(book().unconsumed("marts", sources, "dev").value().size(), 1U);
  EXPECT_EQ(book().unconsumed("marts", sources).value().size(), 0U);
}

TEST_F(Book, ARunKnowsTheVersionThatItBeganWith) {
  auto made = run("a");
  made.code_version = "made";
  ASSERT_TRUE(ledger_->create_run(made).ok());
  for (const auto* hash : {"one", "two"}) ASSERT_TRUE(ledger_->set_run_version(RunId{"a"}, hash).ok());
  EXPECT_EQ(ledger_->find_run("a").value()->code_version, "two");
  EXPECT_EQ(ledger_->find_run("a").value()->first_code_version, "one");
}

// A ledger of before: what its events say of tables is kept, and consumers go on where they were.
TEST_F(Book, MigratesEventsIntoWrites) {
  const auto path = folder_ / "old.sqlite3";
  auto sqlite = Sqlite::open(path, Sqlite::Mode::Write).value();
  ASSERT_TRUE(migrate(sqlite, migrations().first(3), at("2026-03-01")).ok());
  ASSERT_TRUE(sqlite
                  .run_script(R"sql(
INSERT INTO runs (id, pipeline, environment, trigger, params, selection, state, created_at_us, started_at_us, error,
  code_version) VALUES ('r', 'sales', 'prod', 'manual', '{}', 'null', 'succeeded', 1, 2, '', 'abc');
INSERT INTO events (source, pipeline, run, task, at_us, rows) VALUES ('w.sales', 'sales', 'r', 'load', 5, 7),
  ('sales', 'sales', 'r', '', 6, 0);
INSERT INTO event_offsets VALUES ('marts', 'w.sales', 1);
)sql")
                  .ok());
  ASSERT_TRUE(migrate(sqlite, migrations(), at("2026-03-01")).ok());
  auto write = sqlite.query("SELECT environment || source || task || attempt || rows FROM table_writes").value();
  ASSERT_TRUE(write.step().value());
  EXPECT_EQ(write.text(0), "prodw.salesload17");
  EXPECT_FALSE(write.step().value());
  auto offset =
      sqlite.query("SELECT sequence FROM event_offsets WHERE environment = 'prod' AND consumer = 'marts'").value();
  ASSERT_TRUE(offset.step().value());
  EXPECT_EQ(offset.integer(0), 1);
  auto event = sqlite.query("SELECT count(*) FROM events WHERE environment = 'prod'").value();
  ASSERT_TRUE(event.step().value());
  EXPECT_EQ(event.integer(0), 2);
  auto run = sqlite.query("SELECT first_code_version FROM runs").value();
  ASSERT_TRUE(run.step().value());
  EXPECT_EQ(run.text(0), "abc");
}

}  // namespace
}  // namespace weir::ledger
