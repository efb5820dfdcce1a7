#include "ledger/schedule_book.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ledger/journal.hpp"
#include "ledger/rows.hpp"

namespace weir::ledger {
namespace {

constexpr std::array<std::pair<BackfillMode, std::string_view>, 3> kModes{
    {{BackfillMode::Missing, "missing"}, {BackfillMode::Failed, "failed"}, {BackfillMode::All, "all"}}};
constexpr std::array<std::pair<BackfillState, std::string_view>, 4> kStates{{{BackfillState::Running, "running"},
                                                                             {BackfillState::Paused, "paused"},
                                                                             {BackfillState::Done, "done"},
                                                                             {BackfillState::Cancelled, "cancelled"}}};

#define WEIR_EVENT_COLUMNS \
  "e.sequence, e.source, e.pipeline, e.run, e.task, e.at_us, e.rows, e.interval_from_us, e.interval_to_us"
#define WEIR_BACKFILL_COLUMNS \
  "id, pipeline, from_us, to_us, mode, parallel, params, downstream, state, by, created_at_us"

Event read_event(const Statement& row) {
  Event event;
  event.sequence = row.integer(0);
  event.source = row.text(1);
  event.pipeline = row.text(2);
  event.run = RunId{row.text(3)};
  event.task = row.text(4);
  event.at = row.instant(5).value_or(Instant{});
  event.rows = static_cast<std::uint64_t>(row.integer(6));
  event.interval_from = row.instant(7);
  event.interval_to = row.instant(8);
  return event;
}

Result<Backfill> read_backfill(const Statement& row) {
  Backfill backfill;
  backfill.id = row.text(0);
  backfill.pipeline = row.text(1);
  backfill.from = row.instant(2).value_or(Instant{});
  backfill.to = row.instant(3).value_or(Instant{});
  const auto mode = parse_backfill_mode(row.text(4));
  const auto state = parse_backfill_state(row.text(8));
  if (!mode || !state) {
    return Error::system(Code::InvalidData, "the ledger is damaged: no such mode or state of a backfill: {}",
                         backfill.id)
        .retry(Retry::Never);
  }
  backfill.mode = *mode;
  backfill.parallel = static_cast<int>(row.integer(5));
  backfill.params = WEIR_TRY(parse_json(row.text(6)));
  backfill.downstream = row.integer(7) != 0;
  backfill.state = *state;
  backfill.by = row.text(9);
  backfill.created_at = row.instant(10).value_or(Instant{});
  return backfill;
}

}  // namespace

std::string_view name(BackfillMode mode) {
  return std::ranges::find(kModes, mode, &decltype(kModes)::value_type::first)->second;
}
std::string_view name(BackfillState state) {
  return std::ranges::find(kStates, state, &decltype(kStates)::value_type::first)->second;
}

std::optional<BackfillMode> parse_backfill_mode(std::string_view text) {
  const auto found = std::ranges::find(kModes, text, &decltype(kModes)::value_type::second);
  return found == kModes.end() ? std::nullopt : std::optional{found->first};
}

std::optional<BackfillState> parse_backfill_state(std::string_view text) {
  const auto found = std::ranges::find(kStates, text, &decltype(kStates)::value_type::second);
  return found == kStates.end() ? std::nullopt : std::optional{found->first};
}

Result<std::vector<ScheduleMark>> ScheduleBook::marks() {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query("SELECT pipeline, schedule, until_us FROM schedule_marks"));
  std::vector<ScheduleMark> found;
  while (WEIR_TRY(rows.step())) found.push_back({rows.text(0), rows.text(1), rows.instant(2).value_or(Instant{})});
  return found;
}

Result<void> ScheduleBook::fire(std::span<const ScheduleMark> marks, std::span<const Run> runs) {
  const std::lock_guard guard(store_->mutex);
  auto& sqlite = store_->sqlite;
  auto transaction = WEIR_TRY(Transaction::begin(sqlite));
  for (const auto& run : runs) WEIR_TRY(insert_run(sqlite, run));
  for (const auto& mark : marks) {
    // A mark never goes back: what it has passed is dealt with.
    WEIR_TRY(
        sqlite.run("INSERT INTO schedule_marks (pipeline, schedule, until_us) VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                   "SET until_us = max(until_us, excluded.until_us)",
                   mark.pipeline, mark.schedule, mark.until));
  }
  return transaction.commit();
}

