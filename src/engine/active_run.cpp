#include "engine/active_run.hpp"

#include <algorithm>
#include <utility>

#include "engine/code_view.hpp"
#include "engine/error_json.hpp"
#include "engine/retry_delay.hpp"
#include "engine/sensor.hpp"
#include "engine/success_record.hpp"
#include "engine/task_kind.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::engine {
namespace {

using ledger::Attempt;
using ledger::AttemptState;
using ledger::RunState;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string_view how_it_ended(AttemptState state) {
  switch (state) {
    case AttemptState::Succeeded: return "succeeded";
    case AttemptState::Skipped: return "was skipped";
    case AttemptState::Cancelled: return "was cancelled";
    case AttemptState::Lost: return "was lost";
    default: return "failed";
  }
}

}  // namespace

ActiveRun::ActiveRun(RunShared& shared, RunOrder order, std::uint64_t number)
    : shared_(shared),
      order_(std::move(order)),
      run_(order_.run),
      number_(number),
      // A step that waits for a connection is looked at again in the turn that this wakes.
      opener_(*order_.version->connections, shared.loop, [] { return Result<void>{}; }) {
  for (auto& step : order_.plan.steps) steps_.push_back({.step = step});
  for (std::size_t i = 0; i < steps_.size(); ++i) index_[steps_[i].step.name] = i;
  for (const auto& name : order_.plan.connections()) opener_.resolve(name);
}

ActiveRun::~ActiveRun() {
  if (run_timer_) shared_.loop.cancel(*run_timer_);
}

Result<void> ActiveRun::begin() {
  const auto now = system_clock().now();
  run_.started_at = run_.started_at.value_or(now);
  WEIR_TRY(shared_.ledger.set_run_state(run_.id, RunState::Running, now));
  WEIR_TRY(shared_.ledger.set_run_version(run_.id, order_.version->hash));
  run_.code_version = order_.version->hash;
  if (run_.first_code_version.empty()) run_.first_code_version = run_.code_version;
  run_.state = RunState::Running;
  run_.finished_at.reset();
  run_.error.clear();
  const auto self = shared_from_this();
  shared_.after_write.push_back([self, run = run_] { self->order_.observer->run_started(run, self->plan()); });
  if (plan().timeout) {
    run_timer_ = shared_.loop.at(steady_clock::now() + *plan().timeout, [self] {
      self->run_timer_.reset();
      self->timed_out_ = true;
      return self->cancel(CancelSignal::Urgency::Orderly);
    });
  }
  WEIR_TRY(take_over_earlier(WEIR_TRY(shared_.ledger.attempts(run_.id))));
  WEIR_TRY(look_at_needs());
  return go_on();
}

// What earlier tries of this run have left: numbers, results, finished items. A run that goes on by itself after its
// process was killed has used up the tries that were lost.
Result<void> ActiveRun::take_over_earlier(const std::vector<Attempt>& earlier) {
  for (const auto& attempt : earlier) {
    const auto found = index_.find(attempt.task);
    const bool used = attempt.state == AttemptState::Lost || attempt.state == AttemptState::Failed;
    if (found == index_.end()) {
      auto& item = earlier_items_[attempt.task];
      item.last_number = std::max(item.last_number, attempt.number);
      item.used += used ? 1 : 0;
      if (attempt.state == AttemptState::Succeeded) item.done_at = attempt.started_at;
      continue;
    }
    auto& state = steps_[found->second];
    state.last_number = std::max(state.last_number, attempt.number);
    if (attempt.state == AttemptState::Succeeded) note_result(state, attempt);
    // Waiting again, or going on with the items that are left, is no further try.
    const bool only_waits = runs_without_process(state.step) || is_sensor(state.step) || !state.step.for_each.empty();
    const bool counts = !state.step.redo_since || attempt.started_at >= state.step.redo_since;
    if (order_.is_recovered && used && counts && !only_waits) ++state.attempts;
  }
  for (auto& state : steps_) {
    const bool used_up = state.attempts >= state.step.retry.attempts && state.attempts > 0;
    if (!state.step.selected) {
      state.phase = Phase::Ended;
    } else if (used_up) {
      state.phase = Phase::Ended;
      state.end = AttemptState::Lost;
      state.ended_by_failure = true;
      if (run_.error.empty())
        run_.error = fmt::format("{}: its process was killed, and its retries are used up", state.step.name);
    } else {
      ++open_;
    }
  }
  return {};
}

