#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/connection_opener.hpp"
#include "engine/executor.hpp"
#include "engine/log_watch.hpp"
#include "engine/running_attempt.hpp"
#include "engine/slots.hpp"

namespace weir::engine {

class ActiveRun;

// What the runs of one executor share.
struct RunShared {
  EventLoop& loop;
  ledger::Ledger& ledger;
  ExecutorOptions options;
  Slots slots;
  std::function<Result<services::Process>(int channel, int log)> spawn;
  std::function<Result<ledger::Run>(const ChildRequest&)> start_child;
  std::function<Result<void>(const RunId&, CancelSignal::Urgency)> cancel_child;
  std::function<bool(const ProjectVersion&)> is_current;
  std::vector<std::function<void()>> after_write;                // what follows this turn's write
  std::map<RunId, std::pair<ActiveRun*, std::size_t>> children;  // runs that a step waits for
  // Steps that could start but for a slot: the order in which they get one.
  struct Turn {
    int priority;  // the negative of the step's
    std::uint64_t run_number;
    std::string limit;  // steps of one run with the same limits stand together
    auto operator<=>(const Turn&) const = default;
  };
  struct Waiting {
    ActiveRun* run = nullptr;
    std::set<std::size_t> steps;
  };
  std::map<Turn, Waiting> waiting;
  LogWatch log_watch;
};

// One run under way: which steps have ended, which run, which may start next. All of it happens on the loop's thread.
class ActiveRun : public std::enable_shared_from_this<ActiveRun> {
 public:
  ActiveRun(RunShared& shared, RunOrder order, std::uint64_t number);
  ~ActiveRun();

  Result<void> begin();
  Result<void> cancel(CancelSignal::Urgency urgency);
  // Gives a slot to a step that waits for one; false when it still waits for a connection.
  Result<bool> start_step(std::size_t i);
  bool may_start_more() const { return running_ < static_cast<std::size_t>(plan().parallel); }
  // Looks at what the ends of steps mean for others, and ends the run when it is over.
  Result<void> go_on();
  bool lacks_slot(std::size_t i) const { return shared_.slots.lack(plan().pipeline, steps_[i].step).has_value(); }
  Result<void> child_ended(std::size_t i, const ledger::Run& child);
  // Looks for steps that have waited for long, and says so once.
  Result<void> warn_of_waiting();
  Result<void> interrupt();
  void abandon();

  const ledger::Run& run() const { return run_; }
  const Plan& plan() const { return order_.plan; }
  bool has_ended() const { return finished_; }
  std::vector<ledger::Attempt> live_attempts() const;
  std::map<std::string, std::string> waiting_reasons() const;

 private:
  enum class Phase { Waiting, Ready, Delayed, Running, Expanded, Ended };
  struct StepState {
    Step step;
    Phase phase = Phase::Waiting;
    ledger::AttemptState end = ledger::AttemptState::Succeeded;
    bool ended_by_failure = false;  // failed, or skipped because of a failure
    std::string root;               // of a skipped step: what happened to the step where it began, "load failed"
    int last_number = 0;            // of its attempts, those of earlier tries of this run too
    int attempts = 0;               // what counts against its retries
    std::size_t open_needs = 0;
    std::vector<std::size_t> dependents;
    SteadyTime ready_since{};
    bool warned = false;
    std::shared_ptr<RunningAttempt> running;
    std::optional<ledger::Attempt> record;  // of an attempt without a process of its own
    std::optional<SteadyTime> give_up_at;   // of a sensor
    std::optional<EventLoop::Timer> timer;
    std::optional<std::size_t> parent;  // the for_each that an item belongs to
    Json item;
    std::size_t open_items = 0;
    std::size_t failed_items = 0;
    std::optional<RunId> child;
    bool completed = false;  // a late step whose settings are rendered
  };

  Result<void> look_at_needs();
  Result<void> take_over_earlier(const std::vector<ledger::Attempt>& earlier);
  Result<void> needs_have_ended(std::size_t i);
  std::optional<std::string> reason_to_skip(const StepState& state) const;
  Result<void> make_ready(std::size_t i);
  void leave_queue(std::size_t i);
  RunShared::Turn turn_of(const StepState& state) const;
  Result<void> expand(std::size_t i);
  Result<void> item_ended(std::size_t parent, const StepState& item);
  Result<void> run_in_place(std::size_t i);
  Result<std::optional<ledger::Run>> earlier_child(const Step& step) const;
  Result<void> start_pipeline(std::size_t i);
  Result<void> probe(std::size_t i);
  Result<void> probe_again(std::size_t i, std::string_view detail);
  // The next attempt of the step, counted.
  ledger::Attempt count_attempt(StepState& state);
  Result<void> fail_at_start(std::size_t i, Error error);
  WorkOrder order_for(const StepState& state) const;
  Result<void> listen(std::size_t i);
  // Tells the observer of lines of the attempt's log.
  void show_log(const std::shared_ptr<RunningAttempt>& running, std::vector<TaskLogLine> lines);
  void arm_deadline(std::size_t i);
  void stop_timer(StepState& state);
  Result<void> end_attempt(std::size_t i, ledger::Attempt attempt, std::optional<Error> error);
  Result<void> end_without_attempt(std::size_t i, ledger::AttemptState end, const Error& error);
  Result<void> end_step(std::size_t i, ledger::AttemptState end, bool by_failure);
  void show(std::size_t i, const ledger::Attempt& attempt);
  void tell_events(const std::vector<std::string>& sources) const;
  void note_result(const StepState& state, const ledger::Attempt& attempt);
  Json variables_for(const StepState& state) const;

  RunShared& shared_;
  RunOrder order_;
  ledger::Run run_;
  const std::uint64_t number_;
  ConnectionOpener opener_;
  std::deque<StepState> steps_;  // items of a for_each are appended while it goes on
  std::map<std::string, std::size_t> index_;
  // What earlier tries of this run have left of a for_each's item.
  struct EarlierItem {
    int last_number = 0;
    int used = 0;                    // tries that failed or were lost
    std::optional<Instant> done_at;  // when its last success began
  };
  std::map<std::string, EarlierItem> earlier_items_;
  Json results_ = Json::object();
  std::deque<std::size_t> to_look_at_;  // steps one of whose needs has ended
  std::size_t open_ = 0;                // steps that have not ended
  std::size_t running_ = 0;             // that take a slot
  std::optional<CancelSignal::Urgency> obeyed_;
  std::optional<EventLoop::Timer> run_timer_;
  bool timed_out_ = false;
  bool finished_ = false;
};

}  // namespace weir::engine
