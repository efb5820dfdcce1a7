#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "engine/connections.hpp"
#include "engine/plan.hpp"
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
  virtual void logged(const Step&, const LogLine&) {}
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
  std::string replay = {};                      // a run whose recordings answer instead of the network
};

// Executes plans: one child process per attempt, at most plan.parallel at once, in dependency order; retries by each step's
// policy; skips what depends on a failure and says why. Every change of state is in the ledger before it is shown.
// Event-driven: it sleeps until a child speaks or ends, a delay is over or a cancel arrives.
class Executor {
 public:
  Executor(ledger::Ledger& ledger, const Connections& connections, ExecutorOptions options, RunObserver& observer);

  // Runs to the end. The run exists in the ledger in state queued (or lost, when it is resumed). The returned run has its
  // final state; an Error means that the ledger itself could not be written.
  Result<ledger::Run> execute(const Plan& plan, ledger::Run run, const CancelSignal& cancel);

 private:
  ledger::Ledger& ledger_;
  const Connections& connections_;
  ExecutorOptions options_;
  RunObserver& observer_;
};

}  // namespace weir::engine