Result<std::vector<Pause>> ScheduleBook::pauses() {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query("SELECT pipeline, by, paused_at_us FROM pauses ORDER BY pipeline"));
  std::vector<Pause> found;
  while (WEIR_TRY(rows.step())) found.push_back({rows.text(0), rows.text(1), rows.instant(2).value_or(Instant{})});
  return found;
}

Result<void> ScheduleBook::pause(const Pause& pause) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run("INSERT INTO pauses (pipeline, by, paused_at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                            pause.pipeline, pause.by, pause.paused_at);
}

Result<void> ScheduleBook::resume(std::string_view pipeline) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run("DELETE FROM pauses WHERE pipeline = ?", pipeline);
}

Result<void> ScheduleBook::record_writes(std::span<const TableWrite> writes) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(store_->sqlite));
  for (const auto& write : writes) {
    WEIR_TRY(
        store_->sqlite.run("INSERT INTO table_writes (environment, source, pipeline, run, task, attempt, at_us, rows) "
                           "VALUES ((SELECT environment FROM runs WHERE id = ?3), ?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                           "ON CONFLICT DO NOTHING",
                           write.table, write.pipeline, write.run.text(), write.task, std::int64_t{write.attempt},
                           write.at, static_cast<std::int64_t>(write.rows)));
  }
  return transaction.commit();
}

Result<void> ScheduleBook::append_events(std::span<const Event> events) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(store_->sqlite));
  for (const auto& event : events) {
    // A task that runs again in the same run has written the same thing.
    WEIR_TRY(store_->sqlite.run(
        "INSERT INTO events (source, pipeline, run, task, at_us, rows, interval_from_us, interval_to_us, environment) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT environment FROM runs WHERE id = ?3)) ON CONFLICT DO NOTHING",
        event.source, event.pipeline, event.run.text(), event.task, event.at, static_cast<std::int64_t>(event.rows),
        event.interval_from, event.interval_to));
  }
  return transaction.commit();
}

Result<void> ScheduleBook::know_consumer(std::string_view consumer, std::span<const std::string> sources,
                                         std::string_view environment) {
  const std::lock_guard guard(store_->mutex);
  auto transaction = WEIR_TRY(Transaction::begin(store_->sqlite));
  for (const auto& source : sources) {
    WEIR_TRY(
        store_->sqlite.run("INSERT INTO event_offsets (environment, consumer, source, sequence) VALUES (?1, ?2, ?3, "
                           "(SELECT coalesce(max(sequence), 0) FROM events)) ON CONFLICT DO NOTHING",
                           environment, consumer, source));
  }
  return transaction.commit();
}

Result<std::vector<Event>> ScheduleBook::unconsumed(std::string_view consumer, std::span<const std::string> sources,
                                                    std::string_view environment) {
  const std::lock_guard guard(store_->mutex);
  std::vector<Event> found;
  for (const auto& source : sources) {
    auto rows = WEIR_TRY(store_->sqlite.query("SELECT " WEIR_EVENT_COLUMNS
                                              " FROM events e JOIN event_offsets o ON o.source = e.source AND "
                                              "o.environment = e.environment WHERE o.consumer = ?1 AND e.source = ?2 "
                                              "AND e.environment = ?3 AND e.sequence > o.sequence ORDER BY e.sequence",
                                              consumer, source, environment));
    while (WEIR_TRY(rows.step())) found.push_back(read_event(rows));
  }
  std::ranges::sort(found, {}, &Event::sequence);
  return found;
}

Result<void> ScheduleBook::consume(const Run& run, std::string_view consumer, std::span<const Event> events) {
  const std::lock_guard guard(store_->mutex);
  auto& sqlite = store_->sqlite;
  auto transaction = WEIR_TRY(Transaction::begin(sqlite));
  WEIR_TRY(insert_run(sqlite, run));
  for (const auto& event : events) {
    WEIR_TRY(
        sqlite.run("UPDATE event_offsets SET sequence = ?1 WHERE environment = ?2 AND consumer = ?3 AND source = ?4 "
                   "AND sequence < ?1",
                   event.sequence, run.environment, consumer, event.source));
    if (sqlite.changes() != 1) return Error::bug("event {} has been consumed by {} already", event.sequence, consumer);
    WEIR_TRY(sqlite.run("INSERT INTO run_events (run, event) VALUES (?, ?)", run.id.text(), event.sequence));
  }
  return transaction.commit();
}

