// What the ledger says after a writer was killed (kill -9) at any point of a commit's life.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "ledger/ledger.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::ledger {
namespace {

// Kills this process inside the Nth SQLite commit from here on: just before it becomes durable, or just after, while
// the caller has not been told yet.
enum class Moment { BeforeCommit, AfterCommit };
int commits_left = -1;
Moment moment = Moment::BeforeCommit;

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

// SQLite calls the commit hook before it writes a commit; the statement that commits has ended, with everything on the
// disk, when its profile is reported (the WAL hook is taken by the automatic checkpoints).
bool committing = false;

int before_commit(void*) {
  if (moment == Moment::BeforeCommit && commits_left >= 0 && commits_left-- == 0) die();
  committing = true;
  return 0;
}
int after_statement(unsigned, void*, void*, void*) {
  if (!std::exchange(committing, false)) return 0;
  if (moment == Moment::AfterCommit && commits_left >= 0 && commits_left-- == 0) die();
  return 0;
}
int install_hooks(sqlite3* connection, char**, const sqlite3_api_routines*) {
  sqlite3_commit_hook(connection, before_commit, nullptr);
  sqlite3_trace_v2(connection, SQLITE_TRACE_PROFILE, after_statement, nullptr);
  return SQLITE_OK;
}

class LedgerFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir-ledger-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    in_child([&] { open(); });  // the migrations are not what is tested here
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Ledger> open() {
    auto ledger = Ledger::open(folder_, Ledger::Mode::Write);
    EXPECT_TRUE(ledger.ok()) << ledger.error().text();
    return std::move(ledger).value();
  }