Result<void> ActiveRun::look_at_needs() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const auto& need : steps_[i].step.needs) {
      auto& upstream = steps_[index_.at(need)];
      upstream.dependents.push_back(i);
      if (upstream.phase != Phase::Ended) ++steps_[i].open_needs;
    }
  }
  // Those that have a need are looked at when it ends; a need may have ended before this run, or badly.
  for (std::size_t i = 0; i < steps_.size(); ++i) to_look_at_.push_back(i);
  return {};
}

// What comes after "skipped, because". At the end of a chain that is where it began, not the step before.
std::optional<std::string> ActiveRun::reason_to_skip(const StepState& state) const {
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  for (const auto& need : state.step.needs) {
    const auto& upstream = steps_[index_.at(need)];
    if (upstream.phase != Phase::Ended) continue;
    if (upstream.end == AttemptState::Succeeded) ++succeeded;
    if (upstream.ended_by_failure) ++failed;
    const bool is_bad = state.step.run_if == RunIf::AllSucceeded ? upstream.end != AttemptState::Succeeded
                        : state.step.run_if == RunIf::NoneFailed ? upstream.ended_by_failure
                                                                 : false;
    if (is_bad) return upstream.root.empty() ? fmt::format("{} {}", need, how_it_ended(upstream.end)) : upstream.root;
  }
  if (state.open_needs != 0 || state.step.needs.empty()) return std::nullopt;
  if (state.step.run_if == RunIf::AnySucceeded && succeeded == 0) return "none of the tasks that it needs succeeded";
  if (state.step.run_if == RunIf::AnyFailed && failed == 0) return "none of the tasks that it needs failed";
  return std::nullopt;
}

// Called whenever a need of a waiting step has ended: it is skipped, goes on waiting, or may run.
Result<void> ActiveRun::needs_have_ended(std::size_t i) {
  auto& state = steps_[i];
  if (state.phase != Phase::Waiting) return {};
  if (const auto reason = reason_to_skip(state)) {
    const bool by_failure = std::ranges::any_of(state.step.needs, [&](const auto& need) {
      return steps_[index_.at(need)].phase == Phase::Ended && steps_[index_.at(need)].ended_by_failure;
    });
    WEIR_TRY(
        end_without_attempt(i, AttemptState::Skipped, Error::user(Code::Conflict, "skipped, because {}", *reason)));
    steps_[i].ended_by_failure = by_failure;
    if (state.step.run_if == RunIf::AllSucceeded || state.step.run_if == RunIf::NoneFailed) steps_[i].root = *reason;
    return end_step(i, AttemptState::Skipped, by_failure);
  }
  if (state.open_needs != 0) return {};
  if (!state.step.when.empty() && !state.parent) {
    const auto wanted = holds(plan(), state.step, results_);
    if (!wanted.ok()) return fail_at_start(i, Error(wanted.error()));
    if (!*wanted) {
      WEIR_TRY(end_without_attempt(
          i, AttemptState::Skipped,
          Error::user(Code::Conflict, "skipped, because its condition does not hold: {}", state.step.when)));
      return end_step(i, AttemptState::Skipped, false);
    }
  }
  if (!state.step.for_each.empty() && !state.parent) return expand(i);
  return make_ready(i);
}

RunShared::Turn ActiveRun::turn_of(const StepState& state) const {
  const auto& step = state.step;
  return {.priority = -step.priority,
          .run_number = number_,
          .limit = step.pool + "\n" + (step.concurrency > 0 ? step.task : std::string{})};
}

Result<void> ActiveRun::make_ready(std::size_t i) {
  auto& state = steps_[i];
  state.phase = Phase::Ready;
  if (runs_without_process(state.step)) return run_in_place(i);
  state.ready_since = steady_clock::now();
  auto& waiting = shared_.waiting[turn_of(state)];
  waiting.run = this;
  waiting.steps.insert(i);
  return {};
}

void ActiveRun::leave_queue(std::size_t i) {
  const auto found = shared_.waiting.find(turn_of(steps_[i]));
  if (found == shared_.waiting.end()) return;
  found->second.steps.erase(i);
  if (found->second.steps.empty()) shared_.waiting.erase(found);
}

