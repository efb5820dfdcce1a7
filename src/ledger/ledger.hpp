#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "flow/journal.hpp"
#include "ledger/state.hpp"

namespace weir::ledger {

struct Run {
  RunId id;
  std::string pipeline;
  std::string environment;
  std::string trigger;  // "manual", "schedule", "backfill", "dataset", "retry", "replay", "api", "pipeline"
  Json params;
  Json selection;  // which tasks were asked for; null: all
  RunState state = RunState::Queued;
  Instant created_at;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
  std::optional<Instant> interval_from;
  std::optional<Instant> interval_to;
  std::string error = {};         // the first failure's text
  std::string triggered_by = {};  // the user, the schedule's text, the pipelines and tables whose events it consumes
  std::string code_version = {};  // the hash of the project's files that it runs with (engine/project_version.hpp)
  std::string backfill = {};      // the backfill that it belongs to
  std::string parent = {};        // the run whose task started it
  std::string request_key = {};   // a caller's own key: a second run with the same one is not made
  std::string first_code_version = {};  // the hash of those that it began with, whatever it was retried with
};

// One try of one task of one run. Attempts count from 1; a task that never started is an attempt 0 with its reason.
struct Attempt {
  RunId run;
  std::string task;
  int number = 1;
  AttemptState state = AttemptState::Queued;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
  std::uint64_t rows_read = 0;
  std::uint64_t rows_written = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t memory_bytes_max = 0;
  std::string log_path;  // relative to .weir
  Json error;            // fault, code, message, hint, place, context; null when it succeeded
  Json output;           // what the task reports about itself (tables written, receipts, figures)
};

struct CheckResult {
  RunId run;
  std::string task;
  std::string check;     // the rule's or test's name
  std::string severity;  // warn, error, quarantine
  bool passed = false;
  std::uint64_t rows_checked = 0;
  std::uint64_t rows_failed = 0;
  std::string detail;
};

class ScheduleBook;
class Outbox;

struct RunFilter {
  std::string pipeline;  // "" is all
  std::optional<RunState> state;
  int limit = 25;
};

// The one record of what happened, in SQLite (.weir/ledger.sqlite3, WAL, synchronous=FULL). One process writes (it holds
// .weir/lock); any number read. Thread-safe; every write is durable when it returns, and a state changes only along the
// table in state.hpp (a forbidden transition is a bug).
class Ledger {
 public:
  enum class Mode { Write, Read };
  // Runs the numbered migrations when opened to write. Conflict when another process holds the lock: the hint names its pid.
  static Result<std::unique_ptr<Ledger>> open(const std::filesystem::path& state_folder, Mode mode);
  virtual ~Ledger() = default;

  virtual Result<void> create_run(const Run& run) = 0;
  virtual Result<void> set_run_state(const RunId& run, RunState state, Instant at, std::string_view error = {}) = 0;
  // An ended run is to run again: it waits in state queued, with what is asked of it now.
  virtual Result<void> requeue_run(const RunId& run, const Json& selection) = 0;
  // Which version of the project's files the run executes from now on; the first one stays known.
  virtual Result<void> set_run_version(const RunId& run, std::string_view hash) = 0;
  virtual Result<void> start_attempt(const Attempt& attempt) = 0;
  virtual Result<void> finish_attempt(const Attempt& attempt) = 0;
  virtual Result<void> save_check(const CheckResult& check) = 0;
  // What the previous owner of the lock left running: marks those attempts lost, and returns their runs. Runs that were
  // only queued are lost too, or kept for whoever starts them.
  enum class QueuedRuns { Lose, Keep };
  virtual Result<std::vector<Run>> recover(Instant now, QueuedRuns queued = QueuedRuns::Lose) = 0;

  virtual Result<std::optional<Run>> find_run(std::string_view id_or_prefix) = 0;  // "last" is the newest
  virtual Result<std::vector<Run>> runs(const RunFilter& filter) = 0;              // newest first
  virtual Result<std::vector<Attempt>> attempts(const RunId& run) = 0;             // in order of start
  virtual Result<std::vector<CheckResult>> checks(const RunId& run) = 0;

  // What the scheduler keeps beside runs; lives as long as the ledger.
  virtual ScheduleBook& schedules() = 0;
  virtual Outbox& outbox() = 0;

  // Between hold() and release() all writes, those of journals too, are durable only together, at release(): one wait for
  // the disk instead of one each. Who holds answers nobody before.
  virtual Result<void> hold() = 0;
  virtual Result<void> release() = 0;

  // The journal of one stream of one task: intents and receipts by run and task, checkpoints by pipeline, task and
  // stream, so that the next run goes on where the last one saved. Commit ids are "<run>/<task>/<stream>/<n>".
  // What the run has committed before `redo_since` is to be done again.
  virtual std::unique_ptr<flow::Journal> journal(const RunId& run, std::string_view pipeline, std::string_view task,
                                                 std::string_view stream, std::optional<Instant> redo_since) = 0;
  std::unique_ptr<flow::Journal> journal(const RunId& run, std::string_view pipeline, std::string_view task,
                                         std::string_view stream) {
    return journal(run, pipeline, task, stream, std::nullopt);
  }
};

}  // namespace weir::ledger
