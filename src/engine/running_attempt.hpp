#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/file.hpp"
#include "engine/event_loop.hpp"
#include "engine/plan.hpp"
#include "engine/task_log.hpp"
#include "engine/work_order.hpp"
#include "ledger/ledger.hpp"
#include "services/process.hpp"

namespace weir::engine {

// The parent's side of one attempt: the child process, its channel and its log file.
class RunningAttempt {
 public:
  // Starts a process for the attempt; `channel` and `log` become its descriptors.
  using Spawn = std::function<Result<services::Process>(int channel, int log)>;
  // Opens the log and starts the child, which waits for its order.
  static Result<std::unique_ptr<RunningAttempt>> start(const Step& step, ledger::Attempt attempt,
                                                       const std::filesystem::path& state_folder, const Spawn& spawn);
  // Hands the order over; a child that is gone already is found out by its closed channel.
  void give(const WorkOrder& order);

  // What a message from the child asks of the executor.
  struct Event {
    enum class Kind { None, Progress, Log, Part, Closed } kind = Kind::None;
    ledger::Attempt part;
  };
  // Does what the messages that have arrived say: updates the attempt, writes the log, asks the ledger. What the child
  // waits for is sent by answer().
  Result<std::vector<Event>> receive(ledger::Ledger& ledger, std::string_view pipeline);
  // Whether the child has said how its work has ended: it has nothing more to say and ends by itself.
  bool has_reported() const { return reported_; }
  // Sends the answers to what was received, once the ledger's writes are durable.
  void answer();
  // After the child has reported or its channel has closed: settles the attempt's end (its error, memory, output). Waits
  // for the process unless it has reported.
  void settle();
  // Appends a line to the attempt's log, as the child's own are.
  void write_log(const LogLine& line);

  void ask_to_stop(std::chrono::milliseconds grace);
  void kill();
  // When SIGKILL follows a SIGTERM, or the step's timeout strikes; nothing when neither is set.
  std::optional<SteadyTime> deadline() const;
  void deadline_passed(std::chrono::milliseconds grace);

  // What the attempt's log has got since the last call, whoever wrote it: Weir, the child, the child's programs.
  std::vector<TaskLogLine> new_log_lines();
  // The same once the child is gone.
  std::vector<TaskLogLine> last_log_lines();
  const std::filesystem::path& log_path() const { return log_.path; }
  const Step& step() const { return step_; }
  ledger::Attempt& attempt() { return attempt_; }
  const std::optional<Error>& error() const { return error_; }
  int descriptor() const { return channel_.descriptor(); }

 private:
  struct Log {
    std::filesystem::path path;
    Descriptor file;
    TaskLogFollower follower;
  };
  RunningAttempt(const Step& step, ledger::Attempt attempt, services::Process process, services::Channel channel,
                 Log log);
  Result<Event> handle(const Json& message, ledger::Ledger& ledger, std::string_view pipeline);
  Result<void> save_part(ledger::Ledger& ledger, ledger::Attempt& part) const;

  const Step& step_;
  ledger::Attempt attempt_;
  services::Process process_;
  services::Channel channel_;
  Log log_;
  std::filesystem::path state_folder_;
  std::string mark_;  // of the processes that its programs have started
  std::map<std::string, std::unique_ptr<flow::Journal>> journals_;
  std::vector<std::string> answers_;
  bool reported_ = false;  // done or failed has arrived
  std::optional<Error> error_;
  std::optional<SteadyTime> timeout_at_;
  std::optional<SteadyTime> kill_at_;
  enum class StopReason { None, Cancelled, TimedOut } stop_reason_ = StopReason::None;
};

}  // namespace weir::engine
