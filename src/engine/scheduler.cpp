#include "engine/scheduler.hpp"

#include <fmt/ranges.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include "base/nearest.hpp"
#include "engine/file_watch.hpp"
#include "engine/hooks.hpp"
#include "engine/intervals.hpp"
#include "engine/retention.hpp"
#include "engine/run_request.hpp"

namespace weir::engine {
namespace {

using ledger::Run;
using ledger::RunState;
using Urgency = CancelSignal::Urgency;

constexpr std::size_t kBackfillIntervalsMax = 10'000;
constexpr std::chrono::seconds kWaitingIsLookedAtEvery{5};
constexpr std::size_t kVersionsKept = 200;

std::size_t default_parallel() { return std::max(16U, 4 * std::thread::hardware_concurrency()); }

// A run that waits for its turn.
struct QueuedRun {
  Run run;
  std::shared_ptr<const ProjectVersion> version;  // null: the one that is current when it starts
};

class ServeScheduler final : public Scheduler {
 public:
  ServeScheduler(Options options, ledger::Ledger& ledger, services::Supervisor& supervisor)
      : options_(std::move(options)), ledger_(ledger), supervisor_(supervisor), feed_(system_clock().now()) {}
  ~ServeScheduler() override { stop(); }

  Result<void> begin(std::vector<Error>& mistakes);
  void stop() override;

  Result<Run> submit(const RunRequest& request) override;
  Result<Run> cancel(const RunId& run, Urgency urgency, std::string_view by) override;
  Result<Run> retry(const RunId& run, const RetryRequest& request) override;
  Result<void> pause(std::string_view pipeline, std::string_view by) override;
  Result<void> resume(std::string_view pipeline, std::string_view by) override;
  std::vector<ledger::Pause> paused() const override;
  Result<BackfillPreview> preview(const BackfillRequest& request) override;
  Result<ledger::Backfill> backfill(const BackfillRequest& request) override;
  Result<ledger::Backfill> pause_backfill(std::string_view id) override {
    return change_backfill(id, ledger::BackfillState::Paused, std::nullopt);
  }
  Result<ledger::Backfill> resume_backfill(std::string_view id) override {
    return change_backfill(id, ledger::BackfillState::Running, std::nullopt);
  }
  Result<ledger::Backfill> cancel_backfill(std::string_view id, Urgency urgency) override {
    return change_backfill(id, ledger::BackfillState::Cancelled, urgency);
  }
  std::vector<NextFire> next_fires(std::string_view pipeline, std::size_t limit) const override;
  std::shared_ptr<const ProjectVersion> version() const override {
    const std::lock_guard guard(mutex_);
    return version_;
  }
  std::vector<Error> problems() const override {
    const std::lock_guard guard(mutex_);
    return problems_;
  }
  Result<void> reload() override;
  std::vector<ledger::Attempt> live_attempts(const RunId& run) const override;
  std::map<std::string, std::string> waiting_reasons(const RunId& run) const override;
  Feed& feed() override { return feed_; }
  int failed_descriptor() const override { return failed_.get(); }

 private:
  // Does the work on the loop's thread; returns when what it wrote is durable.
  template <typename T>
  Result<T> on_loop(std::function<Result<T>()> work) const;
  void run_loop();

  // What an earlier process has left.
  Result<void> take_over();
  // A version becomes the current one.
  Result<void> adopt(std::shared_ptr<const ProjectVersion> version);
  Result<void> files_changed();
  void read_in_background();

  // Schedules.
  Result<void> know_schedules(Instant now);
  Result<void> fire_due();
  Result<void> arm_clock();

  // Runs.
  RunId new_run_id(Instant now);
  Run new_run(const std::string& pipeline, std::string trigger, std::string by);
  Result<Plan> plan_of(const Run& run, const ProjectVersion& version);
  void enqueue(Run run, std::shared_ptr<const ProjectVersion> version = nullptr);
  Result<void> admit();
  Result<void> start_run(QueuedRun queued);
  Result<void> fail_to_start(Run run, const Error& error);
  Result<void> run_ended(const Run& run);
  Result<Run> find(const RunId& run);
  Result<void> cancel_anywhere(const RunId& id, Urgency urgency);

  // Events and consumers.
  Result<void> record_attempt(const Run& run, const Step& step, const ledger::Attempt& attempt);
  Result<void> record_end(const Run& run);
  Result<void> append_event(const Run& run, std::string source, std::string task, std::uint64_t rows);
  Result<void> look_at_consumers();
  Result<void> consume(const project::Pipeline& pipeline);

