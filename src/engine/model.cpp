#include "engine/connections.hpp"
#include "engine/kinds.hpp"
#include "engine/vocabulary.hpp"
#include "models/models.hpp"

// `model`: one node (a model or a test) of the sub-graph that a model task selects; the plan makes a step of each.
namespace weir::engine {
namespace {

// The project as the parent loaded it: it was valid a moment ago, so a mistake now was made since.
Result<project::Project> load_project(const TaskContext& context) {
  auto outcome = project::load(context.order().code_folder, vocabulary(context.registry()),
                               {.environment = context.order().environment});
  if (outcome.project) {
    outcome.project->folder = context.order().project_folder;
    return std::move(*outcome.project);
  }
  WEIR_CHECK(!outcome.mistakes.errors.empty());
  return outcome.mistakes.errors.front();
}

void report_test(const models::Node& node, const Result<models::NodeOutcome>& outcome, ledger::CheckResult& check) {
  check.check = node.name;
  check.severity = node.severity == models::Severity::Error ? "error" : "warn";
  check.passed = outcome.ok() && outcome->rows == 0;
  check.rows_failed = outcome.ok() ? outcome->rows : 0;
  check.detail = outcome.ok() ? outcome->detail : outcome.error().text();
}

Result<Json> run_model(TaskContext& context) {
  const auto& order = context.order();
  const auto project = WEIR_TRY(load_project(context));
  const auto targets = model_targets(project, context.registry());
  const auto graph = models::build_graph(project, targets);
  if (!graph.graph) return graph.mistakes.errors.front();
  const auto* node = graph.graph->find(order.node);
  if (node == nullptr)
    return Error::user(Code::NotFound, "the model is gone since the run was planned: {}", order.node);
  const auto database = WEIR_TRY(context.open_database(node->connection));
  const models::CompileOptions options{
      .full_refresh = order.settings.flag("full_refresh"), .target_exists = false, .variables = order.variables};
  auto outcome =
      models::execute(project, *graph.graph, *node, targets, *database, options, context.log(), context.stop());
  if (node->kind == models::NodeKind::Test && (outcome.ok() || outcome.error().code() == Code::CheckFailed)) {
    ledger::CheckResult check;
    report_test(*node, outcome, check);
    WEIR_TRY(context.report(check));
  }
  const auto done = WEIR_TRY(std::move(outcome));
  if (node->kind == models::NodeKind::Model) {
    context.progress().rows_written = done.rows;
    context.log().info("{} holds {} rows", node->name, done.rows);
  }
  return Json{{"node", node->name}, {"rows", done.rows}, {"compiled", done.compiled}, {"detail", done.detail}};
}

}  // namespace

TaskKind model_kind() {
  return {.name = "model",
          .summary = "Builds SQL models and runs their tests, in the order of their references",
          .settings = {{.name = "select",
                        .type = SettingType::Text,
                        .doc = "Which models: dbt's node selection",
                        .need = Need::Required},
                       {.name = "exclude", .type = SettingType::Text, .doc = "Which of them not", .default_value = ""},
                       {.name = "tests",
                        .type = SettingType::Flag,
                        .doc = "Also run the tests of the selected models",
                        .default_value = true},
                       {.name = "full_refresh",
                        .type = SettingType::Flag,
                        .doc = "Rebuild incremental models from scratch",
                        .default_value = false}},
          .reads = {},
          .writes = {},
          .renders_files = true,
          .run = run_model};
}

}  // namespace weir::engine
