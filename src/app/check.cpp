#include <algorithm>
#include <cstdio>

#include "app/connectors.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "engine/error_json.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string environment;
  bool connections = false;
  bool json = false;
};

std::string next_fires(const project::Schedule& schedule, int count) {
  std::string text;
  auto at = system_clock().now();
  for (int i = 0; i < count; ++i) {
    const auto next = schedule.next(at);
    if (!next) break;
    text += fmt::format("      {}\n", schedule.local_text(*next));
    at = *next;
  }
  return text;
}

void print_summary(const Workspace& workspace) {
  const auto& project = workspace.project();
  const auto& nodes = workspace.graph().nodes;
  const auto models = static_cast<std::size_t>(std::ranges::count(nodes, models::NodeKind::Model, &models::Node::kind));
  std::printf("%s\n", fmt::format("{} is valid: {}, {}, {}, {}", project.name,
                                  counted(project.connections.size(), "connection"),
                                  counted(project.pipelines.size(), "pipeline"), counted(models, "model"),
                                  counted(nodes.size() - models, "test"))
                          .c_str());
  for (const auto& pipeline : project.pipelines) {
    std::printf("  %s: %s\n", styled(pipeline.name, Style::Strong).c_str(),
                counted(pipeline.tasks.size(), "task").c_str());
    for (const auto& schedule : pipeline.schedules) {
      std::printf("    starts at %s (%s), next:\n%s", schedule.cron().c_str(), schedule.zone().c_str(),
                  next_fires(schedule, 5).c_str());
    }
  }
  for (const auto& warning : workspace.warnings()) {
    std::printf("  %s %s\n", styled("warning:", Style::Warning).c_str(), warning.text().c_str());
    if (!warning.hint().empty()) std::printf("    hint: %s\n", warning.hint().c_str());
  }
}

Json to_json(const Workspace& workspace) {
  Json pipelines = Json::array();
  for (const auto& pipeline : workspace.project().pipelines) {
    Json next = Json::array();
    auto at = system_clock().now();
    for (int i = 0; i < 5 && !pipeline.schedules.empty(); ++i) {
      const auto fire = pipeline.schedules.front().next(at);
      if (!fire) break;
      next.push_back(format_instant(*fire));
      at = *fire;
    }
    pipelines.push_back({{"name", pipeline.name}, {"tasks", pipeline.tasks.size()}, {"next", std::move(next)}});
  }
  Json warnings = Json::array();
  for (const auto& warning : workspace.warnings())
    warnings.push_back({{"message", warning.text()}, {"hint", warning.hint()}});
  return {{"project", workspace.project().name},
          {"valid", true},
          {"pipelines", std::move(pipelines)},
          {"warnings", std::move(warnings)}};
}

// Asks a database for one row. What is no database is only opened, which finds the mistakes in its description. Returns
// the streams that a connection offers without being asked.
Result<std::string> try_connection(Workspace& workspace, const project::Connection& connection) {
  const auto* connector = connectors().find(connection.type);
  if (connector == nullptr || connector->open_database || !connector->open_source) {
    auto database = WEIR_TRY(workspace.connections().open_database(connection.name, {}, silent_log()));
    WEIR_TRY(flow::select_all(*database, "SELECT 1", {}));
    return std::string{};
  }
  const auto resolved = WEIR_TRY(workspace.connections().resolve(connection.name, {}));
  const auto source =
      WEIR_TRY(connector->open_source({.connection = resolved, .project_folder = workspace.project().folder}));
  std::string streams;
  for (const auto& stream : WEIR_TRY(source->discover({}))) streams += (streams.empty() ? ": " : ", ") + stream.name;
  return streams;
}

struct Trial {
  std::string connection;
  Result<std::string> outcome;
};

std::vector<Trial> try_connections(Workspace& workspace) {
  std::vector<Trial> trials;
  for (const auto& connection : workspace.project().connections)
    trials.push_back({connection.name, try_connection(workspace, connection)});
  return trials;
}

void print(const Trial& trial) {
  if (trial.outcome.ok()) {
    std::printf("  %s %s%s\n", styled("✓", Style::Good).c_str(), trial.connection.c_str(), trial.outcome->c_str());
    return;
  }
  const auto& error = trial.outcome.error();
  std::printf("  %s %s: %s\n", styled("✗", Style::Bad).c_str(), trial.connection.c_str(), error.text().c_str());
  if (!error.hint().empty()) std::printf("    hint: %s\n", error.hint().c_str());
}

Json to_json(const Trial& trial) {
  Json json{{"name", trial.connection}, {"answers", trial.outcome.ok()}};
  if (!trial.outcome.ok()) json["error"] = engine::to_json(trial.outcome.error());
  return json;
}

Json to_json(const std::vector<Error>& mistakes) {
  Json list = Json::array();
  for (const auto& mistake : mistakes) list.push_back(engine::to_json(mistake));
  return {{"valid", false}, {"mistakes", std::move(list)}};
}

Result<int> check(const Options& options) {
  std::vector<Error> mistakes;
  const auto workspace = Workspace::open(WEIR_TRY(Workspace::find_folder()), options.environment, mistakes);
  if (!workspace) {
    if (options.json) {
      std::printf("%s\n", to_text(to_json(mistakes)).c_str());
    } else {
      print_mistakes(mistakes);
    }
    return kMistake;
  }
  if (!options.json) print_summary(*workspace);
  std::vector<Trial> trials;
  if (options.connections) trials = try_connections(*workspace);
  if (options.json) {
    auto json = to_json(*workspace);
    if (options.connections) json["connections"] = Json::array();
    for (const auto& trial : trials) json["connections"].push_back(to_json(trial));
    std::printf("%s\n", to_text(json).c_str());
  } else {
    for (const auto& trial : trials) print(trial);
  }
  return std::ranges::all_of(trials, [](const auto& trial) { return trial.outcome.ok(); }) ? kSuccess : kUnavailable;
}

}  // namespace

void add_check(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("check", "Validates the whole project without touching a connection");
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->add_flag("--connections", options->connections, "Also tries every connection");
  verb->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir check\n  weir check --env prod --connections");
  verb->callback([options, &outcome] {
    const auto done = check(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
