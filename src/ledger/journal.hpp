#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "flow/journal.hpp"
#include "ledger/sqlite.hpp"

namespace weir::ledger {

// The one connection of a ledger and the mutex that every use of it holds.
struct Store {
  explicit Store(Sqlite connection) : sqlite(std::move(connection)) {}
  std::mutex mutex;
  Sqlite sqlite;
  std::optional<Transaction> held;  // Ledger::hold
  // The first message to the outside that is not durable yet: it and those after it must not be delivered.
  std::optional<std::int64_t> first_held_message;

  Result<void> hold();
  Result<void> release();
};

// Which stream of which run a journal belongs to.
struct JournalKey {
  RunId run;
  std::string pipeline;
  std::string task;
  std::string stream;
  std::optional<Instant> redo_since;  // what the run committed before that is to be done again
};

std::unique_ptr<flow::Journal> make_journal(std::shared_ptr<Store> store, JournalKey key);

}  // namespace weir::ledger
