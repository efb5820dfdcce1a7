#include <algorithm>

#include "engine/run_request.hpp"
#include "engine/serve_scheduler.hpp"

// What others ask of the scheduler. All of it happens on the loop's thread.
namespace weir::engine {

using ledger::Run;
using ledger::RunState;

namespace {

constexpr std::size_t kBackfillIntervalsMax = 10'000;

}  // namespace

Result<Run> ServeScheduler::find(const RunId& id) {
  auto run = WEIR_TRY(ledger_.find_run(id.text()));
  if (!run) return Error::user(Code::NotFound, "no such run: {}", id.text()).hint("weir runs lists them");
  return std::move(*run);
}

Result<Run> ServeScheduler::submit(const RunRequest& request) {
  return on_loop<Run>([this, request]() -> Result<Run> {
    if (auto made = WEIR_TRY(ledger_.schedules().find_request(request.key))) return std::move(*made);
    if (!request.environment.empty() && request.environment != options_.source.environment) {
      return Error::user(Code::InvalidArgument, "this process serves the environment {}, not {}",
                         options_.source.environment.empty() ? "without a name" : options_.source.environment,
                         request.environment);
    }
    const auto* const pipeline = WEIR_TRY(known_pipeline(request.pipeline));
    auto run = new_run(request.pipeline, request.trigger, request.by);
    run.params = request.params;
    run.request_key = request.key;
    if (!request.select.empty() || !request.from.empty())
      run.selection = {{"select", request.select}, {"from", request.from}};
    const auto interval = interval_at(*pipeline, run.created_at);
    run.interval_from = request.interval_from ? request.interval_from
                        : interval            ? std::optional{interval->from}
                                              : std::nullopt;
    run.interval_to = request.interval_to ? request.interval_to : interval ? std::optional{interval->to} : std::nullopt;
    WEIR_TRY(plan_of(run, *version_));
    WEIR_TRY(ledger_.create_run(run));
    enqueue(run);
    return run;
  });
}

Result<Run> ServeScheduler::cancel(const RunId& id, Urgency urgency, std::string_view) {
  return on_loop<Run>([this, id, urgency]() -> Result<Run> {
    auto run = WEIR_TRY(find(id));
    if (has_ended(run.state))
      return Error::user(Code::InvalidArgument, "run {} is {}: there is nothing to cancel", run.id.text(),
                         name(run.state));
    WEIR_TRY(cancel_anywhere(run.id, urgency));
    return find(run.id);
  });
}

// Whether it runs or waits for its turn.
Result<void> ServeScheduler::cancel_anywhere(const RunId& id, Urgency urgency) {
  const auto queued = std::ranges::find_if(queue_, [&](const auto& entry) { return entry.run.id == id; });
  if (queued == queue_.end()) return executor_->cancel(id, urgency);
  auto run = std::move(queued->run);
  queue_.erase(queued);
  run.state = RunState::Cancelled;
  run.finished_at = system_clock().now();
  WEIR_TRY(ledger_.set_run_state(run.id, run.state, *run.finished_at));
  executor_->after_write([this, run] { feed_.publish(run.pipeline, run); });
  ++running_of_[run.pipeline];  // its end takes one away
  return run_ended(run);
}

Result<Run> ServeScheduler::retry(const RunId& id, const RetryRequest& request) {
  return on_loop<Run>([this, id, request]() -> Result<Run> {
    auto run = WEIR_TRY(find(id));
    if (!has_ended(run.state))
      return Error::user(Code::InvalidArgument, "run {} is {}", run.id.text(), name(run.state)).hint("cancel it first");
    if (run.state == RunState::Succeeded && request.from.empty()) {
      return Error::user(Code::InvalidArgument, "run {} succeeded: there is nothing to retry", run.id.text())
          .hint("start a new one, or say from which task on it is to run again");
    }
    std::shared_ptr<const ProjectVersion> version = version_;
    if (request.code == CodeChoice::Old) {
      auto kept = WEIR_TRY(read_kept_version(options_.source, run.first_code_version, &supervisor_));
      if (!kept.version) return kept.mistakes.front();
      version = kept.version;
    }
    auto selection = run.selection.is_object() ? run.selection : Json::object();
    selection.erase("recovered");
    selection["code"] = request.code == CodeChoice::Old ? "old" : "current";
    run.selection = selection;
    if (!request.from.empty()) {
      WEIR_TRY(ask_to_redo(ledger_, run, request.from, version->project, version->graph, facts_of(run)));
    }
    WEIR_TRY(plan_of(run, *version));
    WEIR_TRY(ledger_.requeue_run(run.id, run.selection));
    run = WEIR_TRY(find(run.id));
    enqueue(run, request.code == CodeChoice::Old ? version : nullptr);
    return run;
  });
}

Result<Run> ServeScheduler::replay(const RunId& id, std::string_view by) {
  return on_loop<Run>([this, id, by = std::string{by}]() -> Result<Run> {
    const auto recorded = WEIR_TRY(find(id));
    if (recorded.environment != options_.source.environment) {
      return Error::user(Code::InvalidArgument, "this process serves another environment than that of run {}",
                         recorded.id.text());
    }
    WEIR_TRY(known_pipeline(recorded.pipeline));
    auto run = new_run(recorded.pipeline, "replay", by);
    WEIR_TRY(make_replay(run, recorded, options_.source.folder));
    WEIR_TRY(plan_of(run, *version_));
    WEIR_TRY(ledger_.create_run(run));
    enqueue(run);
    return run;
  });
}

Result<void> ServeScheduler::pause(std::string_view name, std::string_view by) {
  return on_loop<void>([this, name = std::string{name}, by = std::string{by}]() -> Result<void> {
    WEIR_TRY(known_pipeline(name));
    const ledger::Pause pause{name, by, system_clock().now()};
    WEIR_TRY(ledger_.schedules().pause(pause));
    {
      const std::lock_guard guard(mutex_);
      paused_[name] = pause;
    }
    executor_->after_write([this, name] { feed_.publish(name, PipelineEvent{name}); });
    return {};
  });
}

// What was missed while it was paused is dealt with as what is missed while Weir is down.
Result<void> ServeScheduler::resume(std::string_view name, std::string_view) {
  return on_loop<void>([this, name = std::string{name}]() -> Result<void> {
    WEIR_TRY(known_pipeline(name));
    WEIR_TRY(ledger_.schedules().resume(name));
    {
      const std::lock_guard guard(mutex_);
      paused_.erase(name);
    }
    stirred_.insert(name);
    for (const auto& [key, timed] : timed_) {
      if (timed.pipeline != name) continue;
      std::erase_if(next_fires_, [&](const auto& fire) { return fire.second == key; });
      if (const auto next = timed.schedule.next(timed.mark)) next_fires_.emplace(*next, key);
    }
    executor_->after_write([this, name] { feed_.publish(name, PipelineEvent{name}); });
    return fire_due();
  });
}

// Backfills.

Result<std::vector<BackfillPreview::Interval>> ServeScheduler::intervals_of(const BackfillRequest& request) {
  const auto* const pipeline = WEIR_TRY(known_pipeline(request.pipeline));
  if (pipeline->schedules.empty()) {
    return Error::user(Code::InvalidArgument, "pipeline {} has no schedule, so it has no intervals", pipeline->name)
        .hint("a backfill runs each interval of the pipeline's first schedule");
  }
  if (request.parallel < 1) return Error::user(Code::InvalidArgument, "a backfill runs at least one interval at once");
  const auto intervals =
      intervals_between(pipeline->schedules.front(), request.from, request.to, kBackfillIntervalsMax + 1);
  if (intervals.size() > kBackfillIntervalsMax) {
    return Error::user(Code::InvalidArgument, "a backfill has at most {} intervals", kBackfillIntervalsMax)
        .hint("take a shorter range");
  }
  std::map<std::pair<Instant, Instant>, Run> existing;
  for (auto& run : WEIR_TRY(ledger_.schedules().runs_of_intervals(request.pipeline, request.from, request.to))) {
    const std::pair key{*run.interval_from, run.interval_to.value_or(*run.interval_from)};
    existing.insert_or_assign(key, std::move(run));
  }
  std::vector<BackfillPreview::Interval> found;
  for (const auto& interval : intervals) {
    BackfillPreview::Interval entry{.from = interval.from, .to = interval.to, .existing = {}, .chosen = true};
    if (const auto run = existing.find({interval.from, interval.to}); run != existing.end())
      entry.existing = run->second;
    const bool failed =
        entry.existing && ledger::has_ended(entry.existing->state) && entry.existing->state != RunState::Succeeded;
    if (request.mode == ledger::BackfillMode::Missing) entry.chosen = !entry.existing;
    if (request.mode == ledger::BackfillMode::Failed) entry.chosen = failed;
    found.push_back(std::move(entry));
  }
  return found;
}

Result<BackfillPreview> ServeScheduler::preview(const BackfillRequest& request) {
  return on_loop<BackfillPreview>([this, request]() -> Result<BackfillPreview> {
    BackfillPreview preview;
    preview.intervals = WEIR_TRY(intervals_of(request));
    auto run = new_run(request.pipeline, "backfill", request.by);
    run.params = request.params;
    const auto plan = WEIR_TRY(plan_of(run, *version_));
    std::set<std::string> tables;
    for (const auto& step : plan.steps) tables.insert(step.writes.begin(), step.writes.end());
    preview.overwritten.assign(tables.begin(), tables.end());
    return preview;
  });
}

Result<ledger::Backfill> ServeScheduler::backfill(const BackfillRequest& request) {
  return on_loop<ledger::Backfill>([this, request]() -> Result<ledger::Backfill> {
    ledger::Backfill backfill{.id = "bf-" + new_run_id(system_clock().now()).text(),
                              .pipeline = request.pipeline,
                              .from = request.from,
                              .to = request.to,
                              .mode = request.mode,
                              .parallel = request.parallel,
                              .params = request.params,
                              .downstream = request.downstream,
                              .by = request.by,
                              .created_at = system_clock().now()};
    for (const auto& interval : WEIR_TRY(intervals_of(request))) {
      if (interval.chosen) backfill.intervals.push_back({.from = interval.from, .to = interval.to});
    }
    auto run = new_run(request.pipeline, "backfill", request.by);
    run.params = request.params;
    WEIR_TRY(plan_of(run, *version_));
    WEIR_TRY(ledger_.schedules().create_backfill(backfill));
    WEIR_TRY(advance_backfill(backfill.id));
    return *WEIR_TRY(ledger_.schedules().find_backfill(backfill.id));
  });
}

// Makes the next runs of a backfill, as many as it has at once; it is done when all of them have ended.
Result<void> ServeScheduler::advance_backfill(const std::string& id) {
  const auto backfill = WEIR_TRY(ledger_.schedules().find_backfill(id));
  if (!backfill || backfill->state != ledger::BackfillState::Running) return {};
  const auto is_open = [](const auto& interval) { return interval.state && !ledger::has_ended(*interval.state); };
  auto open = std::ranges::count_if(backfill->intervals, is_open);
  bool all_made = true;
  for (const auto& interval : backfill->intervals) {
    if (!interval.run.empty()) continue;
    if (open >= backfill->parallel) {
      all_made = false;
      break;
    }
    auto run = new_run(backfill->pipeline, "backfill", backfill->by);
    run.params = backfill->params;
    run.backfill = backfill->id;
    run.selection = {{"downstream", backfill->downstream}};
    run.interval_from = interval.from;
    run.interval_to = interval.to;
    WEIR_TRY(ledger_.schedules().run_interval(backfill->id, interval.from, run));
    enqueue(std::move(run));
    ++open;
  }
  if (open == 0 && all_made) WEIR_TRY(ledger_.schedules().set_backfill_state(id, ledger::BackfillState::Done));
  executor_->after_write([this, name = backfill->pipeline] { feed_.publish(name, PipelineEvent{name}); });
  return {};
}

Result<ledger::Backfill> ServeScheduler::change_backfill(std::string_view id, ledger::BackfillState state,
                                                         std::optional<Urgency> cancel_runs) {
  return on_loop<ledger::Backfill>([this, id = std::string{id}, state, cancel_runs]() -> Result<ledger::Backfill> {
    const auto backfill = WEIR_TRY(ledger_.schedules().find_backfill(id));
    if (!backfill) return Error::user(Code::NotFound, "no such backfill: {}", id);
    const bool is_over =
        backfill->state == ledger::BackfillState::Done || backfill->state == ledger::BackfillState::Cancelled;
    if (is_over && backfill->state != state)
      return Error::user(Code::InvalidArgument, "backfill {} is {} already", id, name(backfill->state));
    WEIR_TRY(ledger_.schedules().set_backfill_state(id, state));
    if (cancel_runs) {
      for (const auto& interval : backfill->intervals) {
        if (interval.run.empty()) continue;
        const RunId run{interval.run};
        const bool waits =
            std::ranges::find_if(queue_, [&](const auto& entry) { return entry.run.id == run; }) != queue_.end();
        if (waits || *cancel_runs == Urgency::Now) WEIR_TRY(cancel_anywhere(run, Urgency::Orderly));
      }
    }
    WEIR_TRY(advance_backfill(id));
    executor_->after_write([this, name = backfill->pipeline] { feed_.publish(name, PipelineEvent{name}); });
    return *WEIR_TRY(ledger_.schedules().find_backfill(id));
  });
}

// What is asked of the loop's own state.

std::vector<ledger::Attempt> ServeScheduler::live_attempts(const RunId& run) const {
  auto live = on_loop<std::vector<ledger::Attempt>>(
      [this, run]() -> Result<std::vector<ledger::Attempt>> { return executor_->live_attempts(run); });
  return live.ok() ? std::move(*live) : std::vector<ledger::Attempt>{};
}

std::map<std::string, std::string> ServeScheduler::waiting_reasons(const RunId& run) const {
  using Reasons = std::map<std::string, std::string>;
  auto reasons = on_loop<Reasons>([this, run]() -> Result<Reasons> {
    const auto queued = std::ranges::find_if(queue_, [&](const auto& entry) { return entry.run.id == run; });
    if (queued == queue_.end()) return executor_->waiting_reasons(run);
    return Reasons{{"", waits_for_others(queued->run.pipeline)}};
  });
  return reasons.ok() ? std::move(*reasons) : Reasons{};
}

}  // namespace weir::engine