Attempt ActiveRun::count_attempt(StepState& state) {
  ++state.attempts;
  Attempt attempt;
  attempt.run = run_.id;
  attempt.task = state.step.name;
  attempt.number = ++state.last_number;
  attempt.state = AttemptState::Running;
  attempt.started_at = system_clock().now();
  return attempt;
}

Result<void> ActiveRun::fail_at_start(std::size_t i, Error error) {
  auto attempt = count_attempt(steps_[i]);
  steps_[i].phase = Phase::Running;
  WEIR_TRY(shared_.ledger.start_attempt(attempt));
  return end_attempt(i, std::move(attempt), std::move(error));
}

Json ActiveRun::variables_for(const StepState& state) const {
  auto variables = plan().variables;
  // Settings are rendered here: ten thousand items need not carry the list that they stand in.
  const auto* kind = find_task_kind(state.step.kind);
  if (kind == nullptr || !kind->renders_files) return variables;
  variables["tasks"] = results_;
  if (state.parent) variables["item"] = state.item;
  return variables;
}

WorkOrder ActiveRun::order_for(const StepState& state) const {
  const auto& step = state.step;
  return {.run = run_.id,
          .pipeline = plan().pipeline,
          .environment = plan().environment,
          .step = step.name,
          .kind = step.kind,
          .node = step.node,
          .attempt = 0,
          .replay = order_.replay,
          .settings = step.settings,
          .variables = variables_for(state),
          .project_folder = order_.version->project.folder,
          .code_folder = order_.version->code_folder,
          .code_is_current = shared_.is_current && shared_.is_current(*order_.version),
          .connections = {}};
}

Result<bool> ActiveRun::start_step(std::size_t i) {
  auto& state = steps_[i];
  if (state.step.late && !state.completed) {
    auto complete =
        complete_step(order_.version->project, order_.version->graph, plan(), state.step, results_, state.item);
    if (!complete.ok()) {
      leave_queue(i);
      WEIR_TRY(fail_at_start(i, std::move(complete).error()));
      return true;
    }
    state.step = std::move(*complete);
    state.completed = true;
  }
  auto order = order_for(state);
  std::optional<Error> unresolved;
  for (const auto& name : state.step.connections) {
    auto connection = opener_.find(name);
    if (!connection) return false;  // still starting: its event wakes the loop
    if (!connection->ok()) {
      unresolved = connection->error();
      break;
    }
    order.connections.emplace(name, std::move(*connection).value());
  }
  leave_queue(i);
  if (unresolved) {
    WEIR_TRY(fail_at_start(i, std::move(*unresolved)));
    return true;
  }
  // A sensor's probes are one attempt.
  const bool goes_on = state.record.has_value();
  auto attempt = goes_on ? *state.record : count_attempt(state);
  order.attempt = attempt.number;
  auto started = RunningAttempt::start(state.step, attempt, shared_.options.state_folder, shared_.spawn);
  if (!started.ok()) {
    if (!goes_on) WEIR_TRY(shared_.ledger.start_attempt(attempt));
    state.record.reset();
    WEIR_TRY(end_attempt(i, std::move(attempt), std::move(started).error()));
    return true;
  }
  state.running = std::move(*started);
  state.phase = Phase::Running;
  ++running_;
  shared_.slots.take(plan().pipeline, state.step);
  if (!goes_on) {
    if (is_sensor(state.step)) {
      state.record = state.running->attempt();
      if (state.step.timeout) state.give_up_at = steady_clock::now() + *state.step.timeout;
    }
    WEIR_TRY(shared_.ledger.start_attempt(state.running->attempt()));
    show(i, state.running->attempt());
  }
  const auto self = shared_from_this();
  shared_.after_write.push_back([running = state.running, order = std::move(order)] { running->give(order); });
  WEIR_TRY(shared_.loop.watch(state.running->descriptor(), [self, i] { return self->listen(i); }));
  shared_.log_watch.add(state.running->log_path(), [self, running = state.running.get(), i] {
    if (self->steps_[i].running.get() == running) self->show_log(self->steps_[i].running, running->new_log_lines());
  });
  arm_deadline(i);
  return true;
}

void ActiveRun::stop_timer(StepState& state) {
  if (state.timer) shared_.loop.cancel(*std::exchange(state.timer, std::nullopt));
}

