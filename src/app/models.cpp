#include "models/models.hpp"

#include <cstdio>
#include <set>

#include "app/run_control.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "engine/render.hpp"

// build, test and compile: SQL models without a pipeline around them, in dbt's vocabulary.
namespace weir::app {
namespace {

struct Options {
  std::string select = "*";
  std::string exclude;
  std::string environment;
  bool full_refresh = false;
  bool json = false;
};

enum class What { ModelsAndTests, TestsOnly };

// Nodes in the graph's order, which is an order to build in.
Result<std::vector<const models::Node*>> choose(const Workspace& workspace, const Options& options, What what) {
  const auto chosen = WEIR_TRY(models::select(workspace.graph(), options.select, options.exclude));
  std::set<std::string> names;
  for (const auto* node : chosen) names.insert(node->name);
  std::vector<const models::Node*> nodes;
  for (const auto& node : workspace.graph().nodes) {
    const bool is_test = node.kind == models::NodeKind::Test;
    const bool is_attached = is_test && names.contains(node.tested_model);
    if (!names.contains(node.name) && !is_attached) continue;
    if (is_test || what == What::ModelsAndTests) nodes.push_back(&node);
  }
  return nodes;
}

class Builder {
 public:
  Builder(Workspace& workspace, const Options& options) : workspace_(workspace), options_(options) {}

  Result<int> run(const std::vector<const models::Node*>& nodes) {
    const auto started = std::chrono::steady_clock::now();
    for (const auto* node : nodes) WEIR_TRY(run_one(*node));
    if (!options_.json) {
      const auto elapsed =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
      std::printf("\n%zu nodes in %s: %zu failed, %zu skipped, %zu warnings\n", nodes.size(),
                  format_duration(elapsed).c_str(), failed_, skipped_, warnings_);
    }
    return failed_ == 0 ? kSuccess : kFailed;
  }

 private:
  Result<void> run_one(const models::Node& node) {
    for (const auto& parent : node.depends_on) {
      if (!broken_.contains(parent)) continue;
      broken_.insert(node.name);
      ++skipped_;
      show(node, "–", Style::Faint, fmt::format("skipped, because {} failed", parent), {});
      return {};
    }
    const auto started = std::chrono::steady_clock::now();
    auto outcome = execute(node);
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    if (!outcome.ok()) {
      ++failed_;
      // What a failed test looked at is broken for all that builds on it.
      broken_.insert(node.kind == models::NodeKind::Test ? node.tested_model : node.name);
      show(node, "✗", Style::Bad, outcome.error().text(), elapsed);
      return {};
    }
    const bool warns = node.kind == models::NodeKind::Test && outcome->rows != 0;
    if (warns) ++warnings_;
    const auto detail = warns                                  ? fmt::format("{} failing rows", outcome->rows)
                        : node.kind == models::NodeKind::Model ? fmt::format("{} rows", with_thousands(outcome->rows))
                                                               : "";
    show(node, warns ? "!" : "✓", warns ? Style::Warning : Style::Good, detail, elapsed);
    return {};
  }

  Result<models::NodeOutcome> execute(const models::Node& node) {
    auto& database = databases_[node.connection];
    if (!database) database = WEIR_TRY(workspace_.connections().open_database(node.connection, {}, silent_log()));
    const models::CompileOptions compile{
        .full_refresh = options_.full_refresh, .target_exists = false, .variables = variables()};
    return models::execute(workspace_.project(), workspace_.graph(), node, workspace_.targets(), *database, compile,
                           silent_log(), {});
  }

  Json variables() const {
    const project::Pipeline none;
    const auto now = system_clock().now();
    return engine::template_variables(
        none, Json::object(), {.id = RunId{"build"}, .started_at = now, .interval_from = {}, .interval_to = {}});
  }

  void show(const models::Node& node, std::string_view mark, Style style, const std::string& detail,
            std::chrono::microseconds elapsed) const {
    if (options_.json) {
      const Json json{{"node", node.name},
                      {"kind", node.kind == models::NodeKind::Model ? "model" : "test"},
                      {"ok", style == Style::Good},
                      {"detail", detail},
                      {"seconds", std::chrono::duration<double>(elapsed).count()}};
      std::printf("%s\n", to_text(json).c_str());
      return;
    }
    std::printf("  %s %s  %s  %s\n", styled(mark, style).c_str(), node.name.c_str(), detail.c_str(),
                styled(format_duration(elapsed), Style::Faint).c_str());
    std::fflush(stdout);
  }

  Workspace& workspace_;
  const Options& options_;
  std::map<std::string, std::unique_ptr<flow::Database>> databases_;
  std::set<std::string> broken_;
  std::size_t failed_ = 0;
  std::size_t skipped_ = 0;
  std::size_t warnings_ = 0;
};

Result<int> build(const Options& options, What what) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const auto nodes = WEIR_TRY(choose(*workspace, options, what));
  return Builder(*workspace, options).run(nodes);
}

Result<int> compile(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const project::Pipeline none;
  const auto variables = engine::template_variables(
      none, Json::object(),
      {.id = RunId{"build"}, .started_at = system_clock().now(), .interval_from = {}, .interval_to = {}});
  Json all = Json::object();
  for (const auto* node : WEIR_TRY(choose(*workspace, options, What::ModelsAndTests))) {
    const auto sql = WEIR_TRY(
        models::compile(workspace->project(), workspace->graph(), *node, workspace->targets(),
                        {.full_refresh = options.full_refresh, .target_exists = false, .variables = variables}));
    if (options.json) {
      all[node->name] = sql;
    } else {
      std::printf("-- %s (%s)\n%s\n\n", node->name.c_str(), node->path.c_str(), sql.c_str());
    }
  }
  if (options.json) std::printf("%s\n", to_text(all).c_str());
  return kSuccess;
}

CLI::App* add_verb(CLI::App& app, Outcome& outcome, const std::string& name, const std::string& summary,
                   Result<int> (*body)(const Options&)) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand(name, summary);
  verb->add_option("--select,-s", options->select, "Which models: names, +up, down+, tag:x, path:models/x");
  verb->add_option("--exclude", options->exclude, "Which of them not");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_flag("--full-refresh", options->full_refresh, "Rebuild incremental models from scratch");
  verb->add_flag("--json", options->json, "For machines");
  verb->callback([options, &outcome, body] {
    const auto done = body(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
  return verb;
}

}  // namespace

void add_models(CLI::App& app, Outcome& outcome) {
  add_verb(app, outcome, "build", "Builds SQL models and runs their tests, in order", [](const Options& options) {
    return build(options, What::ModelsAndTests);
  })->footer("Examples:\n  weir build\n  weir build -s +clean_sales\n  weir build -s tag:daily --full-refresh");
  add_verb(app, outcome, "test", "Runs the tests of SQL models", [](const Options& options) {
    return build(options, What::TestsOnly);
  })->footer("Examples:\n  weir test\n  weir test -s clean_sales");
  add_verb(app, outcome, "compile", "Prints the SQL that models and tests come to", compile)
      ->footer("Examples:\n  weir compile -s clean_sales");
}

}  // namespace weir::app