  // Backfills.
  Result<std::vector<BackfillPreview::Interval>> intervals_of(const BackfillRequest& request);
  Result<ledger::Backfill> change_backfill(std::string_view id, ledger::BackfillState state,
                                           std::optional<Urgency> cancel_runs);
  Result<void> advance_backfill(const std::string& id);

  // Hooks and deadlines.
  Result<void> tell(const std::string& kind, std::string occasion, std::string text, const Run& run,
                    std::string task = {}, std::string error = {});
  void arm_deadline(const Run& run);
  void look_at_waiting();
  void prune();
  const project::Pipeline* pipeline(std::string_view name) const { return version_->project.find_pipeline(name); }
  Result<const project::Pipeline*> known_pipeline(std::string_view name) const;

  const Options options_;
  ledger::Ledger& ledger_;
  services::Supervisor& supervisor_;
  Feed feed_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<FileWatch> watch_;
  std::unique_ptr<HookDelivery> delivery_;
  Descriptor failed_{::eventfd(0, EFD_CLOEXEC)};
  std::jthread reader_;  // reads a changed project
  std::thread thread_;

  mutable std::mutex mutex_;
  std::shared_ptr<const ProjectVersion> version_;  // these written by the loop's thread, under the mutex
  std::vector<Error> problems_;
  std::map<std::string, ledger::Pause, std::less<>> paused_;
  bool stopped_ = false;

  // The loop's thread alone.
  struct Timed {
    std::string pipeline;
    project::Schedule schedule;
    Instant mark;
  };
  std::map<std::pair<std::string, std::string>, Timed> timed_;
  std::set<std::pair<Instant, std::pair<std::string, std::string>>> next_fires_;
  Descriptor clock_;
  std::deque<QueuedRun> queue_;
  std::map<std::string, int> running_of_;  // runs by pipeline
  std::map<RunId, std::unique_ptr<RunObserver>> observers_;
  std::map<std::string, std::vector<std::string>> consumers_;  // by source
  std::set<std::string> stirred_;                              // consumers with something new
  std::map<RunId, EventLoop::Timer> deadlines_;
  std::set<std::string> recent_ids_;
  std::string recent_second_;
  bool is_reading_ = false;
  bool read_again_ = false;
  bool wake_delivery_ = false;
  bool ending_ = false;

  friend class RunFeed;
};

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
  void logged(const Step& step, const ledger::Attempt& attempt, const LogLine& line) override {
    feed().publish(run_.pipeline, LogEvent{.run = run_.id,
                                           .task = step.name,
                                           .attempt = attempt.number,
                                           .line = ++lines_[{step.name, attempt.number}],
                                           .text = line});
  }
  void retry_scheduled(const Step& step, const ledger::Attempt& attempt, std::chrono::milliseconds delay) override {
    later(scheduler_.tell(
        "retry", fmt::format("{}.{}", step.name, attempt.number),
        fmt::format("{}: task {} failed and is tried again in {}", run_.pipeline, step.name, format_duration(delay)),
        run_, step.name, message(attempt)));
  }
  void waits_long(const Step& step, std::chrono::milliseconds waited, const std::string& reason) override {
    later(scheduler_.tell(
        "queue", step.name,
        fmt::format("{}: task {} waits since {}: {}", run_.pipeline, step.name, format_duration(waited), reason), run_,
        step.name));
  }

 private:
  Feed& feed() { return scheduler_.feed_; }
  static std::string message(const ledger::Attempt& attempt) {
    return attempt.error.is_object() ? attempt.error.value("message", "") : std::string{};
  }
  // An alert that cannot be written is not worth the run; a ledger that is broken is noticed by the next write.
  static void later(const Result<void>& told) { static_cast<void>(told); }

