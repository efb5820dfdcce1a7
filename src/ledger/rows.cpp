#include "ledger/rows.hpp"

namespace weir::ledger {

namespace {

// A state that this program wrote reads back; another text is a damaged ledger.
template <typename State>
Result<State> known_state(std::optional<State> state, std::string_view text) {
  if (state) return *state;
  return Error::system(Code::InvalidData, "the ledger is damaged: no such state: {}", text).retry(Retry::Never);
}

}  // namespace

Result<Run> read_run(const Statement& row) {
  Run run;
  run.id = RunId{row.text(0)};
  run.pipeline = row.text(1);
  run.environment = row.text(2);
  run.trigger = row.text(3);
  run.params = WEIR_TRY(parse_json(row.text(4)));
  run.selection = WEIR_TRY(parse_json(row.text(5)));
  run.state = WEIR_TRY(known_state(parse_run_state(row.text(6)), row.text(6)));
  run.created_at = row.instant(7).value_or(Instant{});
  run.started_at = row.instant(8);
  run.finished_at = row.instant(9);
  run.interval_from = row.instant(10);
  run.interval_to = row.instant(11);
  run.error = row.text(12);
  run.triggered_by = row.text(13);
  run.code_version = row.text(14);
  run.backfill = row.text(15);
  run.parent = row.text(16);
  run.request_key = row.text(17);
  run.first_code_version = row.text(18);
  return run;
}

Result<Attempt> read_attempt(const Statement& row) {
  Attempt attempt;
  attempt.run = RunId{row.text(0)};
  attempt.task = row.text(1);
  attempt.number = static_cast<int>(row.integer(2));
  attempt.state = WEIR_TRY(known_state(parse_attempt_state(row.text(3)), row.text(3)));
  attempt.started_at = row.instant(4);
  attempt.finished_at = row.instant(5);
  attempt.rows_read = static_cast<std::uint64_t>(row.integer(6));
  attempt.rows_written = static_cast<std::uint64_t>(row.integer(7));
  attempt.bytes_read = static_cast<std::uint64_t>(row.integer(8));
  attempt.memory_bytes_max = static_cast<std::uint64_t>(row.integer(9));
  attempt.log_path = row.text(10);
  attempt.error = WEIR_TRY(parse_json(row.text(11)));
  attempt.output = WEIR_TRY(parse_json(row.text(12)));
  return attempt;
}

CheckResult read_check(const Statement& row) {
  CheckResult check;
  check.run = RunId{row.text(0)};
  check.task = row.text(1);
  check.check = row.text(2);
  check.severity = row.text(3);
  check.passed = row.integer(4) != 0;
  check.rows_checked = static_cast<std::uint64_t>(row.integer(5));
  check.rows_failed = static_cast<std::uint64_t>(row.integer(6));
  check.detail = row.text(7);
  return check;
}

Result<void> insert_run(Sqlite& sqlite, const Run& run) {
  return sqlite.run(
      "INSERT INTO runs (" WEIR_RUN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      run.id.text(), run.pipeline, run.environment, run.trigger, to_text(run.params), to_text(run.selection),
      name(run.state), run.created_at, run.started_at, run.finished_at, run.interval_from, run.interval_to, run.error,
      run.triggered_by, run.code_version, run.backfill, run.parent, run.request_key, run.first_code_version);
}

Result<void> put_attempt(Sqlite& sqlite, const Attempt& attempt) {
  return sqlite.run(
      "INSERT INTO attempts (" WEIR_ATTEMPT_COLUMNS
      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, task, number) DO UPDATE SET state = "
      "excluded.state, "
      "started_at_us = coalesce(excluded.started_at_us, started_at_us), "
      "finished_at_us = coalesce(excluded.finished_at_us, finished_at_us), rows_read = excluded.rows_read, "
      "rows_written = excluded.rows_written, bytes_read = excluded.bytes_read, "
      "memory_bytes_max = excluded.memory_bytes_max, "
      "log_path = iif(excluded.log_path = '', log_path, excluded.log_path), error = excluded.error, output = "
      "excluded.output",
      attempt.run.text(), attempt.task, std::int64_t{attempt.number}, name(attempt.state), attempt.started_at,
      attempt.finished_at, static_cast<std::int64_t>(attempt.rows_read),
      static_cast<std::int64_t>(attempt.rows_written), static_cast<std::int64_t>(attempt.bytes_read),
      static_cast<std::int64_t>(attempt.memory_bytes_max), attempt.log_path, to_text(attempt.error),
      to_text(attempt.output));
}

Result<void> put_check(Sqlite& sqlite, const CheckResult& check) {
  return sqlite.run("INSERT INTO checks (" WEIR_CHECK_COLUMNS
                    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, task, name) DO UPDATE SET "
                    "severity = excluded.severity, passed = excluded.passed, rows_checked = excluded.rows_checked, "
                    "rows_failed = excluded.rows_failed, detail = excluded.detail",
                    check.run.text(), check.task, check.check, check.severity, std::int64_t{check.passed ? 1 : 0},
                    static_cast<std::int64_t>(check.rows_checked), static_cast<std::int64_t>(check.rows_failed),
                    check.detail);
}

Result<std::optional<RunState>> run_state(Sqlite& sqlite, const RunId& run) {
  auto row = WEIR_TRY(sqlite.query("SELECT state FROM runs WHERE id = ?", run.text()));
  if (!WEIR_TRY(row.step())) return std::optional<RunState>{};
  return std::optional{WEIR_TRY(known_state(parse_run_state(row.text(0)), row.text(0)))};
}

Result<std::optional<AttemptState>> attempt_state(Sqlite& sqlite, const Attempt& attempt) {
  auto row = WEIR_TRY(sqlite.query("SELECT state FROM attempts WHERE run = ? AND task = ? AND number = ?",
                                   attempt.run.text(), attempt.task, std::int64_t{attempt.number}));
  if (!WEIR_TRY(row.step())) return std::optional<AttemptState>{};
  return std::optional{WEIR_TRY(known_state(parse_attempt_state(row.text(0)), row.text(0)))};
}

}  // namespace weir::ledger
