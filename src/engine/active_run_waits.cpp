#include <algorithm>
#include <utility>

#include "engine/active_run.hpp"
#include "engine/sensor.hpp"
#include "ledger/schedule_book.hpp"

// The steps of a run that do their work without a process of their own: a for_each with its items, sensors, other
// pipelines.
namespace weir::engine {

using ledger::Attempt;
using ledger::AttemptState;
using ledger::RunState;
using std::chrono::steady_clock;

// A for_each becomes a step for each item; it has an attempt itself, which ends with the last item.
Result<void> ActiveRun::expand(std::size_t i) {
  auto items = items_of(plan(), steps_[i].step, results_);
  if (!items.ok()) return fail_at_start(i, std::move(items).error());
  auto attempt = count_attempt(steps_[i]);
  steps_[i].phase = Phase::Expanded;
  steps_[i].record = attempt;
  WEIR_TRY(shared_.ledger.start_attempt(attempt));
  show(i, attempt);
  const auto name = steps_[i].step.name;
  const auto redo_since = steps_[i].step.redo_since;
  std::vector<std::size_t> started;
  for (std::size_t n = 0; n < items->size(); ++n) {
    const auto item_name = fmt::format("{}/{}", name, n);
    const auto& earlier = earlier_items_[item_name];
    if (earlier.done_at && (!redo_since || earlier.done_at >= redo_since)) continue;
    StepState item{.step = steps_[i].step};
    item.step.name = item_name;
    item.step.needs.clear();
    item.parent = i;
    item.last_number = earlier.last_number;
    item.attempts = order_.is_recovered ? earlier.used : 0;
    item.item = (*items)[n];
    index_[item_name] = steps_.size();
    started.push_back(steps_.size());
    steps_.push_back(std::move(item));
  }
  steps_[i].open_items = started.size();
  open_ += started.size();
  steps_[i].record->output = {{"items", items->size()}, {"done_before", items->size() - started.size()}};
  for (const auto item : started) WEIR_TRY(make_ready(item));
  if (started.empty()) {
    auto record = *std::exchange(steps_[i].record, std::nullopt);
    return end_attempt(i, std::move(record), std::nullopt);
  }
  return {};
}

Result<void> ActiveRun::item_ended(std::size_t parent, const StepState& item) {
  auto& state = steps_[parent];
  if (item.end != AttemptState::Succeeded) ++state.failed_items;
  if (item.running || state.phase != Phase::Expanded) return {};
  if (--state.open_items != 0) return {};
  auto record = *std::exchange(state.record, std::nullopt);
  record.output["failed"] = state.failed_items;
  std::optional<Error> error;
  if (obeyed_) {
    error = Error::cancelled();
  } else if (state.failed_items != 0) {
    // The items have been tried again by themselves.
    error = Error::user(Code::CheckFailed, "{} of {} items failed", state.failed_items,
                        record.output.value("items", std::size_t{0}));
  }
  return end_attempt(parent, std::move(record), std::move(error));
}

// Steps that need no process: runs of other pipelines, and sensors that look at files or the clock.
Result<void> ActiveRun::run_in_place(std::size_t i) {
  if (steps_[i].step.late && !steps_[i].completed) {
    auto complete =
        complete_step(order_.version->project, order_.version->graph, plan(), steps_[i].step, results_, steps_[i].item);
    if (!complete.ok()) return fail_at_start(i, std::move(complete).error());
    steps_[i].step = std::move(*complete);
    steps_[i].completed = true;
  }
  if (!is_sensor(steps_[i].step)) return start_pipeline(i);
  auto attempt = count_attempt(steps_[i]);
  if (steps_[i].step.timeout) steps_[i].give_up_at = steady_clock::now() + *steps_[i].step.timeout;
  steps_[i].record = attempt;
  WEIR_TRY(shared_.ledger.start_attempt(attempt));
  show(i, attempt);
  return probe(i);
}

Result<void> ActiveRun::probe(std::size_t i) {
  auto& state = steps_[i];
  state.phase = Phase::Running;
  const auto found = look(state.step, order_.version->project.folder, run_);
  if (found.ok() && !found->is_there) return probe_again(i, found->detail);
  auto record = *std::exchange(state.record, std::nullopt);
  if (found.ok()) record.output = {{"ready", true}, {"detail", found->detail}};
  WEIR_TRY(end_attempt(i, std::move(record), found.ok() ? std::nullopt : std::optional{found.error()}));
  return go_on();
}

Result<void> ActiveRun::probe_again(std::size_t i, std::string_view detail) {
  auto& state = steps_[i];
  const auto now = steady_clock::now();
  std::optional<Error> error;
  if (obeyed_) error = Error::cancelled();
  if (state.give_up_at && now >= *state.give_up_at) {
    error = Error::external(Code::TimedOut, "what the task waits for has not come within {}: {}",
                            format_duration(*state.step.timeout), detail)
                .retry(Retry::Never);
  }
  if (error) {
    auto record = *std::exchange(state.record, std::nullopt);
    WEIR_TRY(end_attempt(i, std::move(record), std::move(error)));
    return go_on();
  }
  state.phase = Phase::Delayed;
  auto next = now + probe_interval(state.step, run_);
  if (state.give_up_at) next = std::min(next, *state.give_up_at);
  state.timer = shared_.loop.at(next, [self = shared_from_this(), i]() -> Result<void> {
    auto& waiting = self->steps_[i];
    waiting.timer.reset();
    if (runs_without_process(waiting.step)) return self->probe(i);
    WEIR_TRY(self->make_ready(i));
    return self->go_on();
  });
  return {};
}

// The run that this step had started before the process was killed, if it goes on or has succeeded.
Result<std::optional<ledger::Run>> ActiveRun::earlier_child(const Step& step) const {
  std::optional<ledger::Run> found;
  if (!order_.is_recovered) return found;
  const auto by = child_trigger(run_, step.name);
  for (auto& child : WEIR_TRY(shared_.ledger.schedules().children_of(run_.id))) {
    const bool counts = !ledger::has_ended(child.state) || child.state == RunState::Succeeded;
    if (child.triggered_by == by && counts && (!step.redo_since || child.created_at >= *step.redo_since))
      found = std::move(child);
  }
  return found;
}

Result<void> ActiveRun::start_pipeline(std::size_t i) {
  auto attempt = count_attempt(steps_[i]);
  steps_[i].phase = Phase::Running;
  WEIR_TRY(shared_.ledger.start_attempt(attempt));
  show(i, attempt);
  const auto& settings = steps_[i].step.settings;
  if (const auto earlier = WEIR_TRY(earlier_child(steps_[i].step))) {
    attempt.output = {{"run", earlier->id.text()}};
    if (earlier->state == RunState::Succeeded) return end_attempt(i, std::move(attempt), std::nullopt);
    steps_[i].child = earlier->id;
    steps_[i].record = std::move(attempt);
    shared_.children[earlier->id] = {this, i};
    return {};
  }
  const auto child = !shared_.start_child
                         ? Result<ledger::Run>{Error::bug("nobody starts runs for tasks of kind pipeline")}
                         : shared_.start_child({.pipeline = settings.text("pipeline"),
                                                .params = settings.json("params"),
                                                .parent = run_,
                                                .task = steps_[i].step.name});
  if (!child.ok()) return end_attempt(i, std::move(attempt), Error(child.error()));
  attempt.output = {{"run", child->id.text()}};
  if (!settings.flag("wait")) return end_attempt(i, std::move(attempt), std::nullopt);
  steps_[i].child = child->id;
  steps_[i].record = std::move(attempt);
  shared_.children[child->id] = {this, i};
  return {};
}

Result<void> ActiveRun::child_ended(std::size_t i, const ledger::Run& child) {
  auto& state = steps_[i];
  state.child.reset();
  auto record = *std::exchange(state.record, std::nullopt);
  std::optional<Error> error;
  if (obeyed_) {
    error = Error::cancelled();
  } else if (child.state != RunState::Succeeded) {
    error = Error::user(Code::CheckFailed, "run {} of pipeline {} is {}: {}", child.id.text(), child.pipeline,
                        ledger::name(child.state), child.error)
                .retry(Retry::Later)
                .hint(fmt::format("weir runs {}", child.id.text()));
  }
  WEIR_TRY(end_attempt(i, std::move(record), std::move(error)));
  return go_on();
}

}  // namespace weir::engine
