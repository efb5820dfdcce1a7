#include "engine/run_request.hpp"

namespace weir::engine {

Result<PlanRequest> request_of(ledger::Ledger& ledger, const ledger::Run& run, const project::Project& project,
                               const models::Graph& graph, const RunFacts& facts) {
  PlanRequest request;
  request.pipeline = run.pipeline;
  request.params = run.params;
  std::string redo;
  if (run.selection.is_object()) {
    request.from = run.selection.value("from", std::string{});
    redo = run.selection.value("redo", std::string{});
    for (const auto& task : run.selection.value("select", Json::array()))
      request.select.push_back(task.get<std::string>());
    if (run.selection.value("repair", false)) request.differences = Differences::Repair;
  }
  for (const auto& attempt : WEIR_TRY(ledger.attempts(run.id))) {
    if (attempt.state == ledger::AttemptState::Succeeded) request.done.insert(attempt.task);
  }
  if (redo.empty()) return request;
  auto again = request;
  again.select.clear();
  again.from = redo;
  again.done.clear();
  for (const auto& step : WEIR_TRY(plan(project, graph, again, facts)).steps) {
    if (step.selected) request.done.erase(step.name);
  }
  return request;
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
