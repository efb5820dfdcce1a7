#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.hpp"
#include "engine/run_request.hpp"
#include "engine/serve_scheduler.hpp"

// How the scheduler makes runs, starts them, and what their ends bring about.
namespace weir::engine {

using ledger::Run;
using ledger::RunState;

// Tells the feed of one run's steps.
class RunFeed final : public RunObserver {
 public:
  RunFeed(ServeScheduler& scheduler, const Run& run) : scheduler_(scheduler), run_(run) {}

  void run_started(const Run& run, const Plan&) override { feed().publish(run.pipeline, run); }
  void run_changed(const Run& run) override { feed().publish(run.pipeline, run); }
  void run_finished(const Run& run) override { feed().publish(run.pipeline, run); }
  void step_changed(const Step&, const ledger::Attempt& attempt) override { feed().publish(run_.pipeline, attempt); }
  void progressed(const Step&, const ledger::Attempt& attempt) override { feed().publish(run_.pipeline, attempt); }
  void part_finished(const Step&, const ledger::Attempt& part) override { feed().publish(run_.pipeline, part); }
  void logged(const Step& step, const ledger::Attempt& attempt, const TaskLogLine& line) override {
    feed().publish(run_.pipeline, LogEvent{.run = run_.id, .task = step.name, .attempt = attempt.number, .line = line});
  }

 private:
  Feed& feed() { return scheduler_.feed_; }

  ServeScheduler& scheduler_;
  const Run run_;
};

// Ids have a random tail for each second; a hundred runs of one second must not meet.
RunId ServeScheduler::new_run_id(Instant now) {
  for (;;) {
    auto id = generate_run_id(now);
    const auto second = id.text().substr(0, id.text().rfind('-'));
    if (second != recent_second_) {
      recent_second_ = second;
      recent_ids_.clear();
    }
    if (recent_ids_.insert(id.text()).second) return id;
  }
}

Run ServeScheduler::new_run(const std::string& pipeline, std::string trigger, std::string by) {
  Run run;
  run.created_at = system_clock().now();
  run.id = new_run_id(run.created_at);
  run.pipeline = pipeline;
  run.environment = options_.source.environment;
  run.trigger = std::move(trigger);
  run.triggered_by = std::move(by);
  run.params = Json::object();
  run.code_version = version_->hash;
  return run;
}

Result<const project::Pipeline*> ServeScheduler::known_pipeline(std::string_view name) const {
  if (const auto* const found = pipeline(name)) return found;
  std::vector<std::string> names;
  for (const auto& known : version_->project.pipelines) names.push_back(known.name);
  const auto nearest = nearest_name(name, names);
  auto error = Error::user(Code::InvalidArgument, "no such pipeline: {}", name);
  if (nearest.empty()) return error;
  return std::move(error).hint(fmt::format("did you mean {}?", nearest));
}

// The plan of a run as it was asked for, minus what earlier tries of it have done.
Result<Plan> ServeScheduler::plan_of(const Run& run, const ProjectVersion& version) {
  const auto facts = facts_of(run);
  const auto request = WEIR_TRY(request_of(ledger_, run, version.project, version.graph, facts));
  return plan(version.project, version.graph, request, facts);
}

void ServeScheduler::enqueue(Run run, std::shared_ptr<const ProjectVersion> version) {
  executor_->after_write([this, run] { feed_.publish(run.pipeline, run); });
  arm_deadline(run);
  queue_.push_back({.run = std::move(run),
                    .version = std::move(version),
                    .since = std::chrono::steady_clock::now(),
                    .warned = false});
}

// Runs that their pipeline's `concurrency` keeps waiting for long, once each.
Result<void> ServeScheduler::warn_of_queued() {
  const auto now = std::chrono::steady_clock::now();
  for (auto& queued : queue_) {
    const auto* const pipeline = this->pipeline(queued.run.pipeline);
    if (queued.warned || pipeline == nullptr || !pipeline->queue_warning) continue;
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - queued.since);
    if (waited < *pipeline->queue_warning) continue;
    queued.warned = true;
    WEIR_TRY(tell("queue", "",
                  fmt::format("{}: the run waits since {}: {}", pipeline->name, format_duration(waited),
                              waits_for_others(pipeline->name)),
                  queued.run));
  }
  return {};
}

