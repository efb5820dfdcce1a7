#include "ledger/journal.hpp"

#include <fmt/format.h>

namespace weir::ledger {

Result<void> Store::hold() {
  if (!held) held.emplace(WEIR_TRY(Transaction::begin(sqlite)));
  return {};
}

Result<void> Store::release() {
  if (!held) return {};
  auto committed = held->commit();
  held.reset();
  first_held_message.reset();
  return committed;
}

namespace {

class LedgerJournal final : public flow::Journal {
 public:
  LedgerJournal(std::shared_ptr<Store> store, JournalKey key) : store_(std::move(store)), key_(std::move(key)) {}

  Result<std::optional<flow::Intent>> pending() override;
  Result<std::optional<flow::Receipt>> superseded() override;
  Result<std::optional<flow::Checkpoint>> checkpoint() override;
  Result<CommitId> next_commit() override;
  Result<void> intend(const flow::Intent& intent) override;
  Result<void> save(const flow::Receipt& receipt, const std::optional<flow::Checkpoint>& checkpoint) override;

 private:
  Result<void> save_receipt(const flow::Receipt& receipt);

  std::shared_ptr<Store> store_;
  const JournalKey key_;
};

// Only the stream's newest commit can be open: a later intent means that the earlier one's outcome was found out.
//   this run's, saved    pending while it leads to no checkpoint: its task was killed before it could report success, and
//                        without a checkpoint only the commit itself tells the next attempt that the rows are there
//   this run's, unsaved  pending
//   this run's, before it was asked to be done again: saved is settled; unsaved is pending, so that its rows become known
//   another run's        pending when unsaved and leading to a checkpoint, which is where this run would start
Result<std::optional<flow::Intent>> LedgerJournal::pending() {
  const std::lock_guard guard(store_->mutex);
  auto row = WEIR_TRY(store_->sqlite.query(
      "SELECT id, until, saved_at_us, run, intended_at_us FROM commits WHERE pipeline = ? AND task = ? "
      "AND stream = ? ORDER BY sequence DESC LIMIT 1",
      key_.pipeline, key_.task, key_.stream));
  if (!WEIR_TRY(row.step())) return std::optional<flow::Intent>{};
  const bool leads_on = !row.null(1);
  const bool saved = !row.null(2);
  const bool own = row.text(3) == key_.run.text();
  if (leads_on ? saved : !own) return std::optional<flow::Intent>{};
  flow::Intent intent{CommitId{row.text(0)}, std::nullopt};
  intent.redo = !leads_on && key_.redo_since && row.integer(4) < key_.redo_since->time_since_epoch().count();
  if (intent.redo && saved) return std::optional<flow::Intent>{};
  if (leads_on) intent.until = flow::Checkpoint{row.text(1)};
  return std::optional{std::move(intent)};
}

// Only the newest counts: it has replaced those before it.
Result<std::optional<flow::Receipt>> LedgerJournal::superseded() {
  if (!key_.redo_since) return std::optional<flow::Receipt>{};
  const std::lock_guard guard(store_->mutex);
  auto row = WEIR_TRY(store_->sqlite.query(
      "SELECT id, rows, intended_at_us < ? FROM commits WHERE run = ? AND task = ? AND stream = ? AND until IS NULL "
      "AND saved_at_us IS NOT NULL ORDER BY sequence DESC LIMIT 1",
      *key_.redo_since, key_.run.text(), key_.task, key_.stream));
  if (!WEIR_TRY(row.step()) || row.integer(2) == 0) return std::optional<flow::Receipt>{};
  return std::optional{flow::Receipt{CommitId{row.text(0)}, static_cast<std::uint64_t>(row.integer(1))}};
}

Result<std::optional<flow::Checkpoint>> LedgerJournal::checkpoint() {
  const std::lock_guard guard(store_->mutex);
  auto row =
      WEIR_TRY(store_->sqlite.query("SELECT text FROM checkpoints WHERE pipeline = ? AND task = ? AND stream = ?",
                                    key_.pipeline, key_.task, key_.stream));
  if (!WEIR_TRY(row.step())) return std::optional<flow::Checkpoint>{};
  return std::optional{flow::Checkpoint{row.text(0)}};
}

// Counts what is saved, so that a commit whose outcome is unknown is tried again under the same id.
Result<CommitId> LedgerJournal::next_commit() {
  const std::lock_guard guard(store_->mutex);
  auto row =
      WEIR_TRY(store_->sqlite.query("SELECT count(*) FROM commits WHERE run = ? AND task = ? AND stream = ? "
                                    "AND saved_at_us IS NOT NULL",
                                    key_.run.text(), key_.task, key_.stream));
  WEIR_TRY(row.step());
  return CommitId{fmt::format("{}/{}/{}/{}", key_.run.text(), key_.task, key_.stream, row.integer(0) + 1)};
}

Result<void> LedgerJournal::intend(const flow::Intent& intent) {
  const std::lock_guard guard(store_->mutex);
  std::optional<std::string> until;
  if (intent.until) until = intent.until->text;
  // A repeated intent becomes the newest again; a saved commit is history and stays.
  WEIR_TRY(store_->sqlite.run(
      "INSERT INTO commits (id, run, pipeline, task, stream, until, intended_at_us) VALUES (?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (id) DO UPDATE SET until = excluded.until, intended_at_us = excluded.intended_at_us, "
      "sequence = (SELECT max(sequence) + 1 FROM commits) WHERE saved_at_us IS NULL",
      intent.commit.text(), key_.run.text(), key_.pipeline, key_.task, key_.stream, until, system_clock().now()));
  if (store_->sqlite.changes() == 0)
    return Error::bug("intending a commit that is saved already: {}", intent.commit.text());
  return {};
}

Result<void> LedgerJournal::save_receipt(const flow::Receipt& receipt) {
  auto& sqlite = store_->sqlite;
  WEIR_TRY(sqlite.run("UPDATE commits SET rows = ?, saved_at_us = ? WHERE id = ? AND saved_at_us IS NULL",
                      static_cast<std::int64_t>(receipt.rows), system_clock().now(), receipt.commit.text()));
  if (sqlite.changes() == 1) return {};
  // The answer to a save may be lost with the process that asked for it; the same receipt again changes nothing.
  auto row = WEIR_TRY(sqlite.query("SELECT rows FROM commits WHERE id = ?", receipt.commit.text()));
  if (!WEIR_TRY(row.step())) return Error::bug("saving a commit that was never intended: {}", receipt.commit.text());
  if (row.integer(0) != static_cast<std::int64_t>(receipt.rows)) {
    return Error::bug("saving a commit again with another number of rows: {}", receipt.commit.text());
  }
  return {};
}

Result<void> LedgerJournal::save(const flow::Receipt& receipt, const std::optional<flow::Checkpoint>& checkpoint) {
  const std::lock_guard guard(store_->mutex);
  auto& sqlite = store_->sqlite;
  auto transaction = WEIR_TRY(Transaction::begin(sqlite));
  WEIR_TRY(save_receipt(receipt));
  if (checkpoint) {
    WEIR_TRY(
        sqlite.run("INSERT INTO checkpoints (pipeline, task, stream, text, commit_id) VALUES (?, ?, ?, ?, ?) "
                   "ON CONFLICT DO UPDATE SET text = excluded.text, commit_id = excluded.commit_id",
                   key_.pipeline, key_.task, key_.stream, checkpoint->text, receipt.commit.text()));
  }
  return transaction.commit();
}

}  // namespace

std::unique_ptr<flow::Journal> make_journal(std::shared_ptr<Store> store, JournalKey key) {
  return std::make_unique<LedgerJournal>(std::move(store), std::move(key));
}

}  // namespace weir::ledger
