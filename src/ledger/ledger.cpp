#include "ledger/ledger.hpp"

#include <fmt/ranges.h>

#include "base/file.hpp"
#include "ledger/journal.hpp"
#include "ledger/lock.hpp"
#include "ledger/migrations.hpp"
#include "ledger/outbox.hpp"
#include "ledger/rows.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::ledger {

namespace {

constexpr std::string_view kLostMessage = "the process that ran it was killed, or the machine stopped";

class SqliteLedger final : public Ledger {
 public:
  SqliteLedger(std::optional<Lock> lock, Sqlite sqlite)
      : lock_(std::move(lock)),
        store_(std::make_shared<Store>(std::move(sqlite))),
        schedules_(store_),
        outbox_(store_) {}

  Result<void> create_run(const Run& run) override;
  Result<void> set_run_state(const RunId& run, RunState state, Instant at, std::string_view error) override;
  Result<void> requeue_run(const RunId& run, const Json& selection) override;
  Result<void> set_run_version(const RunId& run, std::string_view hash) override;
  Result<void> start_attempt(const Attempt& attempt) override;
  Result<void> finish_attempt(const Attempt& attempt) override;
  Result<void> save_check(const CheckResult& check) override;
  Result<std::vector<Run>> recover(Instant now, QueuedRuns queued) override;

  Result<std::optional<Run>> find_run(std::string_view id_or_prefix) override;
  Result<std::vector<Run>> runs(const RunFilter& filter) override;
  Result<std::vector<Attempt>> attempts(const RunId& run) override;
  Result<std::vector<CheckResult>> checks(const RunId& run) override;

  ScheduleBook& schedules() override { return schedules_; }
  Outbox& outbox() override { return outbox_; }
  Result<void> hold() override {
    const std::lock_guard guard(store_->mutex);
    return store_->hold();
  }
  Result<void> release() override {
    const std::lock_guard guard(store_->mutex);
    return store_->release();
  }

  std::unique_ptr<flow::Journal> journal(const RunId& run, std::string_view pipeline, std::string_view task,
                                         std::string_view stream, std::optional<Instant> redo_since) override {
    return make_journal(store_, {run, std::string(pipeline), std::string(task), std::string(stream), redo_since});
  }

 private:
  // The caller holds the mutex; `sqlite()` is only for it.
  Sqlite& sqlite() { return store_->sqlite; }
  Result<void> write_run_state(const RunId& run, RunState state, Instant at, std::string_view error);
  Result<void> write_attempt(const Attempt& attempt);
  Result<std::vector<Run>> unfinished_runs(QueuedRuns queued);
  Result<void> lose_attempts(Instant now);

  const std::optional<Lock> lock_;
  const std::shared_ptr<Store> store_;
  ScheduleBook schedules_;
  Outbox outbox_;
};

Result<void> SqliteLedger::create_run(const Run& run) {
  const std::lock_guard guard(store_->mutex);
  if (run.state != RunState::Queued && run.state != RunState::Running) {
    return Error::bug("a run begins queued or running, not {}: {}", name(run.state), run.id.text());
  }
  return insert_run(sqlite(), run);
}

Result<void> SqliteLedger::write_run_state(const RunId& run, RunState state, Instant at, std::string_view error) {
  const auto before = WEIR_TRY(run_state(sqlite(), run));
  if (!before) return Error::bug("no such run: {}", run.text());
  if (!may_follow(*before, state)) {
    return Error::bug("a run cannot go from {} to {}: {}", name(*before), name(state), run.text());
  }
  // A run that runs again has not finished, and what was wrong with it is what its attempts say.
  const bool runs_again = state == RunState::Running;
  const bool ends = has_ended(state);
  return sqlite().run(
      "UPDATE runs SET state = ?1, started_at_us = iif(?2, coalesce(started_at_us, ?3), started_at_us), "
      "finished_at_us = iif(?4, ?3, iif(?2, NULL, finished_at_us)), error = iif(?5 <> '', ?5, iif(?2, '', error)) "
      "WHERE id = ?6",
      name(state), std::int64_t{runs_again}, at, std::int64_t{ends}, error, run.text());
}

Result<void> SqliteLedger::set_run_state(const RunId& run, RunState state, Instant at, std::string_view error) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(sqlite()));
  WEIR_TRY(write_run_state(run, state, at, error));
  return transaction.commit();
}