// Starts what may start: as many runs of a pipeline as it allows.
Result<void> ServeScheduler::admit() {
  for (auto queued = queue_.begin(); queued != queue_.end();) {
    const auto* const pipeline = this->pipeline(queued->run.pipeline);
    const int allowed = pipeline == nullptr ? 1 : pipeline->concurrency;
    if (running_of_[queued->run.pipeline] >= allowed) {
      ++queued;
      continue;
    }
    auto next = std::move(*queued);
    queued = queue_.erase(queued);
    WEIR_TRY(start_run(std::move(next)));
    // Its end may have come at once, and with it other runs.
    queued = queue_.begin();
  }
  return {};
}

Result<void> ServeScheduler::start_run(QueuedRun queued) {
  auto& run = queued.run;
  auto version = queued.version ? queued.version : version_;
  run.code_version = version->hash;
  auto plan = plan_of(run, *version);
  if (!plan.ok()) return fail_to_start(std::move(run), plan.error());
  auto observer = std::make_unique<RunFeed>(*this, run);
  RunOrder order{.plan = std::move(*plan), .run = run, .version = version, .observer = observer.get()};
  if (run.selection.is_object()) {
    order.is_recovered = run.selection.value("recovered", false);
    order.replay = run.selection.value("replay", std::string{});
  }
  order.ended = [this](const Run& ended) { return run_ended(ended); };
  order.made_event = [this](const std::string& source) { stir(source); };
  order.record_retry = [this, run](const Step& step, const ledger::Attempt& attempt, std::chrono::milliseconds delay) {
    return tell(
        "retry", fmt::format("{}.{}", step.name, attempt.number),
        fmt::format("{}: task {} failed and is tried again in {}", run.pipeline, step.name, format_duration(delay)),
        run, step.name, attempt.error.is_object() ? attempt.error.value("message", "") : std::string{});
  };
  order.record_wait = [this, run](const Step& step, std::chrono::milliseconds waited, const std::string& reason) {
    return tell("queue", step.name,
                fmt::format("{}: task {} waits since {}: {}", run.pipeline, step.name, format_duration(waited), reason),
                run, step.name);
  };
  observers_[run.id] = std::move(observer);
  ++running_of_[run.pipeline];
  return executor_->start(std::move(order));
}

Result<void> ServeScheduler::fail_to_start(Run run, const Error& error) {
  run.state = RunState::Failed;
  run.finished_at = system_clock().now();
  run.error = error.text();
  WEIR_TRY(ledger_.set_run_state(run.id, run.state, *run.finished_at, run.error));
  executor_->after_write([this, run] { feed_.publish(run.pipeline, run); });
  ++running_of_[run.pipeline];
  return run_ended(run);
}

Result<void> ServeScheduler::run_ended(const Run& run) {
  --running_of_[run.pipeline];
  if (const auto deadline = deadlines_.find(run.id); deadline != deadlines_.end()) {
    loop_->cancel(deadline->second);
    deadlines_.erase(deadline);
  }
  // The observer is told of the end after this turn's write.
  executor_->after_write([this, id = run.id] { executor_->after_write([this, id] { observers_.erase(id); }); });
  if (!run.backfill.empty()) WEIR_TRY(advance_backfill(run.backfill));
  if (!run.parent.empty()) WEIR_TRY(executor_->child_ended(run));
  const auto occasion = format_instant(run.finished_at.value_or(system_clock().now()));
  if (run.state == RunState::Succeeded) {
    WEIR_TRY(tell("success", occasion, fmt::format("{} succeeded", run.pipeline), run));
    const auto before = WEIR_TRY(ledger_.schedules().last_ended(run.pipeline, run.id));
    if (before && before->state == RunState::Failed)
      WEIR_TRY(tell("recovery", occasion, fmt::format("{} succeeds again", run.pipeline), run));
  } else if (run.state != RunState::Cancelled) {
    WEIR_TRY(tell("failure", occasion, fmt::format("{} failed", run.pipeline), run, "", run.error));
  }
  return {};
}

