#include "ledger/migrations.hpp"

#include <fmt/format.h>

#include <array>

namespace weir::ledger {

namespace {

// Instants are microseconds since 1970 (UTC), so that they sort; JSON is text.
constexpr Migration kMigrations[] = {
    {1, "runs, attempts, checks, commits and checkpoints", R"sql(
CREATE TABLE runs (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  pipeline TEXT NOT NULL,
  environment TEXT NOT NULL,
  trigger TEXT NOT NULL,
  params TEXT NOT NULL,
  selection TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  started_at_us INTEGER,
  finished_at_us INTEGER,
  interval_from_us INTEGER,
  interval_to_us INTEGER,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_pipeline ON runs (pipeline, sequence);
-- What a restart looks for; ends are the many, so they are left out.
CREATE INDEX runs_unfinished ON runs (state) WHERE state IN ('queued', 'running', 'cancelling');

CREATE TABLE attempts (
  sequence INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs (id),
  task TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  started_at_us INTEGER,
  finished_at_us INTEGER,
  rows_read INTEGER NOT NULL,
  rows_written INTEGER NOT NULL,
  bytes_read INTEGER NOT NULL,
  memory_bytes_max INTEGER NOT NULL,
  log_path TEXT NOT NULL,
  error TEXT NOT NULL,
  output TEXT NOT NULL,
  UNIQUE (run, task, number)
) STRICT;
CREATE INDEX attempts_unfinished ON attempts (state) WHERE state IN ('queued', 'running', 'cancelling');

CREATE TABLE checks (
  sequence INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs (id),
  task TEXT NOT NULL,
  name TEXT NOT NULL,
  severity TEXT NOT NULL,
  passed INTEGER NOT NULL,
  rows_checked INTEGER NOT NULL,
  rows_failed INTEGER NOT NULL,
  detail TEXT NOT NULL,
  UNIQUE (run, task, name)
) STRICT;

-- An intent is a commit that is not saved yet; a receipt is one that is.
CREATE TABLE commits (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run TEXT NOT NULL REFERENCES runs (id),
  pipeline TEXT NOT NULL,
  task TEXT NOT NULL,
  stream TEXT NOT NULL,
  until TEXT,
  intended_at_us INTEGER NOT NULL,
  saved_at_us INTEGER,
  rows INTEGER
) STRICT;
CREATE INDEX commits_by_stream ON commits (pipeline, task, stream, sequence);
CREATE INDEX commits_by_run ON commits (run, task, stream);

CREATE TABLE checkpoints (
  pipeline TEXT NOT NULL,
  task TEXT NOT NULL,
  stream TEXT NOT NULL,
  text TEXT NOT NULL,
  commit_id TEXT NOT NULL REFERENCES commits (id),
  PRIMARY KEY (pipeline, task, stream)
) STRICT, WITHOUT ROWID;
)sql"},
    {2, "schedules", R"sql(
ALTER TABLE runs ADD COLUMN triggered_by TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN code_version TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN backfill TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN request_key TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX runs_by_request ON runs (request_key) WHERE request_key <> '';
CREATE INDEX runs_by_interval ON runs (pipeline, interval_from_us, sequence);
CREATE INDEX runs_by_time ON runs (created_at_us, sequence);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent <> '';
CREATE INDEX runs_by_backfill ON runs (backfill) WHERE backfill <> '';

-- Up to which fire a schedule has been dealt with: written together with the run that the fire makes.
CREATE TABLE schedule_marks (
  pipeline TEXT NOT NULL,
  schedule TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  PRIMARY KEY (pipeline, schedule)
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
  pipeline TEXT PRIMARY KEY,
  by TEXT NOT NULL,
  paused_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened to a table or a pipeline: written together with the end of the attempt or run that did it.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  run TEXT NOT NULL REFERENCES runs (id),
  task TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  interval_from_us INTEGER,
  interval_to_us INTEGER,
  UNIQUE (source, run, task)
) STRICT;
CREATE INDEX events_by_source ON events (source, sequence);

-- Up to which event of a source each consumer has made its runs.
CREATE TABLE event_offsets (
  consumer TEXT NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (consumer, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_events (
  run TEXT NOT NULL REFERENCES runs (id),
  event INTEGER NOT NULL REFERENCES events (sequence),
  PRIMARY KEY (run, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE backfills (
  id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  mode TEXT NOT NULL,
  parallel INTEGER NOT NULL,
  params TEXT NOT NULL,
  downstream INTEGER NOT NULL,
  state TEXT NOT NULL,
  by TEXT NOT NULL,
  created_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX backfills_by_pipeline ON backfills (pipeline, created_at_us);

CREATE TABLE backfill_intervals (
  backfill TEXT NOT NULL REFERENCES backfills (id),
  from_us INTEGER NOT NULL,
  to_us INTEGER NOT NULL,
  run TEXT REFERENCES runs (id),
  PRIMARY KEY (backfill, from_us)
) STRICT, WITHOUT ROWID;

-- Messages to the outside: written together with what they tell of, kept until they are delivered.
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  hook TEXT NOT NULL,
  message TEXT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  created_at_us INTEGER NOT NULL,
  next_at_us INTEGER NOT NULL,
  finished_at_us INTEGER,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next_at_us) WHERE state = 'waiting';

CREATE TABLE code_versions (
  hash TEXT PRIMARY KEY,
  seen_at_us INTEGER NOT NULL,
  files TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
    {3, "what people look up", R"sql(
CREATE INDEX runs_by_state ON runs (state, sequence);
CREATE INDEX runs_by_trigger ON runs (trigger, sequence);
CREATE INDEX runs_by_pipeline_state ON runs (pipeline, state, sequence);
-- A calendar's day is that of the planned end: a backfill fills the days that it is about.
CREATE INDEX runs_by_planned_end ON runs (pipeline, coalesce(interval_to_us, created_at_us), state);
CREATE INDEX events_by_run ON events (run, sequence);
CREATE INDEX events_by_time ON events (at_us, task, rows);
)sql"},
    {4, "table writes, events by environment, the first version of a run", R"sql(
-- A task has written a table: each time that it has. Not each of them is an event (a backfill's, a replay's, a second try's).
CREATE TABLE table_writes (
  sequence INTEGER PRIMARY KEY,
  environment TEXT NOT NULL,
  source TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  run TEXT NOT NULL REFERENCES runs (id),
  task TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  UNIQUE (run, task, attempt, source)
) STRICT;
INSERT INTO table_writes (environment, source, pipeline, run, task, attempt, at_us, rows)
  SELECT r.environment, e.source, e.pipeline, e.run, e.task,
    coalesce((SELECT max(a.number) FROM attempts a WHERE a.run = e.run AND a.task = e.task), 1), e.at_us, e.rows
  FROM events e JOIN runs r ON r.id = e.run WHERE e.task <> '' ORDER BY e.sequence;
CREATE INDEX table_writes_by_table ON table_writes (environment, source, sequence);
CREATE INDEX table_writes_by_time ON table_writes (at_us, rows);
DROP INDEX events_by_time;

-- A table of one environment is not that of another.
ALTER TABLE events ADD COLUMN environment TEXT NOT NULL DEFAULT '';
UPDATE events SET environment = (SELECT environment FROM runs WHERE runs.id = events.run);
DROP INDEX events_by_source;
CREATE INDEX events_by_source ON events (environment, source, sequence);
ALTER TABLE event_offsets RENAME TO event_offsets_before;
CREATE TABLE event_offsets (
  environment TEXT NOT NULL,
  consumer TEXT NOT NULL,
  source TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (environment, consumer, source)
) STRICT, WITHOUT ROWID;
INSERT INTO event_offsets (environment, consumer, source, sequence)
  SELECT e.environment, o.consumer, o.source, o.sequence FROM event_offsets_before o,
    (SELECT environment FROM runs UNION SELECT '') e;
DROP TABLE event_offsets_before;

ALTER TABLE runs ADD COLUMN first_code_version TEXT NOT NULL DEFAULT '';
UPDATE runs SET first_code_version = code_version WHERE started_at_us IS NOT NULL;
)sql"},
};

// FNV-1a, 64 bits: against edits by mistake, not against an attacker.
std::string checksum(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

Result<int> schema_version(Sqlite& sqlite, std::span<const Migration> known) {
  auto table = WEIR_TRY(sqlite.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"));
  if (!WEIR_TRY(table.step())) return 0;
  auto taken = WEIR_TRY(sqlite.query("SELECT number, checksum, max(number) OVER () FROM migrations ORDER BY number"));
  int version = 0;
  for (; WEIR_TRY(taken.step()); ++version) {
    const auto number = taken.integer(0);
    const auto newest = taken.integer(2);
    if (newest > std::ssize(known)) {
      return Error::user(Code::Unsupported, "the ledger was written by a newer Weir: schema {}, this program knows {}",
                         newest, known.size())
          .hint("use the Weir that wrote it, or a newer one");
    }
    const auto& step = known[static_cast<std::size_t>(version)];
    if (number != step.number || taken.text(1) != checksum(step.sql)) {
      return Error::system(Code::InvalidData, "the ledger's schema is not the one this program knows: step {}", number)
          .retry(Retry::Never)
          .hint("use the Weir that wrote this ledger");
    }
  }
  return version;
}

Result<void> migrate(Sqlite& sqlite, std::span<const Migration> known, Instant now) {
  const auto version = WEIR_TRY(schema_version(sqlite, known));
  for (const auto& step : known.subspan(static_cast<std::size_t>(version))) {
    auto transaction = WEIR_TRY(Transaction::begin(sqlite));
    WEIR_TRY(
        sqlite.run_script("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                          "checksum TEXT NOT NULL, taken_at_us INTEGER NOT NULL) STRICT"));
    WEIR_TRY(sqlite.run_script(step.sql));
    WEIR_TRY(sqlite.run("INSERT INTO migrations VALUES (?, ?, ?, ?)", std::int64_t{step.number}, step.name,
                        checksum(step.sql), now));
    WEIR_TRY(transaction.commit());
  }
  return {};
}

}  // namespace weir::ledger