  ServeScheduler& scheduler_;
  const Run run_;
  std::map<std::pair<std::string, int>, std::int64_t> lines_;
};

Error not_running() { return Error::system(Code::Unavailable, "the scheduler has stopped"); }

template <typename T>
Result<T> ServeScheduler::on_loop(std::function<Result<T>()> work) const {
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  {
    const std::lock_guard guard(mutex_);
    if (stopped_ || !loop_) return not_running();
    loop_->post([this, promise, work = std::move(work)]() -> Result<void> {
      auto result = std::make_shared<Result<T>>(work());
      executor_->after_write([promise, result] { promise->set_value(std::move(*result)); });
      return {};
    });
  }
  // A loop that ends drops what it has not done, and with it the promise.
  try {
    return future.get();
  } catch (const std::future_error&) {
    return not_running();
  }
}

Result<void> ServeScheduler::begin(std::vector<Error>& mistakes) {
  auto outcome = read_version(options_.source, &supervisor_);
  if (!outcome.version) {
    mistakes = std::move(outcome.mistakes);
    return Error::user(Code::InvalidProject, "the project has mistakes, so nothing is served");
  }
  loop_ = WEIR_TRY(EventLoop::create());
  executor_ = std::make_unique<Executor>(
      *loop_, ledger_,
      ExecutorOptions{
          .weir_binary = options_.source.weir_binary,
          .state_folder = options_.state_folder,
          .stop_grace = options_.stop_grace,
          .random = options_.random,
          .parallel = options_.parallel > 0 ? static_cast<std::size_t>(options_.parallel) : default_parallel()});
  executor_->on_child([this](const ChildRequest& child) -> Result<Run> {
    WEIR_TRY(known_pipeline(child.pipeline));
    auto run = new_run(child.pipeline, "pipeline", child_trigger(child.parent, child.task));
    run.parent = child.parent.id.text();
    run.params = child.params;
    run.interval_from = child.parent.interval_from;
    run.interval_to = child.parent.interval_to;
    WEIR_TRY(plan_of(run, *version_));
    WEIR_TRY(ledger_.create_run(run));
    enqueue(run);
    return run;
  });
  executor_->on_cancel_child([this](const RunId& id, Urgency urgency) { return cancel_anywhere(id, urgency); });
  clock_.reset(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!clock_) return Error::from_errno(errno, "making a clock");
  WEIR_TRY(loop_->watch(clock_.get(), [this]() -> Result<void> {
    std::uint64_t count = 0;
    // ECANCELED: somebody has set the clock.
    (void)!::read(clock_.get(), &count, sizeof count);
    return fire_due();
  }));
  // What a turn has brought about: new runs to start, events to be consumed, messages to be sent.
  executor_->each_turn([this]() -> Result<void> {
    if (ending_) return {};
    WEIR_TRY(look_at_consumers());
    return admit();
  });
  for (auto& pause : WEIR_TRY(ledger_.schedules().pauses())) paused_[pause.pipeline] = pause;
  WEIR_TRY(ledger_.hold());
  WEIR_TRY(adopt(std::move(outcome.version)));
  WEIR_TRY(take_over());
  WEIR_TRY(ledger_.release());
  delivery_ = std::make_unique<HookDelivery>(ledger_.outbox(), [this] { return version(); });
  if (options_.watch_files) {
    auto watch = FileWatch::create(*loop_, options_.source.folder, [this] { return files_changed(); });
    // Without it the project is served as it is, until reload().
    if (watch.ok()) watch_ = std::move(*watch);
  }
  look_at_waiting();
  prune();
  loop_->wake();
  thread_ = std::thread([this] { run_loop(); });
  return {};
}

void ServeScheduler::prune() {
  // What cannot be removed now is tried again; it is no reason to stop.
  static_cast<void>(prune_files(version_->project, ledger_, system_clock().now()));
  static_cast<void>(prune_versions(options_.state_folder, kVersionsKept));
  loop_->at(std::chrono::steady_clock::now() + std::chrono::hours{1}, [this]() -> Result<void> {
    prune();
    return {};
  });
}

void ServeScheduler::look_at_waiting() {
  loop_->at(std::chrono::steady_clock::now() + kWaitingIsLookedAtEvery, [this]() -> Result<void> {
    executor_->warn_of_waiting();
    look_at_waiting();
    return {};
  });
}

void ServeScheduler::run_loop() {
  auto turned = Result<void>{};
  while (turned.ok() && !ending_) turned = loop_->turn();
  if (!turned.ok()) {
    const std::lock_guard guard(mutex_);
    problems_.push_back(Error(turned.error()).while_doing("scheduling; nothing runs any more"));
    feed_.publish("", ProblemEvent{problems_});
    const std::uint64_t one = 1;
    (void)!::write(failed_.get(), &one, sizeof one);
  }
}

void ServeScheduler::stop() {
  {
    const std::lock_guard guard(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  feed_.close();
  if (thread_.joinable()) {
    loop_->post([this]() -> Result<void> {
      ending_ = true;
      return executor_->interrupt();
    });
    thread_.join();
  }
  if (reader_.joinable()) {
    reader_.request_stop();
    reader_.join();
  }
  delivery_.reset();
  watch_.reset();
  executor_.reset();
  loop_.reset();
}

// What an earlier process has left: runs that it was cut off from go on, those that were queued are queued.
Result<void> ServeScheduler::take_over() {
  for (auto& run : WEIR_TRY(ledger_.recover(system_clock().now(), ledger::Ledger::QueuedRuns::Keep))) {
    if (run.state != RunState::Lost || run.trigger == "replay" || pipeline(run.pipeline) == nullptr) continue;
    auto selection = run.selection.is_object() ? run.selection : Json::object();
    selection["recovered"] = true;
    WEIR_TRY(ledger_.requeue_run(run.id, selection));
  }
  for (auto& run : WEIR_TRY(ledger_.schedules().queued_runs())) {
    const auto choice = run.selection.is_object() ? run.selection.value("code", std::string{}) : std::string{};
    std::shared_ptr<const ProjectVersion> version;
    if (choice == "old") {
      auto kept = read_kept_version(options_.source, run.code_version, &supervisor_);
      if (kept.ok()) version = kept->version;
    }
    enqueue(std::move(run), std::move(version));
  }
  for (const auto& backfill : WEIR_TRY(ledger_.schedules().running_backfills()))
    WEIR_TRY(advance_backfill(backfill.id));
  for (const auto& [source, names] : consumers_) stirred_.insert(names.begin(), names.end());
  return {};
}

Result<void> ServeScheduler::adopt(std::shared_ptr<const ProjectVersion> version) {
  auto kept = keep_version(options_.state_folder, *version);
  auto with_folder = std::const_pointer_cast<ProjectVersion>(version);
  if (kept.ok()) with_folder->code_folder = *kept;
  Json files = Json::array();
  for (const auto& file : version->files) files.push_back(file.path);
  WEIR_TRY(ledger_.schedules().save_code_version(version->hash, version->loaded_at, files));
  {
    const std::lock_guard guard(mutex_);
    version_ = version;
    problems_.clear();
  }
  executor_->set_pools(version->project.pools);
  consumers_.clear();
  for (const auto& pipeline : version->project.pipelines) {
    if (!pipeline.after) continue;
    WEIR_TRY(ledger_.schedules().know_consumer(pipeline.name, pipeline.after->sources));
    for (const auto& source : pipeline.after->sources) consumers_[source].push_back(pipeline.name);
  }
  return know_schedules(system_clock().now());
}

// The schedules of the current version. One that is new begins now; one that is known goes on where it was.
Result<void> ServeScheduler::know_schedules(Instant now) {
  std::map<std::pair<std::string, std::string>, Instant> marks;
  for (const auto& mark : WEIR_TRY(ledger_.schedules().marks())) marks[{mark.pipeline, mark.schedule}] = mark.until;
  timed_.clear();
  next_fires_.clear();
  std::vector<ledger::ScheduleMark> fresh;
  for (const auto& pipeline : version_->project.pipelines) {
    for (const auto& schedule : pipeline.schedules) {
      const std::pair key{pipeline.name, schedule.text()};
      const auto known = marks.find(key);
      const auto mark = known == marks.end() ? now : known->second;
      if (known == marks.end()) fresh.push_back({key.first, key.second, now});
      timed_.emplace(key, Timed{pipeline.name, schedule, mark});
      if (const auto next = schedule.next(mark)) next_fires_.emplace(*next, key);
    }
  }
  WEIR_TRY(ledger_.schedules().fire(fresh, {}));
  return fire_due();
}

Result<void> ServeScheduler::fire_due() {
  const auto now = system_clock().now();
  std::vector<ledger::ScheduleMark> marks;
  std::vector<Run> runs;
  while (options_.fire_schedules && !next_fires_.empty() && next_fires_.begin()->first <= now) {
    const auto key = next_fires_.begin()->second;
    next_fires_.erase(next_fires_.begin());
    auto& timed = timed_.at(key);
    // A paused pipeline is dealt with when it is resumed.
    if (paused_.contains(timed.pipeline)) continue;
    const auto* const pipeline = this->pipeline(timed.pipeline);
    for (const auto fire : due_fires(timed.schedule, timed.mark, now)) {
      auto run = new_run(timed.pipeline, "schedule", timed.schedule.text());
      run.params = pipeline->params;
      const auto interval = interval_of_fire(timed.schedule, fire);
      run.interval_from = interval.from;
      run.interval_to = interval.to;
      runs.push_back(std::move(run));
    }
    timed.mark = now;
    marks.push_back({timed.pipeline, key.second, now});
    if (const auto next = timed.schedule.next(now)) next_fires_.emplace(*next, key);
  }
  if (!marks.empty()) WEIR_TRY(ledger_.schedules().fire(marks, runs));
  for (auto& run : runs) enqueue(std::move(run));
  return arm_clock();
}

Result<void> ServeScheduler::arm_clock() {
  itimerspec when{};
  if (!next_fires_.empty()) {
    const auto since = next_fires_.begin()->first.time_since_epoch();
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    when.it_value.tv_sec = static_cast<time_t>(whole.count());
    when.it_value.tv_nsec = static_cast<long>(std::chrono::nanoseconds(since - whole).count()) + 1;
  }
  if (::timerfd_settime(clock_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr) != 0)
    return Error::from_errno(errno, "setting a clock");
  return {};
}

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
  const RunFacts facts{.id = run.id,
                       .started_at = run.started_at.value_or(run.created_at),
                       .interval_from = run.interval_from,
                       .interval_to = run.interval_to};
  const auto request = WEIR_TRY(request_of(ledger_, run, version.project, version.graph, facts));
  return plan(version.project, version.graph, request, facts);
}

void ServeScheduler::enqueue(Run run, std::shared_ptr<const ProjectVersion> version) {
  executor_->after_write([this, run] { feed_.publish(run.pipeline, run); });
  arm_deadline(run);
  queue_.push_back({std::move(run), std::move(version)});
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
  if (run.code_version != version->hash) {
    run.code_version = version->hash;
    WEIR_TRY(ledger_.set_run_version(run.id, version->hash));
  }
  auto plan = plan_of(run, *version);
  if (!plan.ok()) return fail_to_start(std::move(run), plan.error());
  auto observer = std::make_unique<RunFeed>(*this, run);
  RunOrder order{.plan = std::move(*plan), .run = run, .version = version, .observer = observer.get()};
  if (run.selection.is_object()) {
    order.is_recovered = run.selection.value("recovered", false);
    order.replay = run.selection.value("replay", std::string{});
  }
  order.ended = [this](const Run& ended) { return run_ended(ended); };
  order.record_attempt = [this, run](const Step& step, const ledger::Attempt& attempt) {
    return record_attempt(run, step, attempt);
  };
  order.record_end = [this](const Run& ended) { return record_end(ended); };
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

Result<void> ServeScheduler::append_event(const Run& run, std::string source, std::string task, std::uint64_t rows) {
  const auto found = consumers_.find(source);
  if (found != consumers_.end()) stirred_.insert(found->second.begin(), found->second.end());
  const ledger::Event event{.source = std::move(source),
                            .pipeline = run.pipeline,
                            .run = run.id,
                            .task = std::move(task),
                            .at = system_clock().now(),
                            .rows = rows,
                            .interval_from = run.interval_from,
                            .interval_to = run.interval_to};
  return ledger_.schedules().append_events({&event, 1});
}

Result<void> ServeScheduler::record_attempt(const Run& run, const Step& step, const ledger::Attempt& attempt) {
  if (attempt.state != ledger::AttemptState::Succeeded || run.trigger == "replay") return {};
  if (!run.backfill.empty() && !run.selection.value("downstream", false)) return {};
  for (const auto& table : step.writes) {
    if (project::parse_endpoint(version_->project, table).connection.empty()) continue;
    WEIR_TRY(append_event(run, table, step.name, attempt.rows_written));
  }
  return {};
}

Result<void> ServeScheduler::record_end(const Run& run) {
  if (run.state != RunState::Succeeded || run.trigger == "replay") return {};
  if (!run.backfill.empty() && !run.selection.value("downstream", false)) return {};
  return append_event(run, run.pipeline, "", 0);
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
  auto open = WEIR_TRY(ledger_.schedules().unconsumed(pipeline.name, after.sources));
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

// What others ask for.

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
    if (run.state == RunState::Succeeded) {
      return Error::user(Code::InvalidArgument, "run {} succeeded: there is nothing to retry", run.id.text())
          .hint("start a new one");
    }
    std::shared_ptr<const ProjectVersion> version = version_;
    if (request.code == CodeChoice::Old) {
      auto kept = WEIR_TRY(read_kept_version(options_.source, run.code_version, &supervisor_));
      if (!kept.version) return kept.mistakes.front();
      version = kept.version;
    }
    auto selection = run.selection.is_object() ? run.selection : Json::object();
    selection.erase("recovered");
    selection["redo"] = request.from;
    selection["code"] = request.code == CodeChoice::Old ? "old" : "current";
    run.selection = selection;
    WEIR_TRY(plan_of(run, *version));
    WEIR_TRY(ledger_.requeue_run(run.id, selection));
    run = WEIR_TRY(find(run.id));
    enqueue(run, request.code == CodeChoice::Old ? version : nullptr);
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

std::vector<ledger::Pause> ServeScheduler::paused() const {
  const std::lock_guard guard(mutex_);
  std::vector<ledger::Pause> all;
  for (const auto& [name, pause] : paused_) all.push_back(pause);
  return all;
}

std::vector<NextFire> ServeScheduler::next_fires(std::string_view name, std::size_t limit) const {
  std::shared_ptr<const ProjectVersion> version;
  std::set<std::string, std::less<>> paused;
  {
    const std::lock_guard guard(mutex_);
    version = version_;
    for (const auto& [pipeline, pause] : paused_) paused.insert(pipeline);
  }
  std::vector<NextFire> fires;
  const auto now = system_clock().now();
  for (const auto& pipeline : version->project.pipelines) {
    if ((!name.empty() && pipeline.name != name) || paused.contains(pipeline.name)) continue;
    for (const auto& schedule : pipeline.schedules) {
      auto next = schedule.next(now);
      for (std::size_t i = 0; i < limit && next; ++i, next = schedule.next(*next))
        fires.push_back({pipeline.name, schedule.text(), *next, schedule.local_text(*next)});
    }
  }
  std::ranges::stable_sort(fires, {}, &NextFire::at);
  if (fires.size() > limit) fires.resize(limit);
  return fires;
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

// The project's files.

Result<void> ServeScheduler::files_changed() {
  if (is_reading_) {
    read_again_ = true;
    return {};
  }
  is_reading_ = true;
  read_again_ = false;
  read_in_background();
  return {};
}

void ServeScheduler::read_in_background() {
  reader_ = std::jthread([this] {
    auto outcome = std::make_shared<VersionOutcome>(read_version(options_.source, &supervisor_));
    loop_->post([this, outcome]() -> Result<void> {
      is_reading_ = false;
      if (read_again_) WEIR_TRY(files_changed());
      if (!outcome->version) {
        {
          const std::lock_guard guard(mutex_);
          problems_ = outcome->mistakes;
        }
        executor_->after_write([this, mistakes = outcome->mistakes] { feed_.publish("", ProblemEvent{mistakes}); });
        return {};
      }
      const bool had_problems = !problems_.empty();
      const bool is_new = outcome->version->hash != version_->hash;
      if (!is_new && !had_problems) return {};
      std::set<std::string> changed;
      for (const auto& pipeline : outcome->version->project.pipelines) changed.insert(pipeline.name);
      for (const auto& pipeline : version_->project.pipelines) changed.insert(pipeline.name);
      WEIR_TRY(adopt(outcome->version));
      executor_->after_write([this, had_problems, changed] {
        if (had_problems) feed_.publish("", ProblemEvent{});
        for (const auto& name : changed) feed_.publish(name, PipelineEvent{name});
      });
      return {};
    });
  });
}

Result<void> ServeScheduler::reload() {
  return on_loop<void>([this]() -> Result<void> { return files_changed(); });
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
    return Reasons{
        {"", fmt::format("waits for other runs of {}: it has as many at once as it may", queued->run.pipeline)}};
  });
  return reasons.ok() ? std::move(*reasons) : Reasons{};
}

}  // namespace

Result<std::unique_ptr<Scheduler>> Scheduler::start(Options options, ledger::Ledger& ledger,
                                                    services::Supervisor& supervisor, std::vector<Error>& mistakes) {
  auto scheduler = std::make_unique<ServeScheduler>(std::move(options), ledger, supervisor);
  WEIR_TRY(scheduler->begin(mistakes));
  return std::unique_ptr<Scheduler>(std::move(scheduler));
}

}  // namespace weir::engine
