#include "app/run_control.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>

#include "app/terminal.hpp"
#include "engine/leftovers.hpp"
#include "engine/retention.hpp"
#include "engine/run_request.hpp"
#include "engine/success_record.hpp"

namespace weir::app {
namespace {

engine::CancelSignal* interrupted_run = nullptr;

void on_interrupt(int) { interrupted_run->request(engine::CancelSignal::Urgency::Orderly); }

// A task has another pipeline run: in this process too, without a view of its own.
Result<ledger::Run> start_child(Workspace& workspace, ledger::Ledger& ledger, engine::Executor& executor,
                                const engine::ChildRequest& child) {
  static engine::RunObserver unseen;
  ledger::Run run;
  run.created_at = system_clock().now();
  run.id = generate_run_id(run.created_at);
  run.pipeline = child.pipeline;
  run.environment = child.parent.environment;
  run.trigger = "pipeline";
  run.triggered_by = engine::child_trigger(child.parent, child.task);
  run.parent = child.parent.id.text();
  run.params = child.params;
  run.code_version = workspace.version()->hash;
  run.interval_from = child.parent.interval_from;
  run.interval_to = child.parent.interval_to;
  auto plan =
      WEIR_TRY(engine::plan(workspace.project(), workspace.graph(), {.pipeline = run.pipeline, .params = run.params},
                            {.id = run.id,
                             .started_at = run.created_at,
                             .interval_from = run.interval_from,
                             .interval_to = run.interval_to}));
  WEIR_TRY(ledger.create_run(run));
  WEIR_TRY(executor.start({.plan = std::move(plan),
                           .run = run,
                           .version = workspace.version(),
                           .observer = &unseen,
                           .ended = [&executor](const ledger::Run& ended) { return executor.child_ended(ended); }}));
  return run;
}

Result<int> execute(Workspace& workspace, ledger::Ledger& ledger, const engine::PlanRequest& request,
                    const ledger::Run& run, ViewKind view) {
  const auto plan = WEIR_TRY(engine::plan(workspace.project(), workspace.graph(), request, engine::facts_of(run)));
  const auto cancel = WEIR_TRY(engine::CancelSignal::create());
  const InterruptHandler handler{*cancel};
  const auto observer = make_run_view(view);
  const auto loop = WEIR_TRY(engine::EventLoop::create());
  engine::Executor executor{*loop,
                            ledger,
                            {.weir_binary = weir_binary(),
                             .state_folder = workspace.state_folder(),
                             .random = random_fraction,
                             .parallel = 1'000}};
  executor.set_pools(workspace.project().pools);
  executor.on_child([&](const engine::ChildRequest& child) { return start_child(workspace, ledger, executor, child); });
  WEIR_TRY(engine::know_consumers(ledger, workspace.project()));
  workspace.version()->code_folder = WEIR_TRY(engine::keep_version(workspace.state_folder(), *workspace.version()));
  engine::RunOrder order{.plan = plan, .run = run, .version = workspace.version(), .observer = observer.get()};
  if (run.selection.is_object()) order.replay = run.selection.value("replay", std::string{});
  const auto finished = WEIR_TRY(executor.execute(std::move(order), *cancel));
  const auto attempts = WEIR_TRY(ledger.attempts(run.id));
  if (view != ViewKind::Json) {
    std::fputs(run_summary(finished, plan, attempts, WEIR_TRY(ledger.checks(run.id))).c_str(), stdout);
  }
  WEIR_TRY(engine::prune_files(workspace.project(), ledger, system_clock().now()));
  return exit_code_of(finished, attempts);
}

}  // namespace

InterruptHandler::InterruptHandler(engine::CancelSignal& cancel) {
  interrupted_run = &cancel;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, &old_interrupt_);
  ::sigaction(SIGTERM, &action, &old_terminate_);
}

InterruptHandler::~InterruptHandler() {
  ::sigaction(SIGINT, &old_interrupt_, nullptr);
  ::sigaction(SIGTERM, &old_terminate_, nullptr);
  interrupted_run = nullptr;
}

int exit_code_of(const ledger::Run& run, const std::vector<ledger::Attempt>& attempts) {
  if (run.state == ledger::RunState::Succeeded) return kSuccess;
  // A service that could not be reached is told apart from work that failed.
  for (const auto& attempt : attempts) {
    if (attempt.state != ledger::AttemptState::Failed || !attempt.error.is_object()) continue;
    if (attempt.error.value("code", "") == name(Code::Unavailable) && attempt.rows_read == 0) return kUnavailable;
  }
  return kFailed;
}

double random_fraction() {
  static std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(generator);
}

Result<Json> parse_params(const std::vector<std::string>& texts) {
  Json params = Json::object();
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return Error::user(Code::InvalidArgument, "a parameter is written name=value: {}", text);
    }
    const auto value = text.substr(equals + 1);
    const auto parsed = parse_json(value);
    params[text.substr(0, equals)] = parsed.ok() ? *parsed : Json(value);
  }
  return params;
}

ViewKind default_view() { return is_terminal(STDOUT_FILENO) ? ViewKind::Live : ViewKind::Plain; }

int execute_run(Workspace& workspace, ledger::Ledger& ledger, const engine::PlanRequest& request,
                const ledger::Run& run, ViewKind view) {
  const auto executed = execute(workspace, ledger, request, run, view);
  return executed.ok() ? *executed : report(executed.error());
}

Result<std::vector<ledger::Run>> recover_lost(ledger::Ledger& ledger) {
  auto lost = WEIR_TRY(ledger.recover(system_clock().now(), ledger::Ledger::QueuedRuns::Keep));
  if (!lost.empty()) engine::end_leftovers(engine::project_mark(WEIR_TRY(Workspace::find_folder()) / ".weir"));
  for (const auto& run : lost) {
    std::fprintf(
        stderr, "%s\n",
        fmt::format("run {} of {} was cut off: its process ended without a word", run.id.text(), run.pipeline).c_str());
  }
  return lost;
}

Result<engine::PlanRequest> resumed_request(const Workspace& workspace, ledger::Ledger& ledger,
                                            const ledger::Run& run) {
  return engine::request_of(ledger, run, workspace.project(), workspace.graph(), engine::facts_of(run));
}

Result<void> redo_from(const Workspace& workspace, ledger::Ledger& ledger, ledger::Run& run, std::string_view task) {
  WEIR_TRY(engine::ask_to_redo(ledger, run, task, workspace.project(), workspace.graph(), engine::facts_of(run)));
  if (!ledger::has_ended(run.state)) return {};
  WEIR_TRY(ledger.requeue_run(run.id, run.selection));
  run.state = ledger::RunState::Queued;
  return {};
}

}  // namespace weir::app
