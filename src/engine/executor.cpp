#include "engine/executor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/error_json.hpp"
#include "engine/running_attempt.hpp"

namespace weir::engine {
namespace {

using ledger::Attempt;
using ledger::AttemptState;
using ledger::RunState;
using std::chrono::milliseconds;

// Resolves the connections of a run in the background, so that databases start while the first tasks already work.
class ConnectionOpener {
 public:
  ConnectionOpener(const Connections& connections, const std::vector<std::string>& names)
      : connections_(connections), changed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    for (const auto& name : names) resolve(name);
  }

  // Starts resolving again: before a retry, when the service may have died.
  void resolve(const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      results_.erase(name);
    }
    threads_.emplace_back([this, name](std::stop_token stop) {
      auto result = connections_.resolve(name, std::move(stop));
      {
        const std::lock_guard lock(mutex_);
        results_.insert_or_assign(name, std::move(result));
      }
      const std::uint64_t one = 1;
      (void)!::write(changed_.get(), &one, sizeof one);
    });
  }

  // Nothing while it is still being resolved.
  std::optional<Result<flow::Connection>> find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = results_.find(name);
    if (found == results_.end()) return std::nullopt;
    return found->second;
  }

  int descriptor() const { return changed_.get(); }
  void drain() {
    std::uint64_t count = 0;
    (void)!::read(changed_.get(), &count, sizeof count);
  }

 private:
  const Connections& connections_;
  Descriptor changed_;
  std::mutex mutex_;
  std::map<std::string, Result<flow::Connection>> results_;
  std::vector<std::jthread> threads_;
};

struct StepProgress {
  enum class Phase { Waiting, Delayed, Running, Ended } phase = Phase::Waiting;
  AttemptState end = AttemptState::Succeeded;
  int attempts = 0;
  SteadyTime not_before{};
};

milliseconds retry_delay(const project::RetryPolicy& policy, int failed_attempts, double random) {
  double delay = static_cast<double>(policy.delay.count());
  if (policy.exponential) {
    for (int i = 1; i < failed_attempts; ++i)
      delay = std::min(delay * 2, static_cast<double>(policy.max_delay.count()));
  }
  delay *= 1 + policy.jitter * (2 * random - 1);
  return milliseconds{static_cast<long long>(delay)};
}

std::string_view how_it_ended(AttemptState state) {
  switch (state) {
    case AttemptState::Skipped: return "was skipped";
    case AttemptState::Cancelled: return "was cancelled";
    default: return "failed";
  }
}

// One run under way: the executor's loop and its state.
class RunLoop {
 public:
  RunLoop(ledger::Ledger& ledger, const Connections& connections, const ExecutorOptions& options, RunObserver& observer,
          const Plan& plan, ledger::Run run, const CancelSignal& cancel)
      : ledger_(ledger),
        connections_(connections),
        options_(options),
        observer_(observer),
        plan_(plan),
        run_(std::move(run)),
        cancel_(cancel),
        opener_(connections, plan.connections()),
        progress_(plan.steps.size()) {}

  Result<ledger::Run> run() {
    WEIR_TRY(start_run());
    for (;;) {
      WEIR_TRY(obey_cancel());
      WEIR_TRY(skip_hopeless());
      WEIR_TRY(start_ready());
      // A step that failed before it ran: what needs it is skipped before anything is waited for.
      if (std::exchange(ended_at_start_, false)) continue;
      if (running_.empty() && !is_anything_pending()) break;
      WEIR_TRY(wait_and_handle());
    }
    return finish_run();
  }