Result<void> ServeScheduler::tell(const std::string& kind, std::string occasion, std::string text, const Run& run,
                                  std::string task, std::string error) {
  const auto* const pipeline = this->pipeline(run.pipeline);
  if (pipeline == nullptr || pipeline->hooks.empty()) return {};
  const HookEvent event{.kind = kind,
                        .occasion = std::move(occasion),
                        .text = std::move(text),
                        .run = run,
                        .task = std::move(task),
                        .error = std::move(error)};
  if (WEIR_TRY(tell_hooks(ledger_.outbox(), *pipeline, event, system_clock().now())) > 0)
    executor_->after_write([this] { delivery_->wake(); });
  return {};
}

void ServeScheduler::arm_deadline(const Run& run) {
  const auto* const pipeline = this->pipeline(run.pipeline);
  if (pipeline == nullptr || !pipeline->deadline || deadlines_.contains(run.id)) return;
  const auto left = run.created_at + *pipeline->deadline - system_clock().now();
  deadlines_[run.id] = loop_->at(std::chrono::steady_clock::now() + left, [this, run, limit = *pipeline->deadline] {
    deadlines_.erase(run.id);
    return tell("deadline", "", fmt::format("{} has not succeeded within {}", run.pipeline, format_duration(limit)),
                run);
  });
}

// Events.

void ServeScheduler::stir(const std::string& source) {
  const auto found = consumers_.find(source);
  if (found != consumers_.end()) stirred_.insert(found->second.begin(), found->second.end());
}

Result<void> ServeScheduler::look_at_consumers() {
  for (const auto& name : std::exchange(stirred_, {})) {
    const auto* const consumer = pipeline(name);
    if (consumer != nullptr && consumer->after && !paused_.contains(name)) WEIR_TRY(consume(*consumer));
  }
  return {};
}

// Makes the runs that a consumer's new events stand for: each event goes into one run.
Result<void> ServeScheduler::consume(const project::Pipeline& pipeline) {
  const auto& after = *pipeline.after;
  auto open = WEIR_TRY(ledger_.schedules().unconsumed(pipeline.name, after.sources, options_.source.environment));
  const auto is_complete = [&] {
    if (after.rule == project::After::Rule::Any) return !open.empty();
    return std::ranges::all_of(after.sources, [&](const auto& source) {
      return std::ranges::find(open, source, &ledger::Event::source) != open.end();
    });
  };
  while (is_complete()) {
    std::vector<ledger::Event> taken;
    if (after.batch == project::After::Batch::Together) {
      taken = std::exchange(open, {});
    } else if (after.rule == project::After::Rule::Any) {
      taken = {open.front()};
      open.erase(open.begin());
    } else {
      for (const auto& source : after.sources) {
        const auto first = std::ranges::find(open, source, &ledger::Event::source);
        taken.push_back(*first);
        open.erase(first);
      }
    }
    std::set<std::string> sources;
    for (const auto& event : taken) sources.insert(event.source);
    auto run = new_run(pipeline.name, "dataset", fmt::format("{}", fmt::join(sources, ", ")));
    run.params = pipeline.params;
    auto interval = interval_of_events(taken);
    if (!interval) interval = interval_at(pipeline, run.created_at);
    if (interval) {
      run.interval_from = interval->from;
      run.interval_to = interval->to;
    }
    WEIR_TRY(ledger_.schedules().consume(run, pipeline.name, taken));
    enqueue(std::move(run));
  }
  return {};
}

}  // namespace weir::engine
