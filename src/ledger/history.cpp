#include "ledger/history.hpp"

#include <limits>
#include <mutex>
#include <set>

#include "ledger/rows.hpp"

namespace weir::ledger {
namespace {

// Parts of a step ("step/part", written beside the step's own attempt) repeat rows that the step counts.
#define WEIR_RECORD_COLUMNS                                                                                   \
  WEIR_RUN_COLUMNS                                                                                            \
  ", sequence, (SELECT coalesce(sum(a.rows_written), 0) FROM attempts a WHERE a.run = runs.id AND a.state = " \
  "'succeeded' AND NOT EXISTS (SELECT 1 FROM attempts s WHERE s.run = a.run AND instr(a.task, '/') > 0 AND "  \
  "s.task = substr(a.task, 1, instr(a.task, '/') - 1))), "                                                    \
  "(SELECT count(*) FROM attempts a WHERE a.run = runs.id AND a.state = 'failed')"

// Columns of WEIR_RUN_COLUMNS.
constexpr int kRunColumns = 19;

#define WEIR_WRITE_COLUMNS "at_us, source, pipeline, task, run, attempt, rows"

// What the index runs_by_planned_end is made of, in its words.
#define WEIR_PLANNED_END "coalesce(interval_to_us, created_at_us)"

constexpr std::int64_t kQuarterUs = 15LL * 60 * 1'000'000;

Result<RunRecord> read_record(const Statement& row) {
  RunRecord record;
  record.run = WEIR_TRY(read_run(row));
  record.sequence = row.integer(kRunColumns);
  record.rows_written = static_cast<std::uint64_t>(row.integer(kRunColumns + 1));
  record.attempts_failed = static_cast<int>(row.integer(kRunColumns + 2));
  return record;
}

TableWrite read_write(const Statement& row) {
  return {.at = row.instant(0).value_or(Instant{}),
          .table = row.text(1),
          .pipeline = row.text(2),
          .task = row.text(3),
          .run = RunId{row.text(4)},
          .attempt = static_cast<int>(row.integer(5)),
          .rows = static_cast<std::uint64_t>(row.integer(6))};
}

std::string like_pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char letter : text) {
    if (letter == '%' || letter == '_' || letter == '\\') pattern += '\\';
    pattern += letter;
  }
  return pattern + "%";
}

std::string_view index_for(const RunSearch& search) {
  if (!search.pipeline.empty()) {
    return search.state ? " INDEXED BY runs_by_pipeline_state" : " INDEXED BY runs_by_pipeline";
  }
  if (search.state) return " INDEXED BY runs_by_state";
  return search.trigger.empty() ? "" : " INDEXED BY runs_by_trigger";
}

class SqliteHistory final : public History {
 public:
  explicit SqliteHistory(Sqlite sqlite) : sqlite_(std::move(sqlite)) {}

  Result<std::vector<RunRecord>> runs(const RunSearch& search) override {
    const std::lock_guard guard(mutex_);
    const auto state = search.state ? name(*search.state) : std::string_view{};
    auto rows = WEIR_TRY(
        sqlite_.query(statement_for(search), search.page.before.value_or(std::numeric_limits<std::int64_t>::max()),
                      std::int64_t{search.page.limit}, search.pipeline, state, search.trigger,
                      search.since.value_or(Instant{}), like_pattern(search.text), search.until.value_or(Instant{})));
    return read_records(rows);
  }