Result<std::vector<Event>> ScheduleBook::events_of(const RunId& run) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query("SELECT " WEIR_EVENT_COLUMNS
                                            " FROM run_events r JOIN events e ON e.sequence = r.event WHERE r.run = ? "
                                            "ORDER BY e.sequence",
                                            run.text()));
  std::vector<Event> found;
  while (WEIR_TRY(rows.step())) found.push_back(read_event(rows));
  return found;
}

Result<std::vector<Event>> ScheduleBook::events_by(const RunId& run) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query(
      "SELECT " WEIR_EVENT_COLUMNS " FROM events e WHERE e.run = ? ORDER BY e.sequence", run.text()));
  std::vector<Event> found;
  while (WEIR_TRY(rows.step())) found.push_back(read_event(rows));
  return found;
}

Result<void> ScheduleBook::create_backfill(const Backfill& backfill) {
  const std::lock_guard guard(store_->mutex);
  auto& sqlite = store_->sqlite;
  auto transaction = WEIR_TRY(Transaction::begin(sqlite));
  WEIR_TRY(sqlite.run("INSERT INTO backfills (" WEIR_BACKFILL_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      backfill.id, backfill.pipeline, backfill.from, backfill.to, name(backfill.mode),
                      std::int64_t{backfill.parallel}, to_text(backfill.params),
                      std::int64_t{backfill.downstream ? 1 : 0}, name(backfill.state), backfill.by,
                      backfill.created_at));
  for (const auto& interval : backfill.intervals) {
    WEIR_TRY(sqlite.run("INSERT INTO backfill_intervals (backfill, from_us, to_us) VALUES (?, ?, ?)", backfill.id,
                        interval.from, interval.to));
  }
  return transaction.commit();
}

Result<void> ScheduleBook::set_backfill_state(std::string_view id, BackfillState state) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run("UPDATE backfills SET state = ? WHERE id = ?", name(state), id);
}

Result<void> ScheduleBook::run_interval(std::string_view id, Instant from, const Run& run) {
  const std::lock_guard guard(store_->mutex);
  auto& sqlite = store_->sqlite;
  auto transaction = WEIR_TRY(Transaction::begin(sqlite));
  WEIR_TRY(insert_run(sqlite, run));
  WEIR_TRY(sqlite.run("UPDATE backfill_intervals SET run = ? WHERE backfill = ? AND from_us = ? AND run IS NULL",
                      run.id.text(), id, from));
  if (sqlite.changes() != 1) return Error::bug("an interval of backfill {} has its run already", id);
  return transaction.commit();
}

Result<std::vector<BackfillInterval>> ScheduleBook::intervals_of(std::string_view id) {
  auto rows = WEIR_TRY(store_->sqlite.query(
      "SELECT i.from_us, i.to_us, coalesce(i.run, ''), coalesce(r.state, '') FROM backfill_intervals i "
      "LEFT JOIN runs r ON r.id = i.run WHERE i.backfill = ? ORDER BY i.from_us",
      id));
  std::vector<BackfillInterval> found;
  while (WEIR_TRY(rows.step())) {
    found.push_back({rows.instant(0).value_or(Instant{}), rows.instant(1).value_or(Instant{}), rows.text(2),
                     parse_run_state(rows.text(3))});
  }
  return found;
}

Result<std::optional<Backfill>> ScheduleBook::find_backfill(std::string_view id) {
  const std::lock_guard guard(store_->mutex);
  auto row = WEIR_TRY(store_->sqlite.query("SELECT " WEIR_BACKFILL_COLUMNS " FROM backfills WHERE id = ?", id));
  if (!WEIR_TRY(row.step())) return std::optional<Backfill>{};
  auto backfill = WEIR_TRY(read_backfill(row));
  backfill.intervals = WEIR_TRY(intervals_of(id));
  return std::optional{std::move(backfill)};
}