void ActiveRun::arm_deadline(std::size_t i) {
  auto& state = steps_[i];
  stop_timer(state);
  const auto deadline = state.running->deadline();
  if (!deadline) return;
  state.timer = shared_.loop.at(*deadline, [self = shared_from_this(), i]() -> Result<void> {
    auto& expired = self->steps_[i];
    expired.timer.reset();
    if (!expired.running) return {};
    expired.running->deadline_passed(self->shared_.options.stop_grace);
    self->arm_deadline(i);
    return {};
  });
}

Result<void> ActiveRun::listen(std::size_t i) {
  const auto running = steps_[i].running;
  if (!running) return {};
  const auto self = shared_from_this();
  const auto events = WEIR_TRY(running->receive(shared_.ledger, plan().pipeline));
  shared_.after_write.push_back([running] { running->answer(); });
  bool closed = running->has_reported();
  for (const auto& event : events) {
    using Kind = RunningAttempt::Event::Kind;
    auto& observer = *order_.observer;
    switch (event.kind) {
      case Kind::None: break;
      case Kind::Closed: closed = true; break;
      case Kind::Log: show_log(running, running->new_log_lines()); break;
      case Kind::Progress:
        shared_.after_write.push_back([self, running, &observer, attempt = running->attempt()] {
          observer.progressed(running->step(), attempt);
        });
        break;
      case Kind::Part:
        shared_.after_write.push_back(
            [self, running, &observer, part = event.part] { observer.part_finished(running->step(), part); });
        break;
    }
  }
  if (!closed) return {};
  shared_.loop.unwatch(running->descriptor());
  shared_.log_watch.remove(running->log_path());
  running->settle();
  show_log(running, running->last_log_lines());
  auto& state = steps_[i];
  stop_timer(state);
  --running_;
  shared_.slots.give_back(plan().pipeline, state.step);
  state.running.reset();
  auto attempt = running->attempt();
  auto error = running->error();
  if (is_sensor(state.step)) {
    const bool is_there = attempt.output.is_object() && attempt.output.value("ready", false);
    if (!error && !is_there) return probe_again(i, attempt.output.value("detail", std::string{}));
    state.record.reset();
  }
  WEIR_TRY(end_attempt(i, std::move(attempt), std::move(error)));
  return go_on();
}

void ActiveRun::show_log(const std::shared_ptr<RunningAttempt>& running, std::vector<TaskLogLine> lines) {
  if (lines.empty()) return;
  shared_.after_write.push_back([self = shared_from_this(), running, lines = std::move(lines)] {
    for (const auto& line : lines) self->order_.observer->logged(running->step(), running->attempt(), line);
  });
}

void ActiveRun::show(std::size_t i, const Attempt& attempt) {
  shared_.after_write.push_back(
      [self = shared_from_this(), i, attempt] { self->order_.observer->step_changed(self->steps_[i].step, attempt); });
}

void ActiveRun::tell_events(const std::vector<std::string>& sources) const {
  if (!order_.made_event) return;
  for (const auto& source : sources) order_.made_event(source);
}

void ActiveRun::note_result(const StepState& state, const Attempt& attempt) {
  if (state.parent || !state.step.node.empty()) return;
  results_[state.step.name] = {{"state", ledger::name(attempt.state)},
                               {"output", attempt.output},
                               {"rows_read", attempt.rows_read},
                               {"rows_written", attempt.rows_written}};
}