  Result<std::vector<RunMark>> last_runs(std::string_view pipeline, int limit) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(sqlite_.query(
        "SELECT id, state, started_at_us, finished_at_us FROM runs WHERE pipeline = ? ORDER BY sequence DESC LIMIT ?",
        pipeline, std::int64_t{limit}));
    std::vector<RunMark> found;
    while (WEIR_TRY(rows.step())) {
      found.push_back({.id = RunId{rows.text(0)},
                       .state = parse_run_state(rows.text(1)).value_or(RunState::Lost),
                       .started_at = rows.instant(2),
                       .finished_at = rows.instant(3)});
    }
    return found;
  }

  Result<std::vector<RunRecord>> unfinished() override {
    const std::lock_guard guard(mutex_);
    auto rows =
        WEIR_TRY(sqlite_.query("SELECT " WEIR_RECORD_COLUMNS
                               " FROM runs WHERE state IN ('queued', 'running', 'cancelling') ORDER BY sequence"));
    return read_records(rows);
  }

  Result<std::optional<RunRecord>> find_run(const RunId& run) override {
    const std::lock_guard guard(mutex_);
    auto row = WEIR_TRY(sqlite_.query("SELECT " WEIR_RECORD_COLUMNS " FROM runs WHERE id = ?", run.text()));
    if (!WEIR_TRY(row.step())) return std::optional<RunRecord>{};
    return std::optional{WEIR_TRY(read_record(row))};
  }

  Result<std::optional<RunId>> run_before(const RunId& run) override {
    const std::lock_guard guard(mutex_);
    auto row = WEIR_TRY(
        sqlite_.query("SELECT earlier.id FROM runs AS run JOIN runs AS earlier ON earlier.pipeline = run.pipeline AND "
                      "earlier.sequence < run.sequence WHERE run.id = ? ORDER BY earlier.sequence DESC LIMIT 1",
                      run.text()));
    if (!WEIR_TRY(row.step())) return std::optional<RunId>{};
    return std::optional{RunId{row.text(0)}};
  }

  Result<std::vector<Attempt>> attempts(const RunId& run) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(
        sqlite_.query("SELECT " WEIR_ATTEMPT_COLUMNS " FROM attempts WHERE run = ? ORDER BY sequence", run.text()));
    std::vector<Attempt> found;
    while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_attempt(rows)));
    return found;
  }

  Result<std::optional<Attempt>> find_attempt(const RunId& run, std::string_view task, int number) override {
    const std::lock_guard guard(mutex_);
    auto row = WEIR_TRY(sqlite_.query("SELECT " WEIR_ATTEMPT_COLUMNS
                                      " FROM attempts WHERE run = ?1 AND task = ?2 AND (?3 < 0 OR number = ?3) "
                                      "ORDER BY number DESC LIMIT 1",
                                      run.text(), task, std::int64_t{number}));
    if (!WEIR_TRY(row.step())) return std::optional<Attempt>{};
    return std::optional{WEIR_TRY(read_attempt(row))};
  }

  Result<std::vector<CheckResult>> checks(const RunId& run) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(
        sqlite_.query("SELECT " WEIR_CHECK_COLUMNS " FROM checks WHERE run = ? ORDER BY sequence", run.text()));
    std::vector<CheckResult> found;
    while (WEIR_TRY(rows.step())) found.push_back(read_check(rows));
    return found;
  }

  Result<std::vector<Cell>> cells(const RunId& run) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(sqlite_.query(
        "SELECT task, state, number, started_at_us, finished_at_us, rows_written FROM attempts WHERE run = "
        "? ORDER BY sequence",
        run.text()));
    std::vector<Cell> found;
    std::map<std::string, std::size_t> places;
    while (WEIR_TRY(rows.step())) {
      Cell cell{.task = rows.text(0),
                .state = parse_attempt_state(rows.text(1)).value_or(AttemptState::Lost),
                .attempts = static_cast<int>(rows.integer(2)),
                .started_at = rows.instant(3),
                .finished_at = rows.instant(4),
                .rows_written = static_cast<std::uint64_t>(rows.integer(5))};
      const auto [place, is_new] = places.emplace(cell.task, found.size());
      if (is_new) {
        found.push_back(std::move(cell));
      } else if (cell.attempts >= found[place->second].attempts) {
        found[place->second] = std::move(cell);
      }
    }
    return found;
  }

  Result<std::vector<CalendarCount>> calendar(std::string_view pipeline, Instant from, Instant to) override {
    const std::lock_guard guard(mutex_);
    auto rows =
        WEIR_TRY(sqlite_.query("SELECT " WEIR_PLANNED_END
                               " / ?4 AS quarter, state, count(*) FROM runs WHERE pipeline = ?1 AND " WEIR_PLANNED_END
                               " >= ?2 AND " WEIR_PLANNED_END " < ?3 GROUP BY quarter, state",
                               pipeline, from, to, kQuarterUs));
    std::vector<CalendarCount> found;
    while (WEIR_TRY(rows.step())) {
      found.push_back({.from = Instant{std::chrono::microseconds{rows.integer(0) * kQuarterUs}},
                       .state = parse_run_state(rows.text(1)).value_or(RunState::Lost),
                       .runs = static_cast<int>(rows.integer(2))});
    }
    return found;
  }

  Result<std::vector<TableWrite>> writes(std::string_view environment, std::string_view table, int limit) override {
    const std::lock_guard guard(mutex_);
    auto rows =
        WEIR_TRY(sqlite_.query("SELECT " WEIR_WRITE_COLUMNS
                               " FROM table_writes WHERE environment = ? AND source = ? ORDER BY sequence DESC LIMIT ?",
                               environment, table, std::int64_t{limit}));
    std::vector<TableWrite> found;
    while (WEIR_TRY(rows.step())) found.push_back(read_write(rows));
    return found;
  }

  Result<std::vector<TableWrite>> last_writes(std::string_view environment) override {
    const std::lock_guard guard(mutex_);
    // One step along the index for each table, rather than a look at every write.
    auto rows = WEIR_TRY(sqlite_.query(
        "WITH RECURSIVE sources (source) AS (SELECT min(source) FROM table_writes WHERE environment = ?1 UNION ALL "
        "SELECT (SELECT min(source) FROM table_writes WHERE environment = ?1 AND source > sources.source) FROM sources "
        "WHERE sources.source IS NOT NULL) SELECT " WEIR_WRITE_COLUMNS
        " FROM table_writes WHERE sequence IN (SELECT (SELECT max(sequence) FROM table_writes WHERE environment = ?1 "
        "AND source = sources.source) FROM sources WHERE sources.source IS NOT NULL) ORDER BY source",
        environment));
    std::vector<TableWrite> found;
    while (WEIR_TRY(rows.step())) found.push_back(read_write(rows));
    return found;
  }

  Result<Totals> totals(Instant since) override {
    const std::lock_guard guard(mutex_);
    auto row = WEIR_TRY(sqlite_.query(
        "SELECT (SELECT count(*) FROM runs WHERE created_at_us >= ?1), (SELECT count(*) FROM runs WHERE state = "
        "'failed' AND "
        "sequence >= coalesce((SELECT sequence FROM runs WHERE created_at_us >= ?1 ORDER BY created_at_us, sequence "
        "LIMIT "
        "1), 9223372036854775807)), (SELECT coalesce(sum(rows), 0) FROM table_writes WHERE at_us >= ?1)",
        since));
    WEIR_TRY(row.step());
    return Totals{.runs = row.integer(0), .failed = row.integer(1), .rows_written = row.integer(2)};
  }

 private:
  static Result<std::vector<RunRecord>> read_records(Statement& rows) {
    std::vector<RunRecord> found;
    while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_record(rows)));
    return found;
  }

  // Only the conditions that are asked for, over the index that is made for them: left to itself SQLite, which counts
  // nothing, walks all runs from the newest when it looks for few. The connection keeps prepared statements by their
  // texts, which therefore have to live as long: there are 128 at most.
  const std::string& statement_for(const RunSearch& search) {
    const bool by_plan = search.by == RunTime::Planned && (search.since || search.until);
    std::string sql = "SELECT " WEIR_RECORD_COLUMNS " FROM runs";
    // Those that are planned for some time are found by their sequence.
    if (!by_plan) sql += index_for(search);
    sql += " WHERE sequence < ?1";
    if (!search.pipeline.empty()) sql += " AND pipeline = ?3";
    if (search.state) sql += " AND state = ?4";
    if (!search.trigger.empty()) sql += " AND trigger = ?5";
    if (by_plan) {
      sql += " AND sequence IN (SELECT sequence FROM runs INDEXED BY runs_by_planned_end WHERE true";
      if (!search.pipeline.empty()) sql += " AND pipeline = ?3";
      if (search.since) sql += " AND " WEIR_PLANNED_END " >= ?6";
      if (search.until) sql += " AND " WEIR_PLANNED_END " < ?8";
      sql += ")";
    }
    if (search.since && !by_plan) {
      sql +=
          " AND sequence >= coalesce((SELECT sequence FROM runs WHERE created_at_us >= ?6 ORDER BY created_at_us, "
          "sequence LIMIT 1), 9223372036854775807)";
    }
    if (search.until && !by_plan) {
      sql +=
          " AND sequence < coalesce((SELECT sequence FROM runs WHERE created_at_us >= ?8 ORDER BY created_at_us, "
          "sequence LIMIT 1), 9223372036854775807)";
    }
    if (!search.text.empty()) {
      sql +=
          " AND (id LIKE ?7 ESCAPE '\\' OR pipeline LIKE ?7 ESCAPE '\\' OR error LIKE ?7 ESCAPE '\\' OR triggered_by "
          "LIKE ?7 ESCAPE '\\')";
    }
    // Names every parameter, since all of them are bound.
    sql +=
        " AND ?3 IS NOT NULL AND ?4 IS NOT NULL AND ?5 IS NOT NULL AND ?6 IS NOT NULL AND ?7 IS NOT NULL "
        "AND ?8 IS NOT NULL";
    sql += " ORDER BY sequence DESC LIMIT ?2";
    return *statements_.insert(std::move(sql)).first;
  }

  std::mutex mutex_;
  std::set<std::string> statements_;
  Sqlite sqlite_;
};

}  // namespace

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& state_folder) {
  auto sqlite = WEIR_TRY(Sqlite::open(state_folder / "ledger.sqlite3", Sqlite::Mode::Read));
  return std::unique_ptr<History>(std::make_unique<SqliteHistory>(std::move(sqlite)));
}

}  // namespace weir::ledger
