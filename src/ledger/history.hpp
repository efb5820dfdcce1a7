#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/access_store.hpp"
#include "ledger/ledger.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::ledger {

// A run as lists show it.
struct RunRecord {
  std::int64_t sequence = 0;  // rising in the order of creation: what pages go by
  Run run;
  std::uint64_t rows_written = 0;  // by the attempts that succeeded, parts aside
  int attempts_failed = 0;
};

// What says when a run was: its creation, or what it was planned for, which is where calendars show it: the end of its
// interval, or its creation when it has none.
enum class RunTime { Created, Planned };

struct RunSearch {
  std::string pipeline = {};  // "" is all, as in the others
  std::optional<RunState> state = {};
  std::string trigger = {};
  std::optional<Instant> since = {};  // then or later
  std::optional<Instant> until = {};  // before
  RunTime by = RunTime::Created;      // what `since` and `until` go by
  std::string text = {};              // in the id, the pipeline, the error or what triggered it; without case (ASCII)
  PageRequest page = {};
};

// A run as a bar.
struct RunMark {
  RunId id;
  RunState state = RunState::Queued;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
};

// The outcome of one task in one run: its newest attempt.
struct Cell {
  std::string task;
  AttemptState state = AttemptState::Queued;
  int attempts = 0;
  std::optional<Instant> started_at;
  std::optional<Instant> finished_at;
  std::uint64_t rows_written = 0;
};

// Runs of one state that were planned for one quarter of an hour.
struct CalendarCount {
  Instant from;
  RunState state = RunState::Queued;
  int runs = 0;
};

struct Totals {
  std::int64_t runs = 0;
  std::int64_t failed = 0;
  std::int64_t rows_written = 0;
};

// What people look up in the ledger: pages of runs, grids, calendars, who wrote a table. Reads only, on a connection of its
// own, so that nobody who looks makes a run wait. Lists of a ledger with 100,000 runs take milliseconds (the indexes are
// made for these queries). Thread-safe.
class History {
 public:
  // The ledger's file has to be there: whoever holds the ledger has made it.
  static Result<std::unique_ptr<History>> open(const std::filesystem::path& state_folder);
  virtual ~History() = default;

  virtual Result<std::vector<RunRecord>> runs(const RunSearch& search) = 0;                  // newest first
  virtual Result<std::vector<RunMark>> last_runs(std::string_view pipeline, int limit) = 0;  // newest first
  virtual Result<std::vector<RunRecord>> unfinished() = 0;                                   // oldest first
  virtual Result<std::optional<RunRecord>> find_run(const RunId& run) = 0;                   // by its whole id
  virtual Result<std::optional<RunId>> run_before(const RunId& run) = 0;                     // of the same pipeline
  virtual Result<std::vector<Attempt>> attempts(const RunId& run) = 0;                       // in order of start
  virtual Result<std::optional<Attempt>> find_attempt(const RunId& run, std::string_view task, int number) = 0;
  virtual Result<std::vector<CheckResult>> checks(const RunId& run) = 0;
  virtual Result<std::vector<Cell>> cells(const RunId& run) = 0;  // in order of their tasks' first start
  virtual Result<std::vector<CalendarCount>> calendar(std::string_view pipeline, Instant from, Instant to) = 0;
  // Of a table of an environment, newest first.
  virtual Result<std::vector<TableWrite>> writes(std::string_view environment, std::string_view table, int limit) = 0;
  // The newest of every table of an environment, in the order of their names.
  virtual Result<std::vector<TableWrite>> last_writes(std::string_view environment) = 0;
  virtual Result<Totals> totals(Instant since) = 0;  // of runs created since, and of tables written since
};

}  // namespace weir::ledger