// Settles one attempt: succeeded, to be tried again, or over.
Result<void> ActiveRun::end_attempt(std::size_t i, Attempt attempt, std::optional<Error> error) {
  attempt.finished_at = system_clock().now();
  attempt.state = !error                             ? AttemptState::Succeeded
                  : error->code() == Code::Cancelled ? AttemptState::Cancelled
                                                     : AttemptState::Failed;
  if (error) attempt.error = to_json(*error);
  WEIR_TRY(shared_.ledger.finish_attempt(attempt));
  // A for_each writes nothing itself: its items have.
  if (attempt.state == AttemptState::Succeeded && (steps_[i].parent || steps_[i].step.for_each.empty())) {
    tell_events(WEIR_TRY(record_success(shared_.ledger, order_.version->project, run_, steps_[i].step, attempt)));
  }
  show(i, attempt);

  auto& state = steps_[i];
  const auto& policy = state.step.retry;
  const bool again = error && error->retry() != Retry::Never && state.attempts < policy.attempts && !obeyed_;
  if (again) {
    const auto delay = retry_delay(policy, state.attempts, shared_.options.random());
    state.phase = Phase::Delayed;
    for (const auto& name : state.step.connections) opener_.resolve(name);
    const auto self = shared_from_this();
    state.timer = shared_.loop.at(steady_clock::now() + delay, [self, i]() -> Result<void> {
      self->steps_[i].timer.reset();
      WEIR_TRY(self->make_ready(i));
      return self->go_on();
    });
    shared_.after_write.push_back(
        [self, i, attempt, delay] { self->order_.observer->retry_scheduled(self->steps_[i].step, attempt, delay); });
    return order_.record_retry ? order_.record_retry(state.step, attempt, delay) : Result<void>{};
  }
  if (error && attempt.state == AttemptState::Failed && run_.error.empty() && !state.parent) {
    run_.error = fmt::format("{}: {}", state.step.name, error->text());
  }
  note_result(state, attempt);
  return end_step(i, attempt.state, attempt.state == AttemptState::Failed);
}

Result<void> ActiveRun::end_without_attempt(std::size_t i, AttemptState end, const Error& error) {
  Attempt attempt;
  attempt.run = run_.id;
  attempt.task = steps_[i].step.name;
  attempt.number = 0;
  attempt.state = end;
  attempt.finished_at = system_clock().now();
  attempt.error = to_json(error);
  WEIR_TRY(shared_.ledger.finish_attempt(attempt));
  show(i, attempt);
  note_result(steps_[i], attempt);
  return {};
}

Result<void> ActiveRun::end_step(std::size_t i, AttemptState end, bool by_failure) {
  auto& state = steps_[i];
  state.phase = Phase::Ended;
  state.end = end;
  state.ended_by_failure = by_failure;
  --open_;
  if (state.parent) return item_ended(*state.parent, state);
  for (const auto dependent : state.dependents) {
    --steps_[dependent].open_needs;
    to_look_at_.push_back(dependent);
  }
  return {};
}

Result<void> ActiveRun::cancel(CancelSignal::Urgency urgency) {
  if (finished_ || obeyed_ == urgency || obeyed_ == CancelSignal::Urgency::Now) return {};
  if (!obeyed_) {
    WEIR_TRY(shared_.ledger.set_run_state(run_.id, RunState::Cancelling, system_clock().now()));
    run_.state = RunState::Cancelling;
    shared_.after_write.push_back([self = shared_from_this(), run = run_] { self->order_.observer->run_changed(run); });
  }
  obeyed_ = urgency;
  const auto self = shared_from_this();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    auto& state = steps_[i];
    if (state.running) {
      urgency == CancelSignal::Urgency::Now ? state.running->kill()
                                            : state.running->ask_to_stop(shared_.options.stop_grace);
      arm_deadline(i);
    } else if (state.child) {
      const auto child = *state.child;
      WEIR_TRY(shared_.cancel_child(child, urgency));
    } else if (state.phase == Phase::Ready || state.phase == Phase::Waiting || state.phase == Phase::Delayed) {
      if (state.phase == Phase::Ready) leave_queue(i);
      stop_timer(state);
      if (state.record) {
        auto record = *std::exchange(state.record, std::nullopt);
        WEIR_TRY(end_attempt(i, std::move(record), Error::cancelled()));
      } else {
        WEIR_TRY(end_without_attempt(i, AttemptState::Cancelled, Error::cancelled()));
        WEIR_TRY(end_step(i, AttemptState::Cancelled, false));
      }
    }
  }
  return go_on();
}