Result<void> SqliteLedger::requeue_run(const RunId& run, const Json& selection) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(sqlite()));
  WEIR_TRY(write_run_state(run, RunState::Queued, Instant{}, {}));
  WEIR_TRY(sqlite().run("UPDATE runs SET selection = ?, finished_at_us = NULL, error = '' WHERE id = ?",
                        to_text(selection), run.text()));
  return transaction.commit();
}

Result<void> SqliteLedger::set_run_version(const RunId& run, std::string_view hash) {
  const std::lock_guard guard(store_->mutex);
  return sqlite().run(
      "UPDATE runs SET code_version = ?1, first_code_version = iif(first_code_version = '', ?1, first_code_version) "
      "WHERE id = ?2",
      hash, run.text());
}

// An attempt that the ledger does not know yet counts as queued.
Result<void> SqliteLedger::write_attempt(const Attempt& attempt) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(sqlite()));
  const auto known = WEIR_TRY(attempt_state(sqlite(), attempt));
  const auto before = known.value_or(AttemptState::Queued);
  const bool is_new_and_queued = !known && attempt.state == AttemptState::Queued;
  // Attempt 0 is a note that the task never started, and why; a resumed run may have to say so again.
  const bool is_note = attempt.number == 0;
  if (!is_note && !is_new_and_queued && !may_follow(before, attempt.state)) {
    return Error::bug("an attempt cannot go from {} to {}: {}/{}/{}", name(before), name(attempt.state),
                      attempt.run.text(), attempt.task, attempt.number);
  }
  WEIR_TRY(put_attempt(sqlite(), attempt));
  return transaction.commit();
}

Result<void> SqliteLedger::start_attempt(const Attempt& attempt) { return write_attempt(attempt); }

Result<void> SqliteLedger::finish_attempt(const Attempt& attempt) {
  if (!has_ended(attempt.state)) return Error::bug("an attempt does not end {}: {}", name(attempt.state), attempt.task);
  return write_attempt(attempt);
}

Result<void> SqliteLedger::save_check(const CheckResult& check) {
  const std::lock_guard guard(store_->mutex);
  return put_check(sqlite(), check);
}

Result<std::vector<Run>> SqliteLedger::unfinished_runs(QueuedRuns queued) {
  auto rows = WEIR_TRY(sqlite().query("SELECT " WEIR_RUN_COLUMNS
                                      " FROM runs WHERE state IN ('queued', 'running', 'cancelling') AND "
                                      "(?1 OR state <> 'queued') ORDER BY sequence",
                                      std::int64_t{queued == QueuedRuns::Lose}));
  std::vector<Run> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_run(rows)));
  return found;
}

Result<void> SqliteLedger::lose_attempts(Instant now) {
  const Json error = {{"fault", name(Fault::System)}, {"code", name(Code::Unavailable)}, {"message", kLostMessage}};
  // Every unfinished state may become lost (state_test asserts it), so one statement does for all.
  return sqlite().run(
      "UPDATE attempts SET state = ?1, finished_at_us = ?2, error = ?3 "
      "WHERE state IN ('queued', 'running', 'cancelling')",
      name(AttemptState::Lost), now, to_text(error));
}

Result<std::vector<Run>> SqliteLedger::recover(Instant now, QueuedRuns queued) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(sqlite()));
  auto found = WEIR_TRY(unfinished_runs(queued));
  WEIR_TRY(lose_attempts(now));
  for (auto& run : found) {
    // What the user wanted stopped is not to come back by itself.
    run.state = run.state == RunState::Cancelling ? RunState::Cancelled : RunState::Lost;
    run.finished_at = now;
    run.error = kLostMessage;
    WEIR_TRY(write_run_state(run.id, run.state, now, run.error));
  }
  WEIR_TRY(transaction.commit());
  return found;
}

