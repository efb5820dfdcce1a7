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

}  // namespace weir::engine
