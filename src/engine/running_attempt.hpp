#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/file.hpp"
#include "engine/plan.hpp"
#include "engine/work_order.hpp"
#include "ledger/ledger.hpp"
#include "services/process.hpp"

namespace weir::engine {

using SteadyTime = std::chrono::steady_clock::time_point;

// The parent's side of one attempt: the child process, its channel and its log file.
class RunningAttempt {
 public:
  struct Places {
    std::filesystem::path weir_binary;
    std::filesystem::path state_folder;
  };
  // Opens the log, spawns the child and hands it the order.
  static Result<std::unique_ptr<RunningAttempt>> start(const Step& step, const WorkOrder& order,
                                                       ledger::Attempt attempt, const Places& places);

  // What a message from the child asks of the executor.
  struct Event {
    enum class Kind { None, Progress, Log, Part, Closed } kind = Kind::None;
    LogLine line;
    ledger::Attempt part;
  };
  // Reads one message and does what it says: updates the attempt, writes the log, asks the ledger and answers.
  Result<Event> receive(ledger::Ledger& ledger, std::string_view pipeline);
  // After the channel has closed: waits for the process and settles the attempt's end (its error, memory, output).
  void settle();
  // Appends a line to the attempt's log, as the child's own are.
  void write_log(const LogLine& line);

  void ask_to_stop(std::chrono::milliseconds grace);
  void kill();
  // When SIGKILL follows a SIGTERM, or the step's timeout strikes; nothing when neither is set.
  std::optional<SteadyTime> deadline() const;
  void deadline_passed(std::chrono::milliseconds grace);

  const Step& step() const { return step_; }
  ledger::Attempt& attempt() { return attempt_; }
  const std::optional<Error>& error() const { return error_; }
  int descriptor() const { return channel_.descriptor(); }

 private:
  RunningAttempt(const Step& step, ledger::Attempt attempt, services::Process process, services::Channel channel,
                 Descriptor log);
  Result<void> save_part(ledger::Ledger& ledger, ledger::Attempt& part) const;

  const Step& step_;
  ledger::Attempt attempt_;
  services::Process process_;
  services::Channel channel_;
  Descriptor log_;
  std::map<std::string, std::unique_ptr<flow::Journal>> journals_;
  bool reported_ = false;  // done or failed has arrived
  std::optional<Error> error_;
  std::optional<SteadyTime> timeout_at_;
  std::optional<SteadyTime> kill_at_;
  enum class StopReason { None, Cancelled, TimedOut } stop_reason_ = StopReason::None;
};

// "2026-03-03T09:45:00.123456Z info  message\n": one line of a task's log file.
std::string format_log_line(const LogLine& line);

}  // namespace weir::engine