Result<void> ActiveRun::go_on() {
  // A list rather than recursion: a failure may skip ten thousand steps one after the other.
  while (!to_look_at_.empty()) {
    const auto i = to_look_at_.front();
    to_look_at_.pop_front();
    WEIR_TRY(needs_have_ended(i));
  }
  if (open_ != 0 || finished_) return {};
  finished_ = true;
  remove_views(shared_.options.state_folder, run_.id);
  if (run_timer_) shared_.loop.cancel(*std::exchange(run_timer_, std::nullopt));
  const auto any = [&](AttemptState end) {
    return std::ranges::any_of(steps_, [&](const auto& state) { return state.end == end && state.step.selected; });
  };
  if (timed_out_ && any(AttemptState::Cancelled)) {
    run_.state = RunState::Failed;
    run_.error = fmt::format("the run took longer than its timeout: {}", format_duration(*plan().timeout));
  } else {
    run_.state = any(AttemptState::Cancelled) ? RunState::Cancelled
                 : any(AttemptState::Failed)  ? RunState::Failed
                 : any(AttemptState::Lost)    ? RunState::Lost
                                              : RunState::Succeeded;
  }
  run_.finished_at = system_clock().now();
  WEIR_TRY(shared_.ledger.set_run_state(run_.id, run_.state, *run_.finished_at, run_.error));
  if (run_.state == RunState::Succeeded) tell_events(WEIR_TRY(record_success(shared_.ledger, run_)));
  const auto self = shared_from_this();
  shared_.after_write.push_back([self] { self->order_.observer->run_finished(self->run_); });
  if (order_.ended) WEIR_TRY(order_.ended(run_));
  return {};
}

Result<void> ActiveRun::warn_of_waiting() {
  if (!order_.record_wait) return {};
  const auto now = steady_clock::now();
  for (auto& state : steps_) {
    if (state.phase != Phase::Ready || state.warned || !state.step.queue_warning) continue;
    const auto waited = std::chrono::duration_cast<milliseconds>(now - state.ready_since);
    if (waited < *state.step.queue_warning) continue;
    state.warned = true;
    const auto lack = shared_.slots.lack(plan().pipeline, state.step);
    WEIR_TRY(order_.record_wait(state.step, waited, lack.value_or("its run runs as many tasks at once as it may")));
  }
  return {};
}

Result<void> ActiveRun::interrupt() {
  if (finished_) return {};
  const auto now = system_clock().now();
  for (auto& state : steps_) {
    auto attempt = state.running ? std::optional{state.running->attempt()} : state.record;
    if (!attempt) continue;
    attempt->state = AttemptState::Cancelled;
    attempt->finished_at = now;
    attempt->error = to_json(Error::system(Code::Cancelled, "weir was stopped; the run goes on when it starts again"));
    WEIR_TRY(shared_.ledger.finish_attempt(*attempt));
  }
  abandon();
  if (obeyed_) return shared_.ledger.set_run_state(run_.id, RunState::Cancelled, now);
  auto selection = run_.selection.is_object() ? run_.selection : Json::object();
  selection["recovered"] = true;
  WEIR_TRY(shared_.ledger.set_run_state(run_.id, RunState::Lost, now));
  return shared_.ledger.requeue_run(run_.id, selection);
}

void ActiveRun::abandon() {
  for (auto& state : steps_) {
    stop_timer(state);
    if (state.running) {
      shared_.loop.unwatch(state.running->descriptor());
      shared_.log_watch.remove(state.running->log_path());
      state.running->kill();
      // Nobody is told any more, but the times are kept.
      static_cast<void>(state.running->last_log_lines());
      state.running.reset();
    }
  }
  finished_ = true;
}

std::vector<Attempt> ActiveRun::live_attempts() const {
  std::vector<Attempt> live;
  for (const auto& state : steps_) {
    if (state.running) {
      live.push_back(state.running->attempt());
    } else if (state.record) {
      live.push_back(*state.record);
    }
  }
  return live;
}

std::map<std::string, std::string> ActiveRun::waiting_reasons() const {
  std::map<std::string, std::string> reasons;
  for (const auto& state : steps_) {
    auto& reason = reasons[state.step.name];
    switch (state.phase) {
      case Phase::Waiting: {
        for (const auto& need : state.step.needs) {
          if (steps_[index_.at(need)].phase != Phase::Ended) {
            reason = fmt::format("waits for {}", need);
            break;
          }
        }
        break;
      }
      case Phase::Ready: {
        const auto lack = shared_.slots.lack(plan().pipeline, state.step);
        reason = !may_start_more()
                     ? fmt::format("waits for other tasks of this run: it runs {} at once", plan().parallel)
                 : lack ? *lack
                        : "waits for its connections to be opened";
        break;
      }
      case Phase::Delayed:
        reason = is_sensor(state.step) ? "waits until it looks again" : "waits for its next try";
        break;
      default: reasons.erase(state.step.name);
    }
  }
  return reasons;
}

}  // namespace weir::engine
