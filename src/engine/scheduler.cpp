#include "engine/scheduler.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/leftovers.hpp"
#include "engine/retention.hpp"
#include "engine/serve_scheduler.hpp"
#include "engine/success_record.hpp"

namespace weir::engine {

using ledger::Run;
using ledger::RunState;

namespace {

constexpr std::chrono::seconds kWaitingIsLookedAtEvery{5};
constexpr std::size_t kVersionsKept = 200;
constexpr std::size_t kEventsKept = 10'000;

std::string tree_hash_of(const VersionOutcome& outcome) {
  return outcome.version && !outcome.version->has_links ? outcome.version->hash : std::string{};
}

std::size_t default_parallel() { return std::max(16U, 4 * std::thread::hardware_concurrency()); }

}  // namespace

ServeScheduler::ServeScheduler(Options options, ledger::Ledger& ledger, services::Supervisor& supervisor)
    : options_(std::move(options)),
      ledger_(ledger),
      supervisor_(supervisor),
      feed_(system_clock().now(), kEventsKept),
      failed_(::eventfd(0, EFD_CLOEXEC)) {}

Result<void> ServeScheduler::begin(std::vector<Error>& mistakes) {
  loop_ = WEIR_TRY(EventLoop::create());
  // Before the files are read, so that no change is missed in between.
  if (options_.watch_files) {
    auto watch = FileWatch::create(*loop_, options_.source.folder, [this] { return files_changed(); });
    // Without it the project is served as it is, until reload().
    if (watch.ok()) watch_ = std::move(*watch);
  }
  auto outcome = read_version(options_.source, &supervisor_);
  tree_hash_ = tree_hash_of(outcome);
  if (!outcome.version) {
    mistakes = std::move(outcome.mistakes);
    return Error::user(Code::InvalidProject, "the project has mistakes, so nothing is served");
  }
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
  executor_->on_current([this](const ProjectVersion& version) { return is_current(version); });
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
  WEIR_TRY(adopt(outcome.version));
  WEIR_TRY(take_over());
  WEIR_TRY(ledger_.release());
  delivery_ = std::make_unique<HookDelivery>(ledger_.outbox(), [this] { return version(); });
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
    WEIR_TRY(executor_->warn_of_waiting());
    WEIR_TRY(warn_of_queued());
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
  const auto lost = WEIR_TRY(ledger_.recover(system_clock().now(), ledger::Ledger::QueuedRuns::Keep));
  // What its tasks have started must not go on beside what is started now.
  if (!lost.empty()) end_leftovers(project_mark(options_.state_folder));
  for (const auto& run : lost) {
    if (run.state != RunState::Lost || run.trigger == "replay" || pipeline(run.pipeline) == nullptr) continue;
    auto selection = run.selection.is_object() ? run.selection : Json::object();
    selection["recovered"] = true;
    WEIR_TRY(ledger_.requeue_run(run.id, selection));
  }
  // The runs that schedules have missed in the meantime.
  std::set<RunId> waiting;
  for (const auto& queued : queue_) waiting.insert(queued.run.id);
  KeptVersions read;
  for (auto& run : WEIR_TRY(ledger_.schedules().queued_runs())) {
    if (waiting.contains(run.id)) continue;
    auto version = version_to_go_on_with(run, read);
    enqueue(std::move(run), std::move(version));
  }
  for (const auto& backfill : WEIR_TRY(ledger_.schedules().running_backfills()))
    WEIR_TRY(advance_backfill(backfill.id));
  for (const auto& [source, names] : consumers_) stirred_.insert(names.begin(), names.end());
  return {};
}

// The files of a run that was cut off, or that somebody retries with those that it began with. Null is the current version:
// for runs that have not begun, and where the others are not kept any more or cannot be read.
std::shared_ptr<const ProjectVersion> ServeScheduler::version_to_go_on_with(const Run& run, KeptVersions& read) const {
  if (!run.selection.is_object()) return nullptr;
  const bool goes_on = run.selection.value("recovered", false);
  if (!goes_on && run.selection.value("code", std::string{}) != "old") return nullptr;
  const auto& hash = goes_on ? run.code_version : run.first_code_version;
  if (hash == version_->hash) return nullptr;
  if (const auto known = read.find(hash); known != read.end()) return known->second;
  const auto kept = read_kept_version(options_.source, hash, &supervisor_);
  return read[hash] = kept.ok() ? kept->version : nullptr;
}

Result<void> ServeScheduler::adopt(const std::shared_ptr<const ProjectVersion>& version) {
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
  WEIR_TRY(know_consumers(ledger_, version->project));
  for (const auto& pipeline : version->project.pipelines) {
    if (!pipeline.after) continue;
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

// The project's files.

bool ServeScheduler::is_current(const ProjectVersion& version) const {
  return watch_ && watch_->is_settled() && !is_reading_ && tree_hash_ == version.hash;
}

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
      tree_hash_ = tree_hash_of(*outcome);
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

Result<std::unique_ptr<Scheduler>> Scheduler::start(Options options, ledger::Ledger& ledger,
                                                    services::Supervisor& supervisor, std::vector<Error>& mistakes) {
  auto scheduler = std::make_unique<ServeScheduler>(std::move(options), ledger, supervisor);
  WEIR_TRY(scheduler->begin(mistakes));
  return std::unique_ptr<Scheduler>(std::move(scheduler));
}

}  // namespace weir::engine