 private:
  Result<void> start_run() {
    run_.started_at = run_.started_at.value_or(system_clock().now());
    WEIR_TRY(ledger_.set_run_state(run_.id, RunState::Running, system_clock().now()));
    run_.state = RunState::Running;
    const auto earlier = WEIR_TRY(ledger_.attempts(run_.id));
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      for (const auto& attempt : earlier) {
        if (attempt.task == plan_.steps[i].name) earlier_attempts_[i] = std::max(earlier_attempts_[i], attempt.number);
      }
      if (!plan_.steps[i].selected) progress_[i].phase = StepProgress::Phase::Ended;
      index_[plan_.steps[i].name] = i;
    }
    observer_.run_started(run_, plan_);
    return {};
  }

  Result<void> obey_cancel() {
    const auto urgency = cancel_.requested();
    if (!urgency || urgency == obeyed_) return {};
    if (!obeyed_) {
      WEIR_TRY(ledger_.set_run_state(run_.id, RunState::Cancelling, system_clock().now()));
      run_.state = RunState::Cancelling;
    }
    obeyed_ = urgency;
    for (auto& attempt : running_) {
      urgency == CancelSignal::Urgency::Now ? attempt->kill() : attempt->ask_to_stop(options_.stop_grace);
    }
    for (std::size_t i = 0; i < progress_.size(); ++i) {
      if (progress_[i].phase == StepProgress::Phase::Waiting || progress_[i].phase == StepProgress::Phase::Delayed) {
        WEIR_TRY(end_without_attempt(i, AttemptState::Cancelled, Error::cancelled()));
      }
    }
    return {};
  }

  // Steps stand in dependency order, so one pass reaches everything downstream of a failure.
  Result<void> skip_hopeless() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (progress_[i].phase != StepProgress::Phase::Waiting) continue;
      for (const auto& need : plan_.steps[i].needs) {
        const auto& upstream = progress_[index_[need]];
        if (upstream.phase != StepProgress::Phase::Ended || upstream.end == AttemptState::Succeeded) continue;
        WEIR_TRY(end_without_attempt(
            i, AttemptState::Skipped,
            Error::user(Code::Conflict, "skipped, because {} {}", need, how_it_ended(upstream.end))));
        break;
      }
    }
    return {};
  }

  Result<void> end_without_attempt(std::size_t i, AttemptState state, const Error& error) {
    progress_[i].phase = StepProgress::Phase::Ended;
    progress_[i].end = state;
    Attempt attempt;
    attempt.run = run_.id;
    attempt.task = plan_.steps[i].name;
    attempt.number = 0;
    attempt.state = state;
    attempt.finished_at = system_clock().now();
    attempt.error = to_json(error);
    WEIR_TRY(ledger_.finish_attempt(attempt));
    observer_.step_changed(plan_.steps[i], attempt);
    return {};
  }

  bool is_anything_pending() const {
    return std::ranges::any_of(progress_, [](const auto& step) { return step.phase != StepProgress::Phase::Ended; });
  }

  bool is_ready(std::size_t i) const {
    const auto& step = progress_[i];
    if (step.phase == StepProgress::Phase::Delayed) return std::chrono::steady_clock::now() >= step.not_before;
    if (step.phase != StepProgress::Phase::Waiting) return false;
    return std::ranges::all_of(plan_.steps[i].needs, [&](const auto& need) {
      const auto& upstream = progress_[index_.at(need)];
      return upstream.phase == StepProgress::Phase::Ended && upstream.end == AttemptState::Succeeded;
    });
  }

  Result<void> start_ready() {
    for (std::size_t i = 0; i < plan_.steps.size() && running_.size() < static_cast<std::size_t>(plan_.parallel); ++i) {
      if (is_ready(i)) WEIR_TRY(start(i));
    }
    return {};
  }

  Result<void> start(std::size_t i) {
    const auto& step = plan_.steps[i];
    WorkOrder order{.run = run_.id,
                    .pipeline = plan_.pipeline,
                    .environment = plan_.environment,
                    .step = step.name,
                    .kind = step.kind,
                    .node = step.node,
                    .attempt = earlier_attempts_[i] + progress_[i].attempts + 1,
                    .replay = options_.replay,
                    .settings = step.settings,
                    .variables = plan_.variables,
                    .project_folder = connections_.project().folder,
                    .connections = {}};
    std::optional<Error> unresolved;
    for (const auto& name : step.connections) {
      auto connection = opener_.find(name);
      if (!connection) return {};  // still starting: its event wakes the loop
      if (!connection->ok()) {
        unresolved = connection->error();
        break;
      }
      order.connections.emplace(name, std::move(*connection).value());
    }

    Attempt attempt;
    attempt.run = run_.id;
    attempt.task = step.name;
    attempt.number = order.attempt;
    attempt.state = AttemptState::Running;
    attempt.started_at = system_clock().now();
    ++progress_[i].attempts;
    progress_[i].phase = StepProgress::Phase::Running;
    if (unresolved) {
      ended_at_start_ = true;
      WEIR_TRY(ledger_.start_attempt(attempt));
      return end_attempt(i, std::move(attempt), std::move(unresolved));
    }
    auto started = RunningAttempt::start(step, order, attempt, {options_.weir_binary, options_.state_folder});
    if (!started.ok()) {
      ended_at_start_ = true;
      WEIR_TRY(ledger_.start_attempt(attempt));
      return end_attempt(i, std::move(attempt), std::move(started).error());
    }
    WEIR_TRY(ledger_.start_attempt((*started)->attempt()));
    observer_.step_changed(step, (*started)->attempt());
    running_.push_back(std::move(*started));
    return {};
  }

  // Settles one attempt: succeeded, to be tried again, or over.
  Result<void> end_attempt(std::size_t i, Attempt attempt, std::optional<Error> error) {
    attempt.finished_at = system_clock().now();
    attempt.state = !error                             ? AttemptState::Succeeded
                    : error->code() == Code::Cancelled ? AttemptState::Cancelled
                                                       : AttemptState::Failed;
    if (error) attempt.error = to_json(*error);
    WEIR_TRY(ledger_.finish_attempt(attempt));
    observer_.step_changed(plan_.steps[i], attempt);

    const auto& policy = plan_.steps[i].retry;
    const bool again = error && error->retry() != Retry::Never && progress_[i].attempts < policy.attempts && !obeyed_;
    if (again) {
      const auto delay = retry_delay(policy, progress_[i].attempts, options_.random());
      progress_[i].phase = StepProgress::Phase::Delayed;
      progress_[i].not_before = std::chrono::steady_clock::now() + delay;
      for (const auto& name : plan_.steps[i].connections) opener_.resolve(name);
      observer_.retry_scheduled(plan_.steps[i], attempt, delay);
      return {};
    }
    progress_[i].phase = StepProgress::Phase::Ended;
    progress_[i].end = attempt.state;
    if (error && attempt.state == AttemptState::Failed && run_.error.empty()) {
      run_.error = fmt::format("{}: {}", plan_.steps[i].name, error->text());
    }
    return {};
  }

  // Sleeps until a child speaks, a connection is ready, a cancel arrives or the nearest deadline.
  Result<void> wait_and_handle() {
    constexpr std::size_t kFixed = 2;
    std::vector<pollfd> waiting{{cancel_.descriptor(), POLLIN, 0}, {opener_.descriptor(), POLLIN, 0}};
    for (const auto& attempt : running_) waiting.push_back({attempt->descriptor(), POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), timeout_ms()) < 0 && errno != EINTR) {
      return Error::from_errno(errno, "waiting for tasks");
    }
    cancel_.drain();
    opener_.drain();
    // The list of running attempts changes below: remember who spoke.
    std::vector<RunningAttempt*> speakers;
    for (std::size_t n = kFixed; n < waiting.size(); ++n) {
      if (waiting[n].revents != 0) speakers.push_back(running_[n - kFixed].get());
    }
    for (auto* speaker : speakers) WEIR_TRY(listen(*speaker));
    for (auto& attempt : running_) {
      const auto deadline = attempt->deadline();
      if (deadline && std::chrono::steady_clock::now() >= *deadline) attempt->deadline_passed(options_.stop_grace);
    }
    return {};
  }

  Result<void> listen(RunningAttempt& attempt) {
    const auto event = WEIR_TRY(attempt.receive(ledger_, plan_.pipeline));
    switch (event.kind) {
      case RunningAttempt::Event::Kind::None: return {};
      case RunningAttempt::Event::Kind::Log: observer_.logged(attempt.step(), event.line); return {};
      case RunningAttempt::Event::Kind::Progress: observer_.progressed(attempt.step(), attempt.attempt()); return {};
      case RunningAttempt::Event::Kind::Part: observer_.part_finished(attempt.step(), event.part); return {};
      case RunningAttempt::Event::Kind::Closed: break;
    }
    attempt.settle();
    const auto i = index_[attempt.step().name];
    auto record = attempt.attempt();
    auto error = attempt.error();
    std::erase_if(running_, [&](const auto& candidate) { return candidate.get() == &attempt; });
    return end_attempt(i, std::move(record), std::move(error));
  }

  int timeout_ms() const {
    std::optional<SteadyTime> nearest;
    const auto consider = [&](SteadyTime time) {
      if (!nearest || time < *nearest) nearest = time;
    };
    for (const auto& attempt : running_) {
      if (const auto deadline = attempt->deadline()) consider(*deadline);
    }
    for (const auto& step : progress_) {
      if (step.phase == StepProgress::Phase::Delayed) consider(step.not_before);
    }
    if (!nearest) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*nearest - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
  }

  Result<ledger::Run> finish_run() {
    const auto any = [&](AttemptState state) {
      return std::ranges::any_of(progress_, [&](const auto& step) { return step.end == state; });
    };
    run_.state = any(AttemptState::Cancelled) ? RunState::Cancelled
                 : any(AttemptState::Failed)  ? RunState::Failed
                                              : RunState::Succeeded;
    run_.finished_at = system_clock().now();
    WEIR_TRY(ledger_.set_run_state(run_.id, run_.state, *run_.finished_at, run_.error));
    observer_.run_finished(run_);
    return run_;
  }

  ledger::Ledger& ledger_;
  const Connections& connections_;
  const ExecutorOptions& options_;
  RunObserver& observer_;
  const Plan& plan_;
  ledger::Run run_;
  const CancelSignal& cancel_;
  ConnectionOpener opener_;
  std::vector<StepProgress> progress_;  // a step each
  std::map<std::string, std::size_t> index_;
  std::map<std::size_t, int> earlier_attempts_;
  std::vector<std::unique_ptr<RunningAttempt>> running_;
  std::optional<CancelSignal::Urgency> obeyed_;
  bool ended_at_start_ = false;  // a step, since the loop's last look
};

}  // namespace

Result<std::unique_ptr<CancelSignal>> CancelSignal::create() {
  Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!event) return Error::from_errno(errno, "making an event");
  return std::make_unique<CancelSignal>(std::move(event));
}

void CancelSignal::request(Urgency urgency) noexcept {
  requests_ += urgency == Urgency::Now ? 2 : 1;
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

void CancelSignal::drain() const {
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof count);
}

std::optional<CancelSignal::Urgency> CancelSignal::requested() const {
  const int requests = requests_;
  if (requests == 0) return std::nullopt;
  return requests == 1 ? Urgency::Orderly : Urgency::Now;
}

Executor::Executor(ledger::Ledger& ledger, const Connections& connections, ExecutorOptions options,
                   RunObserver& observer)
    : ledger_(ledger), connections_(connections), options_(std::move(options)), observer_(observer) {}

Result<ledger::Run> Executor::execute(const Plan& plan, ledger::Run run, const CancelSignal& cancel) {
  return RunLoop(ledger_, connections_, options_, observer_, plan, std::move(run), cancel).run();
}

}  // namespace weir::engine