  // Runs `work` in a process of its own; says whether it was killed.
  static bool in_child(const std::function<void()>& work) {
    const auto pid = ::fork();
    if (pid == 0) {
      work();
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  // A run with one load: six durable writes in all.
  void work_and_die_at(int commit, Moment when) {
    in_child([&] {
      sqlite3_auto_extension(reinterpret_cast<void (*)()>(install_hooks));
      auto ledger = open();
      commits_left = commit;
      moment = when;
      ledger::Run run;
      run.id = RunId{"r1"};
      run.pipeline = "sales";
      run.state = RunState::Running;
      static_cast<void>(ledger->create_run(run));  // commit 0
      Attempt attempt;
      attempt.run = run.id;
      attempt.task = "load";
      attempt.state = AttemptState::Running;
      static_cast<void>(ledger->start_attempt(attempt));  // commit 1
      auto journal = ledger->journal(run.id, "sales", "load", "t");
      const auto id = journal->next_commit().value();
      static_cast<void>(journal->intend({id, flow::Checkpoint{"row 100"}}));     // commit 2
      static_cast<void>(journal->save({id, 100}, flow::Checkpoint{"row 100"}));  // commit 3
      attempt.state = AttemptState::Succeeded;
      static_cast<void>(ledger->finish_attempt(attempt));                                // commit 4
      static_cast<void>(ledger->set_run_state(run.id, RunState::Succeeded, Instant{}));  // commit 5
    });
  }

  // What is durable after the first `commits` writes.
  void expect_writes(int commits) {
    SCOPED_TRACE(commits);
    auto ledger = open();
    const auto lost = ledger->recover(Instant{}).value();
    const auto run = ledger->find_run("r1").value();
    ASSERT_EQ(run.has_value(), commits >= 1);
    if (!run) return;
    EXPECT_EQ(run->state, commits == 6 ? RunState::Succeeded : RunState::Lost);
    EXPECT_EQ(lost.size(), commits == 6 ? 0U : 1U);
    const auto attempts = ledger->attempts(run->id).value();
    ASSERT_EQ(attempts.size(), commits >= 2 ? 1U : 0U);
    if (!attempts.empty()) {
      EXPECT_EQ(attempts[0].state, commits >= 5 ? AttemptState::Succeeded : AttemptState::Lost);
    }
    auto journal = ledger->journal(run->id, "sales", "load", "t");
    const auto pending = journal->pending().value();
    EXPECT_EQ(pending.has_value(), commits == 3);
    if (pending) {
      EXPECT_EQ(pending->commit, journal->next_commit().value());
      EXPECT_EQ(pending->until->text, "row 100");
    }
    EXPECT_EQ(journal->checkpoint().value().has_value(), commits >= 4);
    EXPECT_EQ(journal->next_commit().value().text(), commits >= 4 ? "r1/load/t/2" : "r1/load/t/1");
  }

  std::filesystem::path folder_;
};

TEST_F(LedgerFaultTest, AKillBeforeACommitIsDurableUndoesExactlyThatWrite) {
  for (int commit = 0; commit < 6; ++commit) {
    std::filesystem::remove_all(folder_);
    in_child([&] { open(); });
    work_and_die_at(commit, Moment::BeforeCommit);
    expect_writes(commit);
  }
}

TEST_F(LedgerFaultTest, AKillAfterACommitKeepsIt) {
  for (int commit = 0; commit < 6; ++commit) {
    std::filesystem::remove_all(folder_);
    in_child([&] { open(); });
    work_and_die_at(commit, Moment::AfterCommit);
    expect_writes(commit + 1);
  }
}

TEST_F(LedgerFaultTest, AKillDuringMigrationIsHarmless) {
  for (const auto when : {Moment::BeforeCommit, Moment::AfterCommit}) {
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(in_child([&] {
      sqlite3_auto_extension(reinterpret_cast<void (*)()>(install_hooks));
      commits_left = 0;
      moment = when;
      open();
    }));
    EXPECT_TRUE(open()->runs({}).value().empty());
  }
}

// A schedule's fire and its run, an event and the run that consumes it: each is there wholly or not at all.
TEST_F(LedgerFaultTest, ACauseAndItsRunAreOne) {
  for (const auto when : {Moment::BeforeCommit, Moment::AfterCommit}) {
    for (int commit = 0; commit < 2; ++commit) {
      SCOPED_TRACE(commit);
      std::filesystem::remove_all(folder_);
      in_child([&] {
        auto ledger = open();
        const std::vector<std::string> sources{"load"};
        static_cast<void>(ledger->schedules().know_consumer("marts", sources));
      });
      in_child([&] {
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(install_hooks));
        auto ledger = open();
        commits_left = commit;
        moment = when;
        ledger::Run run;
        run.id = RunId{"fired"};
        run.pipeline = "load";
        const std::vector<ScheduleMark> marks{{"load", "@daily", Instant{std::chrono::seconds{86'400}}}};
        static_cast<void>(ledger->hold());
        static_cast<void>(ledger->schedules().fire(marks, std::vector{run}));
        const Event made{.source = "load", .pipeline = "load", .run = run.id};
        static_cast<void>(ledger->schedules().append_events({&made, 1}));
        static_cast<void>(ledger->release());  // commit 0
        const std::vector<std::string> sources{"load"};
        const auto events = ledger->schedules().unconsumed("marts", sources).value();
        run.id = RunId{"after"};
        run.pipeline = "marts";
        static_cast<void>(ledger->schedules().consume(run, "marts", events));  // commit 1
      });
      auto ledger = open();
      const int done = commit + (when == Moment::AfterCommit ? 1 : 0);
      const std::vector<std::string> sources{"load"};
      EXPECT_EQ(ledger->schedules().marks().value().size(), done >= 1 ? 1U : 0U);
      EXPECT_EQ(ledger->find_run("fired").value().has_value(), done >= 1);
      EXPECT_EQ(ledger->schedules().unconsumed("marts", sources).value().size(), done == 1 ? 1U : 0U);
      EXPECT_EQ(ledger->schedules().events_of(RunId{"after"}).value().size(), done >= 2 ? 1U : 0U);
      EXPECT_EQ(ledger->find_run("after").value().has_value(), done >= 2);
    }
  }
}

TEST_F(LedgerFaultTest, TheLockOfAKilledOwnerIsFree) {
  EXPECT_TRUE(in_child([&] {
    auto ledger = open();
    die();
  }));
  EXPECT_TRUE(Ledger::open(folder_, Ledger::Mode::Write).ok());
}

}  // namespace
}  // namespace weir::ledger
