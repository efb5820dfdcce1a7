#include "app/served.hpp"

#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>

#include "app/run_control.hpp"
#include "engine/run_request.hpp"
#include "engine/task_link.hpp"

namespace weir::app {
namespace {

// Turns the events of a followed run into what a view of a run of our own would be told.
class Follower {
 public:
  Follower(engine::RunObserver& view, engine::Plan plan) : view_(view), plan_(std::move(plan)) {}

  // The run when it has ended.
  std::optional<ledger::Run> take(const Json& event) {
    const auto kind = event.value("event", std::string{});
    if (kind == "run") return take_run(engine::run_from_json(event["run"]));
    if (kind == "attempt") take_attempt(engine::attempt_from_json(event["attempt"]));
    if (kind == "log") {
      ledger::Attempt attempt;
      attempt.task = event.value("task", "");
      attempt.number = event.value("attempt", 1);
      view_.logged(step(attempt.task), attempt, engine::task_log_line_from_json(event["line"]));
    }
    return std::nullopt;
  }
  const engine::Plan& plan() const { return plan_; }

 private:
  std::optional<ledger::Run> take_run(ledger::Run run) {
    if (run.state == ledger::RunState::Running && !started_) {
      started_ = true;
      view_.run_started(run, plan_);
    }
    if (!ledger::has_ended(run.state)) return std::nullopt;
    view_.run_finished(run);
    return run;
  }

  void take_attempt(const ledger::Attempt& attempt) {
    auto& known = states_[{attempt.task, attempt.number}];
    const auto state = ledger::name(attempt.state);
    if (known == state) {
      view_.progressed(step(attempt.task), attempt);
    } else {
      known = state;
      view_.step_changed(step(attempt.task), attempt);
    }
  }

  // Steps that the plan does not know yet (items of a for_each, nodes of dbt) have a name at least.
  const engine::Step& step(const std::string& name) {
    for (const auto& known : plan_.steps) {
      if (known.name == name) return known;
    }
    auto& further = further_[name];
    further.name = name;
    return further;
  }

  engine::RunObserver& view_;
  engine::Plan plan_;
  std::map<std::string, engine::Step> further_;
  std::map<std::pair<std::string, int>, std::string> states_;
  bool started_ = false;
};

Result<void> pass_on_cancel(const engine::CancelSignal& cancel, const std::string& run) {
  cancel.drain();
  auto client = WEIR_TRY(serving_process());
  if (!client) return {};
  WEIR_TRY(client->call(
      {{"call", "cancel"}, {"run", run}, {"now", cancel.requested() == engine::CancelSignal::Urgency::Now}}));
  return {};
}

Result<ledger::Run> follow(engine::ControlClient& client, const std::string& run, const engine::CancelSignal& cancel,
                           Follower& follower) {
  for (;;) {
    pollfd waiting[2] = {{client.descriptor(), POLLIN, 0}, {cancel.descriptor(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return Error::from_errno(errno, "following the run");
    // A run that has ended in the meantime cannot be cancelled; its end is on its way.
    if (waiting[1].revents != 0) static_cast<void>(pass_on_cancel(cancel, run));
    if (waiting[0].revents == 0) continue;
    const auto event = WEIR_TRY(client.next_event());
    if (!event) {
      return Error::system(Code::Unavailable, "the process that serves this project has gone; its run: {}", run)
          .hint("weir serve goes on with it when it starts again");
    }
    if (auto ended = follower.take(*event)) return std::move(*ended);
  }
}

}  // namespace

std::string user_name() {
  const auto* const user = ::getpwuid(::geteuid());
  return user == nullptr ? std::to_string(::geteuid()) : user->pw_name;
}

Result<std::optional<engine::ControlClient>> serving_process() {
  return engine::ControlClient::connect(WEIR_TRY(Workspace::find_folder()) / ".weir");
}

Result<int> run_served(engine::ControlClient client, Json call, const Workspace& workspace, ViewKind view) {
  const auto cancel = WEIR_TRY(engine::CancelSignal::create());
  const InterruptHandler handler{*cancel};
  call["follow"] = true;
  const auto run = engine::run_from_json(WEIR_TRY(client.call(call)));
  const auto reader = WEIR_TRY(workspace.open_ledger(ledger::Ledger::Mode::Read));
  const engine::RunFacts facts{.id = run.id,
                               .started_at = run.started_at.value_or(run.created_at),
                               .interval_from = run.interval_from,
                               .interval_to = run.interval_to};
  const auto request = WEIR_TRY(engine::request_of(*reader, run, workspace.project(), workspace.graph(), facts));
  const auto observer = make_run_view(view);
  Follower follower{*observer, WEIR_TRY(engine::plan(workspace.project(), workspace.graph(), request, facts))};
  const auto ended = WEIR_TRY(follow(client, run.id.text(), *cancel, follower));
  const auto attempts = WEIR_TRY(reader->attempts(run.id));
  if (view != ViewKind::Json) {
    std::fputs(run_summary(ended, follower.plan(), attempts, WEIR_TRY(reader->checks(run.id))).c_str(), stdout);
  }
  return exit_code_of(ended, attempts);
}

}  // namespace weir::app
