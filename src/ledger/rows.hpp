#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

// Rows of the ledger's tables as their records, and back. The column lists here are the only ones.
namespace weir::ledger {

#define WEIR_RUN_COLUMNS                                                                                         \
  "id, pipeline, environment, trigger, params, selection, state, created_at_us, started_at_us, finished_at_us, " \
  "interval_from_us, interval_to_us, error, triggered_by, code_version, backfill, parent, request_key, "         \
  "first_code_version"

#define WEIR_ATTEMPT_COLUMNS                                                                                         \
  "run, task, number, state, started_at_us, finished_at_us, rows_read, rows_written, bytes_read, memory_bytes_max, " \
  "log_path, error, output"

#define WEIR_CHECK_COLUMNS "run, task, name, severity, passed, rows_checked, rows_failed, detail"

Result<Run> read_run(const Statement& row);
Result<Attempt> read_attempt(const Statement& row);
CheckResult read_check(const Statement& row);

Result<void> insert_run(Sqlite& sqlite, const Run& run);
// Inserts the attempt, or replaces what is known about it; what it lacks (times, a log path) is kept as it was.
Result<void> put_attempt(Sqlite& sqlite, const Attempt& attempt);
// A retry of the task checks again: the last result stands.
Result<void> put_check(Sqlite& sqlite, const CheckResult& check);

// Nothing when there is no such run or attempt.
Result<std::optional<RunState>> run_state(Sqlite& sqlite, const RunId& run);
Result<std::optional<AttemptState>> attempt_state(Sqlite& sqlite, const Attempt& attempt);

}  // namespace weir::ledger
