#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/scheduler.hpp"

// For the tests of this folder: a scheduler that keeps what it was asked for in the ledger and runs nothing.
namespace weir::web {

class FakeScheduler final : public engine::Scheduler {
 public:
  FakeScheduler(ledger::Ledger& ledger, std::shared_ptr<const engine::ProjectVersion> version, Instant now)
      : ledger_(ledger), version_(std::move(version)), feed_(now, 100) {}

  std::vector<engine::RunRequest> requests;
  std::vector<std::string> calls;  // "cancel <run> orderly by ann"
  std::vector<Error> mistakes;
  std::vector<ledger::Pause> pauses;
  std::map<std::string, std::string> waiting;

  void stop() override {}

  Result<ledger::Run> submit(const engine::RunRequest& request) override {
    requests.push_back(request);
    if (!request.key.empty()) {
      if (const auto known = by_key_.find(request.key); known != by_key_.end()) return known->second;
    }
    ledger::Run run;
    run.id = generate_run_id(system_clock().now());
    run.pipeline = request.pipeline;
    run.trigger = request.trigger;
    run.triggered_by = request.by;
    run.params = request.params;
    run.created_at = system_clock().now();
    run.interval_from = request.interval_from;
    run.interval_to = request.interval_to;
    WEIR_TRY(ledger_.create_run(run));
    if (!request.key.empty()) by_key_.emplace(request.key, run);
    feed_.publish(run.pipeline, run);
    return run;
  }

  Result<ledger::Run> cancel(const RunId& run, engine::CancelSignal::Urgency urgency, std::string_view by) override {
    const bool now = urgency == engine::CancelSignal::Urgency::Now;
    calls.push_back(fmt::format("cancel {} {} by {}", run.text(), now ? "now" : "orderly", by));
    return known(run);
  }
  Result<ledger::Run> retry(const RunId& run, const engine::RetryRequest& request) override {
    const bool old = request.code == engine::CodeChoice::Old;
    calls.push_back(
        fmt::format("retry {} from '{}' with {} by {}", run.text(), request.from, old ? "old" : "current", request.by));
    return known(run);
  }

  Result<ledger::Run> replay(const RunId& run, std::string_view by) override {
    calls.push_back(fmt::format("replay {} by {}", run.text(), by));
    return known(run);
  }

  Result<void> pause(std::string_view pipeline, std::string_view by) override {
    pauses.push_back({std::string{pipeline}, std::string{by}, system_clock().now()});
    return {};
  }
  Result<void> resume(std::string_view pipeline, std::string_view) override {
    std::erase_if(pauses, [&](const auto& pause) { return pause.pipeline == pipeline; });
    return {};
  }
  std::vector<ledger::Pause> paused() const override { return pauses; }

  Result<engine::BackfillPreview> preview(const engine::BackfillRequest& request) override {
    engine::BackfillPreview preview;
    preview.intervals.push_back({.from = request.from, .to = request.to, .existing = {}, .chosen = true});
    preview.overwritten = {"crm.sales"};
    return preview;
  }
  Result<ledger::Backfill> backfill(const engine::BackfillRequest& request) override {
    ledger::Backfill backfill;
    backfill.id = "b1";
    backfill.pipeline = request.pipeline;
    backfill.from = request.from;
    backfill.to = request.to;
    backfill.mode = request.mode;
    backfill.parallel = request.parallel;
    backfill.by = request.by;
    backfill.created_at = system_clock().now();
    backfill.intervals.push_back({.from = request.from, .to = request.to});
    WEIR_TRY(ledger_.schedules().create_backfill(backfill));
    return backfill;
  }
  Result<ledger::Backfill> pause_backfill(std::string_view id) override {
    return changed(id, ledger::BackfillState::Paused);
  }
  Result<ledger::Backfill> resume_backfill(std::string_view id) override {
    return changed(id, ledger::BackfillState::Running);
  }
  Result<ledger::Backfill> cancel_backfill(std::string_view id, engine::CancelSignal::Urgency) override {
    return changed(id, ledger::BackfillState::Cancelled);
  }

  std::vector<engine::NextFire> next_fires(std::string_view pipeline, std::size_t) const override {
    if (!pipeline.empty() && pipeline != "sales") return {};
    return {{.pipeline = "sales",
             .schedule = "45 12 * * TUE",
             .at = system_clock().now() + std::chrono::hours(1),
             .local = "soon"}};
  }

  std::shared_ptr<const engine::ProjectVersion> version() const override { return version_; }
  std::vector<Error> problems() const override { return mistakes; }
  Result<void> reload() override { return {}; }
  std::vector<ledger::Attempt> live_attempts(const RunId&) const override { return {}; }
  std::map<std::string, std::string> waiting_reasons(const RunId&) const override { return waiting; }
  int failed_descriptor() const override { return -1; }
  engine::Feed& feed() override { return feed_; }

 private:
  Result<ledger::Run> known(const RunId& id) {
    auto run = WEIR_TRY(ledger_.find_run(id.text()));
    if (!run) return Error::user(Code::NotFound, "no such run: {}", id.text());
    return std::move(*run);
  }
  Result<ledger::Backfill> changed(std::string_view id, ledger::BackfillState state) {
    WEIR_TRY(ledger_.schedules().set_backfill_state(id, state));
    auto found = WEIR_TRY(ledger_.schedules().find_backfill(id));
    if (!found) return Error::user(Code::NotFound, "no such backfill: {}", id);
    return std::move(*found);
  }

  ledger::Ledger& ledger_;
  const std::shared_ptr<const engine::ProjectVersion> version_;
  engine::Feed feed_;
  std::map<std::string, ledger::Run> by_key_;
};

}  // namespace weir::web