Result<std::vector<Backfill>> ScheduleBook::backfills(std::string_view pipeline, int limit) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(
      store_->sqlite.query("SELECT " WEIR_BACKFILL_COLUMNS
                           " FROM backfills WHERE ?1 = '' OR pipeline = ?1 ORDER BY created_at_us DESC, id LIMIT ?2",
                           pipeline, std::int64_t{limit}));
  std::vector<Backfill> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_backfill(rows)));
  for (auto& backfill : found) backfill.intervals = WEIR_TRY(intervals_of(backfill.id));
  return found;
}

Result<std::vector<Backfill>> ScheduleBook::running_backfills() {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query("SELECT " WEIR_BACKFILL_COLUMNS
                                            " FROM backfills WHERE state = 'running' ORDER BY created_at_us, id"));
  std::vector<Backfill> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_backfill(rows)));
  for (auto& backfill : found) backfill.intervals = WEIR_TRY(intervals_of(backfill.id));
  return found;
}

Result<std::vector<Run>> ScheduleBook::runs_of_intervals(std::string_view pipeline, Instant from, Instant to) {
  const std::lock_guard guard(store_->mutex);
  // SQLite takes the other columns from the row of the maximum (https://www.sqlite.org/lang_select.html#bareagg).
  auto rows = WEIR_TRY(store_->sqlite.query("SELECT " WEIR_RUN_COLUMNS
                                            ", max(sequence) FROM runs WHERE pipeline = ? AND interval_from_us >= ? "
                                            "AND interval_from_us < ? GROUP BY interval_from_us, interval_to_us "
                                            "ORDER BY interval_from_us",
                                            pipeline, from, to));
  std::vector<Run> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_run(rows)));
  return found;
}

Result<std::vector<Run>> ScheduleBook::queued_runs() {
  const std::lock_guard guard(store_->mutex);
  auto rows =
      WEIR_TRY(store_->sqlite.query("SELECT " WEIR_RUN_COLUMNS " FROM runs WHERE state = 'queued' ORDER BY sequence"));
  std::vector<Run> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_run(rows)));
  return found;
}

Result<std::vector<Run>> ScheduleBook::children_of(const RunId& parent) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query(
      "SELECT " WEIR_RUN_COLUMNS " FROM runs WHERE parent = ?1 AND parent <> '' ORDER BY sequence", parent.text()));
  std::vector<Run> found;
  while (WEIR_TRY(rows.step())) found.push_back(WEIR_TRY(read_run(rows)));
  return found;
}

Result<std::optional<Run>> ScheduleBook::find_request(std::string_view request_key) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query(
      "SELECT " WEIR_RUN_COLUMNS " FROM runs WHERE request_key = ?1 AND request_key <> ''", request_key));
  if (!WEIR_TRY(rows.step())) return std::optional<Run>{};
  return std::optional{WEIR_TRY(read_run(rows))};
}

Result<std::optional<Run>> ScheduleBook::last_ended(std::string_view pipeline, const RunId& before) {
  const std::lock_guard guard(store_->mutex);
  auto rows = WEIR_TRY(store_->sqlite.query(
      "SELECT " WEIR_RUN_COLUMNS
      " FROM runs WHERE pipeline = ?1 AND sequence < (SELECT sequence FROM runs WHERE id = ?2) AND state IN "
      "('succeeded', 'failed') ORDER BY sequence DESC LIMIT 1",
      pipeline, before.text()));
  if (!WEIR_TRY(rows.step())) return std::optional<Run>{};
  return std::optional{WEIR_TRY(read_run(rows))};
}

Result<void> ScheduleBook::save_code_version(std::string_view hash, Instant seen_at, const Json& files) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run(
      "INSERT INTO code_versions (hash, seen_at_us, files) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", hash, seen_at,
      to_text(files));
}

Result<std::optional<Json>> ScheduleBook::code_version(std::string_view hash) {
  const std::lock_guard guard(store_->mutex);
  auto row = WEIR_TRY(store_->sqlite.query("SELECT files FROM code_versions WHERE hash = ?", hash));
  if (!WEIR_TRY(row.step())) return std::optional<Json>{};
  return std::optional{WEIR_TRY(parse_json(row.text(0)))};
}

}  // namespace weir::ledger
