#include "app/run_control.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <random>

#include "app/terminal.hpp"
#include "engine/retention.hpp"

namespace weir::app {
namespace {

engine::CancelSignal* interrupted_run = nullptr;

void on_interrupt(int) { interrupted_run->request(engine::CancelSignal::Urgency::Orderly); }

// Routes Ctrl-C and SIGTERM to a run's cancel signal while it lives.
class InterruptHandler {
 public:
  explicit InterruptHandler(engine::CancelSignal& cancel) {
    interrupted_run = &cancel;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, &old_interrupt_);
    ::sigaction(SIGTERM, &action, &old_terminate_);
  }
  ~InterruptHandler() {
    ::sigaction(SIGINT, &old_interrupt_, nullptr);
    ::sigaction(SIGTERM, &old_terminate_, nullptr);
    interrupted_run = nullptr;
  }
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  struct sigaction old_interrupt_ {};
  struct sigaction old_terminate_ {};
};

double random_fraction() {
  static std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(generator);
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

Result<int> execute(Workspace& workspace, ledger::Ledger& ledger, const engine::PlanRequest& request,
                    const ledger::Run& run, ViewKind view) {
  const engine::RunFacts facts{.id = run.id,
                               .started_at = run.started_at.value_or(run.created_at),
                               .interval_from = run.interval_from,
                               .interval_to = run.interval_to};
  const auto plan = WEIR_TRY(engine::plan(workspace.project(), workspace.graph(), request, facts));
  const auto cancel = WEIR_TRY(engine::CancelSignal::create());
  const InterruptHandler handler{*cancel};
  const auto observer = make_run_view(view);
  engine::ExecutorOptions options;
  options.weir_binary = weir_binary();
  options.state_folder = workspace.state_folder();
  options.random = random_fraction;
  if (run.selection.is_object()) options.replay = run.selection.value("replay", std::string{});
  engine::Executor executor{ledger, workspace.connections(), std::move(options), *observer};
  const auto finished = WEIR_TRY(executor.execute(plan, run, *cancel));
  const auto attempts = WEIR_TRY(ledger.attempts(run.id));
  if (view != ViewKind::Json) {
    std::fputs(run_summary(finished, plan, attempts, WEIR_TRY(ledger.checks(run.id))).c_str(), stdout);
  }
  WEIR_TRY(engine::prune_files(workspace.project(), ledger, system_clock().now()));
  return exit_code_of(finished, attempts);
}

}  // namespace

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
  auto lost = WEIR_TRY(ledger.recover(system_clock().now()));
  for (const auto& run : lost) {
    std::fprintf(
        stderr, "%s\n",
        fmt::format("run {} of {} was cut off: its process ended without a word", run.id.text(), run.pipeline).c_str());
  }
  return lost;
}

Result<engine::PlanRequest> resumed_request(ledger::Ledger& ledger, const ledger::Run& run) {
  engine::PlanRequest request;
  request.pipeline = run.pipeline;
  request.params = run.params;
  if (run.selection.is_object()) {
    request.from = run.selection.value("from", std::string{});
    for (const auto& task : run.selection.value("select", Json::array()))
      request.select.push_back(task.get<std::string>());
    if (run.selection.value("repair", false)) request.differences = engine::Differences::Repair;
  }
  for (const auto& attempt : WEIR_TRY(ledger.attempts(run.id))) {
    if (attempt.state == ledger::AttemptState::Succeeded) request.done.insert(attempt.task);
  }
  return request;
}

}  // namespace weir::app
