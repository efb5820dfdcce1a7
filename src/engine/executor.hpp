#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "engine/event_loop.hpp"
#include "engine/plan.hpp"
#include "engine/project_version.hpp"
#include "engine/task_log.hpp"
#include "ledger/ledger.hpp"

namespace weir::engine {

// Shows what a run does, as it happens. Called from the executor's thread only; must not block for long.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void run_started(const ledger::Run&, const Plan&) {}
  // The attempt's state has changed; a skipped step's reason and a failure's text are in its error.
  virtual void step_changed(const Step&, const ledger::Attempt&) {}
  virtual void retry_scheduled(const Step&, const ledger::Attempt&, std::chrono::milliseconds /*delay*/) {}
  virtual void progressed(const Step&, const ledger::Attempt&) {}
  // A part of a step that another program ran (a node of dbt) has ended; its name is "step/part".
  virtual void part_finished(const Step&, const ledger::Attempt& /*part*/) {}
  // A line of the attempt's log, also one that a program has printed there.
  virtual void logged(const Step&, const ledger::Attempt&, const TaskLogLine&) {}
  // The run is being cancelled.
  virtual void run_changed(const ledger::Run&) {}
  virtual void run_finished(const ledger::Run&) {}
};

// Asks a run to end. Orderly: nothing new starts, running tasks stop at their next safe point (SIGTERM). Now: they are
// killed; what they had not committed never happened. Async-signal-safe, from any thread.
class CancelSignal {
 public:
  enum class Urgency { Orderly, Now };
  static Result<std::unique_ptr<CancelSignal>> create();
  explicit CancelSignal(Descriptor event) : event_(std::move(event)) {}

  void request(Urgency urgency) noexcept;
  int descriptor() const { return event_.get(); }  // readable when something was requested
  // Makes the descriptor unreadable until the next request.
  void drain() const;
  // What was asked for so far; Orderly for the first request, Now for the second.
  std::optional<Urgency> requested() const;

 private:
  Descriptor event_;
  std::atomic<int> requests_ = 0;
};

struct ExecutorOptions {
  std::filesystem::path weir_binary;            // run as `weir task`
  std::filesystem::path state_folder;           // <project>/.weir: logs go below it
  std::chrono::milliseconds stop_grace{5'000};  // between SIGTERM and SIGKILL
  std::function<double()> random;               // in [0, 1), for the jitter of delays
  std::size_t parallel = 1'000;                 // attempts at once over all runs
};

// A run to be executed. It exists in the ledger in state queued (or ended, when it is resumed).
struct RunOrder {
  Plan plan;
  ledger::Run run;
  std::shared_ptr<const ProjectVersion> version;
  RunObserver* observer = nullptr;  // outlives the run
  bool is_recovered = false;        // goes on by itself after its process was killed: tries that were lost count
  std::string replay = {};          // a run whose recordings answer instead of the network
  // The run has its final state, in the ledger too. Called once, on the loop's thread.
  std::function<Result<void>(const ledger::Run&)> ended = {};
  // Hears of an event of this source that the run has made: what comes after it may start. Optional.
  std::function<void(const std::string& source)> made_event = {};
  // Writes what belongs to a failure that is followed by another attempt, and to a step that has waited long for a slot,
  // durable with it. Optional.
  std::function<Result<void>(const Step&, const ledger::Attempt&, std::chrono::milliseconds delay)> record_retry = {};
  std::function<Result<void>(const Step&, std::chrono::milliseconds waited, const std::string& reason)> record_wait =
      {};
};

// A task of kind `pipeline` asks for a run of another pipeline.
struct ChildRequest {
  std::string pipeline;
  Json params;
  const ledger::Run& parent;
  std::string task;
};

// How such a run says what set it off: "outer/step".
std::string child_trigger(const ledger::Run& parent, std::string_view task);

// Executes runs, many at once, on an event loop: one child process per attempt, in dependency order; retries by each
// step's policy; skips what depends on a failure and says why. Limits: a run's `parallel`, the slots of a pool, a task's
// `concurrency`, all attempts together; where they are scarce the higher priority comes first, then the older run.
// Every change of state is in the ledger before it is shown; what happens in one turn of the loop is written at once.
class Executor {
 public:
  Executor(EventLoop& loop, ledger::Ledger& ledger, ExecutorOptions options);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Starts runs of other pipelines for tasks; without it such a task fails.
  void on_child(std::function<Result<ledger::Run>(const ChildRequest&)> start);
  // Cancels such a run; without it only one that this executor runs.
  void on_cancel_child(std::function<Result<void>(const RunId&, CancelSignal::Urgency)> cancel);
  // Says whether the project's files are known to be those of a version; without it each task that needs to know compares
  // them.
  void on_current(std::function<bool(const ProjectVersion&)> is_current);
  // The slots of pools by name; a pool that is not named has one.
  void set_pools(std::map<std::string, int> slots);

  Result<void> start(RunOrder order);
  bool is_active(const RunId& run) const;
  std::size_t active_runs() const;
  std::size_t running_attempts() const;
  Result<void> cancel(const RunId& run, CancelSignal::Urgency urgency);
  // A run that a task has started for another pipeline has ended, or could not be started.
  Result<void> child_ended(const ledger::Run& run);
  // Ends all children at once: their attempts are cancelled, their runs wait in the ledger, queued, to go on later.
  Result<void> interrupt();
  // Ends all children at once without touching the ledger: the runs are found lost by the next process.
  void abandon();

  // Called in each turn before waiting steps get their slots and what was written is released.
  void each_turn(std::function<Result<void>()> work);
  // Calls back after what this turn has written is durable.
  void after_write(std::function<void()> then);

  std::vector<ledger::Attempt> live_attempts(const RunId& run) const;
  std::map<std::string, std::string> waiting_reasons(const RunId& run) const;

  // Records the steps that have waited longer than their warning allows.
  Result<void> warn_of_waiting();

  // Turns the loop until the run has ended: `weir run`. The returned run has its final state; an Error means that the
  // ledger itself could not be written.
  Result<ledger::Run> execute(RunOrder order, const CancelSignal& cancel);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::engine