Result<std::optional<Run>> SqliteLedger::find_run(std::string_view id_or_prefix) {
  if (id_or_prefix == "last") {
    auto newest = WEIR_TRY(runs({.pipeline = {}, .state = std::nullopt, .limit = 1}));
    if (newest.empty()) return std::optional<Run>{};
    return std::optional{std::move(newest.front())};
  }
  const std::lock_guard guard(store_->mutex);
  // An id that is whole wins over longer ones that begin with it. Ids are digits, small letters and dashes: all come
  // before a tilde.
  auto rows = WEIR_TRY(sqlite().query("SELECT " WEIR_RUN_COLUMNS
                                      " FROM runs WHERE id >= ?1 AND id < ?1 || '~' AND ?1 <> '' ORDER BY id LIMIT 4",
                                      id_or_prefix));
  std::vector<Run> found;
  std::vector<std::string> ids;
  while (WEIR_TRY(rows.step())) {
    found.push_back(WEIR_TRY(read_run(rows)));
    ids.push_back(found.back().id.text());
  }
  if (found.empty()) return std::optional<Run>{};
  if (found.size() > 1 && found.front().id.text() != id_or_prefix) {
    return Error::user(Code::InvalidArgument, "several runs begin with {}: {}", id_or_prefix, fmt::join(ids, ", "))
        .hint("give more of the run's id");
  }
  return std::optional{std::move(found.front())};
}

Result<std::vector<Run>> SqliteLedger::runs(const RunFilter& filter) {
  const std::lock_guard guard(store_->mutex);
  const auto state = filter.state ? name(*filter.state) : std::string_view();
  auto rows = WEIR_TRY(sqlite().query("SELECT " WEIR_RUN_COLUMNS
                                      " FROM runs WHERE (?1 = '' OR pipeline = ?1) AND (?2 = '' OR state = ?2) "
                                      "ORDER BY created_at_us DESC, sequence DESC LIMIT ?3",
                                      filter.pipeline, state, std::int64_t{filter.limit}));
  std::vector<Run> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_run(rows)));
  return found;
}

Result<std::vector<Attempt>> SqliteLedger::attempts(const RunId& run) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(
      sqlite().query("SELECT " WEIR_ATTEMPT_COLUMNS " FROM attempts WHERE run = ? ORDER BY sequence", run.text()));
  std::vector<Attempt> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_attempt(rows)));
  return found;
}

Result<std::vector<CheckResult>> SqliteLedger::checks(const RunId& run) {
  const std::lock_guard guard(store_->mutex);
  auto rows =
      WEIR_TRY(sqlite().query("SELECT " WEIR_CHECK_COLUMNS " FROM checks WHERE run = ? ORDER BY sequence", run.text()));
  std::vector<CheckResult> found;
  while (WEIR_TRY(rows.step())) found.push_back(read_check(rows));
  return found;
}

Result<std::unique_ptr<Ledger>> open_to_write(const std::filesystem::path& state_folder) {
  WEIR_TRY(make_folder(state_folder));
  auto lock = WEIR_TRY(Lock::take(state_folder / "lock"));
  auto sqlite = WEIR_TRY(Sqlite::open(state_folder / "ledger.sqlite3", Sqlite::Mode::Write));
  WEIR_TRY(migrate(sqlite, migrations(), system_clock().now()));
  return std::unique_ptr<Ledger>(std::make_unique<SqliteLedger>(std::move(lock), std::move(sqlite)));
}

Result<std::unique_ptr<Ledger>> open_to_read(const std::filesystem::path& state_folder) {
  const auto path = state_folder / "ledger.sqlite3";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Error::user(Code::NotFound, "nothing has run in this project yet: {}", path.string())
        .hint("weir run PIPELINE makes the first run");
  }
  auto sqlite = WEIR_TRY(Sqlite::open(path, Sqlite::Mode::Read));
  if (WEIR_TRY(schema_version(sqlite, migrations())) < std::ssize(migrations())) {
    // An older Weir wrote it. Readers do not change it; opening it to write does, unless that older Weir still works.
    WEIR_TRY(open_to_write(state_folder));
  }
  return std::unique_ptr<Ledger>(std::make_unique<SqliteLedger>(std::nullopt, std::move(sqlite)));
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(const std::filesystem::path& state_folder, Mode mode) {
  return mode == Mode::Write ? open_to_write(state_folder) : open_to_read(state_folder);
}

}  // namespace weir::ledger
