#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/executor.hpp"
#include "engine/feed.hpp"
#include "engine/project_version.hpp"
#include "ledger/ledger.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::engine {

struct RunRequest {
  std::string pipeline;
  Json params = Json::object();
  std::vector<std::string> select = {};  // as PlanRequest
  std::string from = {};
  std::string environment = {};  // "" is the one that the scheduler serves
  std::optional<Instant> interval_from = {};
  std::optional<Instant> interval_to = {};
  std::string trigger = "manual";  // manual, api
  std::string by = {};             // the user
  std::string key = {};  // idempotency: the run that was made with the same key is returned instead of another
};

enum class CodeChoice { Old, Current };

struct RetryRequest {
  std::string from = {};  // this task and everything after it runs again; "": what is not done
  CodeChoice code = CodeChoice::Current;
  std::string by = {};
};

struct BackfillRequest {
  std::string pipeline;
  Instant from;
  Instant to;
  ledger::BackfillMode mode = ledger::BackfillMode::Missing;
  int parallel = 1;
  Json params = Json::object();
  bool downstream = false;
  std::string by = {};
};

// One interval of a backfill that is only looked at: what exists of it, and whether the backfill would run it.
struct BackfillPreview {
  struct Interval {
    Instant from;
    Instant to;
    std::optional<ledger::Run> existing;  // the newest run of this interval
    bool chosen = false;
  };
  std::vector<Interval> intervals;
  std::vector<std::string> overwritten;  // the tables that the pipeline's tasks write
};

struct NextFire {
  std::string pipeline;
  std::string schedule;  // its text
  Instant at;
  std::string local;  // on the schedule's clock, with the offset
};

// What `weir serve` runs beside its web server: it starts pipelines when their schedules, their events, a backfill or
// somebody says so, and runs them, many at once, until stop(). One thread of its own does all of it; every other member
// may be called from any thread and returns when the ledger has what it did.
class Scheduler {
 public:
  struct Options {
    VersionSource source;
    std::filesystem::path state_folder;  // <project>/.weir
    std::string version;                 // Weir's own
    int parallel = 0;                    // attempts at once over all runs; 0: four for each core, at least 16
    std::chrono::milliseconds stop_grace{5'000};
    std::function<double()> random;
    bool watch_files = true;
    bool fire_schedules = true;  // false: only what somebody asks for runs
  };

  // Takes over what an earlier process left, then begins. Errors: mistakes in the project (each in `mistakes`), the ledger.
  static Result<std::unique_ptr<Scheduler>> start(Options options, ledger::Ledger& ledger,
                                                  services::Supervisor& supervisor, std::vector<Error>& mistakes);
  virtual ~Scheduler() = default;

  // Orderly: nothing new starts, running runs are cut off where they are (they resume at the next start). Idempotent.
  virtual void stop() = 0;

  // InvalidArgument for what cannot be planned; the returned run is queued and durable.
  virtual Result<ledger::Run> submit(const RunRequest& request) = 0;
  virtual Result<ledger::Run> cancel(const RunId& run, CancelSignal::Urgency urgency, std::string_view by) = 0;
  // The same run goes on under its id. InvalidArgument when it is running or has succeeded (unless `from` is given).
  virtual Result<ledger::Run> retry(const RunId& run, const RetryRequest& request) = 0;
  // A new run in which every connection that keeps recordings answers from those of `run`. NotFound when it has none.
  virtual Result<ledger::Run> replay(const RunId& run, std::string_view by) = 0;

  virtual Result<void> pause(std::string_view pipeline, std::string_view by) = 0;
  virtual Result<void> resume(std::string_view pipeline, std::string_view by) = 0;
  virtual std::vector<ledger::Pause> paused() const = 0;

  virtual Result<BackfillPreview> preview(const BackfillRequest& request) = 0;
  virtual Result<ledger::Backfill> backfill(const BackfillRequest& request) = 0;
  virtual Result<ledger::Backfill> pause_backfill(std::string_view id) = 0;
  virtual Result<ledger::Backfill> resume_backfill(std::string_view id) = 0;
  // No further intervals; with Now also its runs are cancelled.
  virtual Result<ledger::Backfill> cancel_backfill(std::string_view id, CancelSignal::Urgency urgency) = 0;

  // The next fires of all pipelines that are not paused, in order; "" is all pipelines.
  virtual std::vector<NextFire> next_fires(std::string_view pipeline, std::size_t limit) const = 0;

  // The version that new runs start with, and what is wrong with the files as they are now (empty: they are that version).
  virtual std::shared_ptr<const ProjectVersion> version() const = 0;
  virtual std::vector<Error> problems() const = 0;
  // Reads the files again now, rather than when the system tells that they have changed.
  virtual Result<void> reload() = 0;

  // Totals of attempts that an active run has now, as progress comes in; nothing for a run that is not active.
  virtual std::vector<ledger::Attempt> live_attempts(const RunId& run) const = 0;
  // Why a step of an active run has not started yet ("waits for its pool api: 2 of 2 slots are taken").
  virtual std::map<std::string, std::string> waiting_reasons(const RunId& run) const = 0;
  // Readable when the scheduler cannot go on (the ledger cannot be written); problems() says why.
  virtual int failed_descriptor() const = 0;
  // What happens, as it happens.
  virtual Feed& feed() = 0;
};

}  // namespace weir::engine
