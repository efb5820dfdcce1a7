#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/file_watch.hpp"
#include "engine/hooks.hpp"
#include "engine/intervals.hpp"
#include "engine/scheduler.hpp"

// The one Scheduler. Its parts: scheduler.cpp (its life, schedules, the project's files), scheduler_runs.cpp (runs, the
// events that they make and consume, hooks), scheduler_requests.cpp (what others ask for, backfills).
namespace weir::engine {

using Urgency = CancelSignal::Urgency;

// A run that waits for its turn.
struct QueuedRun {
  ledger::Run run;
  std::shared_ptr<const ProjectVersion> version;  // null: the one that is current when it starts
  SteadyTime since{};
  bool warned = false;  // its hooks have been told how long it waits
};

inline std::string waits_for_others(std::string_view pipeline) {
  return fmt::format("waits for other runs of {}: it has as many at once as it may", pipeline);
}

class ServeScheduler final : public Scheduler {
 public:
  ServeScheduler(Options options, ledger::Ledger& ledger, services::Supervisor& supervisor);
  ~ServeScheduler() override { stop(); }

  Result<void> begin(std::vector<Error>& mistakes);
  void stop() override;

  Result<ledger::Run> submit(const RunRequest& request) override;
  Result<ledger::Run> cancel(const RunId& id, Urgency urgency, std::string_view by) override;
  Result<ledger::Run> retry(const RunId& id, const RetryRequest& request) override;
  Result<ledger::Run> replay(const RunId& id, std::string_view by) override;
  Result<void> pause(std::string_view name, std::string_view by) override;
  Result<void> resume(std::string_view name, std::string_view by) override;
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
  std::vector<NextFire> next_fires(std::string_view name, std::size_t limit) const override;
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
  using KeptVersions = std::map<std::string, std::shared_ptr<const ProjectVersion>>;  // by hash
  std::shared_ptr<const ProjectVersion> version_to_go_on_with(const ledger::Run& run, KeptVersions& read) const;
  // A version becomes the current one.
  Result<void> adopt(const std::shared_ptr<const ProjectVersion>& version);
  // Whether the project's files are those of the version, as far as anybody knows.
  bool is_current(const ProjectVersion& version) const;
  Result<void> files_changed();
  void read_in_background();

  // Schedules.
  Result<void> know_schedules(Instant now);
  Result<void> fire_due();
  Result<void> arm_clock();

  // Runs.
  RunId new_run_id(Instant now);
  ledger::Run new_run(const std::string& pipeline, std::string trigger, std::string by);
  Result<Plan> plan_of(const ledger::Run& run, const ProjectVersion& version);
  void enqueue(ledger::Run run, std::shared_ptr<const ProjectVersion> version = nullptr);
  Result<void> admit();
  Result<void> start_run(QueuedRun queued);
  Result<void> fail_to_start(ledger::Run run, const Error& error);
  Result<void> run_ended(const ledger::Run& run);
  Result<ledger::Run> find(const RunId& id);
  Result<void> cancel_anywhere(const RunId& id, Urgency urgency);

  // Events and consumers.
  void stir(const std::string& source);
  Result<void> look_at_consumers();
  Result<void> consume(const project::Pipeline& pipeline);

  // Backfills.
  Result<std::vector<BackfillPreview::Interval>> intervals_of(const BackfillRequest& request);
  Result<ledger::Backfill> change_backfill(std::string_view id, ledger::BackfillState state,
                                           std::optional<Urgency> cancel_runs);
  Result<void> advance_backfill(const std::string& id);

  // Hooks and deadlines.
  Result<void> tell(const std::string& kind, std::string occasion, std::string text, const ledger::Run& run,
                    std::string task = {}, std::string error = {});
  void arm_deadline(const ledger::Run& run);
  void look_at_waiting();
  Result<void> warn_of_queued();
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
  Descriptor failed_;
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
  std::string tree_hash_;  // of the project's files when they were last read; "" when a mistake or links hide it
  bool is_reading_ = false;
  bool read_again_ = false;
  bool wake_delivery_ = false;
  bool ending_ = false;

  friend class RunFeed;
};

inline Error scheduler_has_stopped() { return Error::system(Code::Unavailable, "the scheduler has stopped"); }

template <typename T>
Result<T> ServeScheduler::on_loop(std::function<Result<T>()> work) const {
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  {
    const std::lock_guard guard(mutex_);
    if (stopped_ || !loop_) return scheduler_has_stopped();
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
    return scheduler_has_stopped();
  }
}

}  // namespace weir::engine
