#include "engine/run_request.hpp"

#include <algorithm>

namespace weir::engine {

RunFacts facts_of(const ledger::Run& run) {
  return {.id = run.id,
          .started_at = run.started_at.value_or(run.created_at),
          .interval_from = run.interval_from,
          .interval_to = run.interval_to};
}

namespace {

// The steps of a task and of everything after it.
Result<std::vector<std::string>> steps_from(std::string_view task, PlanRequest request, const project::Project& project,
                                            const models::Graph& graph, const RunFacts& facts) {
  request.select.clear();
  request.from = task;
  std::vector<std::string> names;
  for (const auto& step : WEIR_TRY(plan(project, graph, request, facts)).steps) {
    if (step.selected) names.push_back(step.name);
  }
  return names;
}

Instant redo_at(const Json& redo) { return Instant{std::chrono::microseconds{redo.value("at", std::int64_t{0})}}; }

}  // namespace

Result<PlanRequest> request_of(ledger::Ledger& ledger, const ledger::Run& run, const project::Project& project,
                               const models::Graph& graph, const RunFacts& facts) {
  PlanRequest request;
  request.pipeline = run.pipeline;
  request.params = run.params;
  Json redo = Json::array();
  if (run.selection.is_object()) {
    request.from = run.selection.value("from", std::string{});
    for (const auto& task : run.selection.value("select", Json::array()))
      request.select.push_back(task.get<std::string>());
    if (run.selection.value("repair", false)) request.differences = Differences::Repair;
    if (run.selection.contains("redo") && run.selection["redo"].is_array()) redo = run.selection["redo"];
  }
  for (const auto& asked : redo) {
    for (auto& step : WEIR_TRY(steps_from(asked.value("from", std::string{}), request, project, graph, facts))) {
      auto& since = request.redo[std::move(step)];
      since = std::max(since, redo_at(asked));
    }
  }
  for (const auto& attempt : WEIR_TRY(ledger.attempts(run.id))) {
    const auto again = request.redo.find(attempt.task);
    const bool counts = again == request.redo.end() || attempt.started_at >= again->second;
    if (attempt.state == ledger::AttemptState::Succeeded && counts) request.done.insert(attempt.task);
  }
  return request;
}

Result<void> ask_to_redo(ledger::Ledger& ledger, ledger::Run& run, std::string_view from,
                         const project::Project& project, const models::Graph& graph, const RunFacts& facts) {
  PlanRequest request;
  request.pipeline = run.pipeline;
  request.params = run.params;
  WEIR_TRY(steps_from(from, std::move(request), project, graph, facts));
  // Later than all that was done, also when the clock was set back.
  auto at = system_clock().now();
  for (const auto& attempt : WEIR_TRY(ledger.attempts(run.id))) {
    const auto last = std::max(attempt.started_at, attempt.finished_at);
    if (last >= at) at = *last + std::chrono::microseconds{1};
  }
  if (!run.selection.is_object()) run.selection = Json::object();
  auto& redo = run.selection["redo"];
  if (!redo.is_array()) redo = Json::array();
  redo.push_back({{"from", from}, {"at", at.time_since_epoch().count()}});
  return {};
}

Result<void> make_replay(ledger::Run& run, const ledger::Run& recorded, const std::filesystem::path& folder) {
  // A replay keeps nothing of its own: what it replayed can be replayed again.
  const auto earlier =
      recorded.selection.is_object() ? recorded.selection.value("replay", std::string{}) : std::string{};
  const auto source = earlier.empty() ? recorded.id.text() : earlier;
  std::error_code error;
  const auto files = folder / "files" / source;
  if (!std::filesystem::exists(files / "recordings", error) && !std::filesystem::exists(files / "documents", error)) {
    return Error::user(Code::NotFound, "run {} has no recording", source)
        .hint("what connections of type http and mongodb read is recorded, and files: {retention: …} prunes it");
  }
  run.trigger = "replay";
  run.pipeline = recorded.pipeline;
  run.environment = recorded.environment;
  run.params = recorded.params;
  run.selection = recorded.selection.is_object() ? recorded.selection : Json::object();
  // How the recorded run was tried is its own affair.
  for (const auto* key : {"redo", "recovered", "code"}) run.selection.erase(key);
  run.selection["replay"] = source;
  run.interval_from = recorded.interval_from;
  run.interval_to = recorded.interval_to;
  return {};
}

}  // namespace weir::engine
