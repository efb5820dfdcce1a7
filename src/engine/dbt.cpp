#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/file.hpp"
#include "dbt/command.hpp"
#include "dbt/log_line.hpp"
#include "dbt/process.hpp"
#include "dbt/profile.hpp"
#include "dbt/program.hpp"
#include "dbt/workplace.hpp"
#include "engine/code_view.hpp"
#include "engine/dbt_outcome.hpp"
#include "engine/dbt_plan.hpp"
#include "engine/kinds.hpp"
#include "sql/template.hpp"

// `dbt`: the user's installed dbt, run on a dbt project against a connection of the Weir project.
namespace weir::engine {
namespace {

namespace fs = std::filesystem;

// Below the executor's grace period: dbt is stopped by its task, not killed with it.
constexpr std::chrono::milliseconds kStopGrace{4'000};

// In a check of the project, what a template decides is not known yet: it counts as not set.
dbt::Request request_of(const Settings& settings) {
  const auto known = [&](const char* key) {
    const auto text = settings.text(key);
    return sql::has_template(text) ? std::string{} : text;
  };
  return {.command = settings.text("command"),
          .select = known("select"),
          .exclude = known("exclude"),
          .vars = settings.has("vars") ? settings.json("vars") : Json::object(),
          .full_refresh = settings.json("full_refresh") == true};
}

dbt::ProgramSettings program_settings(const Settings& settings) {
  return {.executable = settings.text("executable"), .venv = settings.text("venv")};
}

std::string_view search_path() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
}

Result<void> check_project_folder(const fs::path& project_folder, const std::string& folder) {
  std::error_code error;
  if (fs::is_regular_file(project_folder / folder / "dbt_project.yml", error)) return {};
  return Error::user(Code::InvalidProject, "no dbt_project.yml in {}", folder)
      .hint("project: takes the folder of a dbt project, relative to weir.yml");
}

Error no_adapter(std::string_view connection, std::string_view type) {
  return Error::user(Code::Unsupported, "dbt cannot work on connection {}: Weir writes no dbt profile for type {}",
                     connection, type)
      .hint("give the task a connection of type clickhouse or postgres");
}

// The password's place in the environment, and that nothing of the user's own dbt settings gets between.
std::map<std::string, std::string> environment_of(const flow::DbtOutput& output) {
  std::map<std::string, std::string> environment{{std::string{dbt::kPasswordVariable}, output.password.reveal()}};
  const auto host = output.fields.value("host", std::string{});
  // Python's HTTP clients would send even these through a proxy of the environment.
  if (host == "127.0.0.1" || host == "localhost" || host == "::1") {
    for (const auto* name : {"NO_PROXY", "no_proxy"}) {
      const char* given = std::getenv(name);
      environment[name] = given == nullptr || *given == 0 ? host : fmt::format("{},{}", given, host);
    }
  }
  return environment;
}

// A file name that differs for every project, target, connection and older version: what dbt parsed of one is of no use to
// another.
std::string parsed_key(const Settings& settings, const std::string& target, const CodeView& view,
                       const WorkOrder& order) {
  auto key = fmt::format("{}.{}.{}", settings.text("project"), settings.text("connection"), target);
  if (view.differs_from_project()) key += "." + order.code_folder.filename().string();
  std::ranges::replace_if(
      key, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-' && c != '_'; }, '_');
  return key;
}

std::string workplace_name(const WorkOrder& order) {
  auto step = order.step;
  std::ranges::replace(step, '/', '.');
  return fmt::format("{}/{}.{}", order.run.text(), step, order.attempt);
}

// One run of dbt.
class DbtRun {
 public:
  DbtRun(TaskContext& context, flow::DbtOutput output)
      : context_(context), order_(context.order()), output_(std::move(output)) {
    redactor_.add(output_.password);
  }

  Result<Json> run() {
    const auto& settings = order_.settings;
    const auto request = request_of(settings);
    WEIR_TRY(dbt::check_request(request));
    const auto view = WEIR_TRY(CodeView::open(order_));
    WEIR_TRY(check_project_folder(view.folder(), settings.text("project")));
    const auto program =
        WEIR_TRY(dbt::find_program(program_settings(settings), output_.adapter, order_.project_folder, search_path()));
    WEIR_TRY(dbt::check_program(program, output_.adapter));
    auto target = settings.text("target");
    if (target.empty()) target = order_.environment.empty() ? "default" : order_.environment;
    const auto threads = static_cast<int>(settings.integer("threads"));
    const auto workplace = WEIR_TRY(dbt::Workplace::create(order_.project_folder / ".weir", workplace_name(order_),
                                                           parsed_key(settings, target, view, order_),
                                                           dbt::profile_text(output_, target, threads)));
    const dbt::Places places{.project = (view.folder() / settings.text("project")).lexically_normal(),
                             .profiles = workplace.profiles(),
                             .target = workplace.target(),
                             .logs = workplace.logs()};
    services::ProcessSpec spec;
    spec.program = program.executable;
    spec.arguments = dbt::arguments(request, places);
    spec.environment = environment_of(output_);
    spec.folder = places.project;
    context_.log().info("dbt {} of {} with {} {}", request.command, settings.text("project"),
                        program.executable.string(), program.core_version);
    const auto status = WEIR_TRY(dbt::run_program(
        std::move(spec), [this](std::string_view line) { take(line); }, context_.stop(), kStopGrace));
    workplace.keep_parsed();
    const auto nodes = WEIR_TRY(dbt::read_results(workplace.target()));
    DbtOutcome outcome{
        context_, redactor_, {settings.text("project"), output_.adapter, request.command, workplace.target()}};
    WEIR_TRY(outcome.report(nodes));
    if (context_.stop().stop_requested()) return Error::cancelled();
    return outcome.judge(status, nodes, complaints_);
  }

 private:
  void take(std::string_view text) {
    auto line = dbt::read_log_line(text, system_clock().now());
    if (!line) return;
    line->message = redactor_.redact(line->message);
    complaints_.add(*line);
    context_.log().write(std::move(*line));
  }

  TaskContext& context_;
  const WorkOrder& order_;
  const flow::DbtOutput output_;
  Redactor redactor_;
  DbtComplaints complaints_;
};

Result<Json> run_dbt(TaskContext& context) {
  const auto name = context.order().settings.text("connection");
  const auto connection = context.order().connections.find(name);
  if (connection == context.order().connections.end())
    return Error::bug("the work order lacks the connection: {}", name);
  const auto* connector = context.registry().find(connection->second.type);
  if (connector == nullptr || !connector->dbt_output) return no_adapter(name, connection->second.type);
  auto output = connector->dbt_output(connection->second.settings).while_doing("connection " + name);
  return DbtRun{context, WEIR_TRY(std::move(output))}.run();
}

// Texts with a template are known only in a run.
void check_dbt(const TaskPlace& place, TaskFindings& findings) {
  const auto settings = complete_dbt_settings(place.project, place.task.settings);
  const auto known = [&](const char* key) { return !sql::has_template(settings.text(key)); };
  const auto add = [&](std::vector<Error>& list, const char* key, Result<void> result) {
    if (!result.ok()) list.push_back(std::move(result).error().at(place.place_of(key)));
  };
  if (known("command")) add(findings.mistakes, "command", dbt::check_request(request_of(settings)));
  if (known("project"))
    add(findings.mistakes, "project", check_project_folder(place.project.folder, settings.text("project")));
  if (!known("connection")) return;
  const auto* connection = place.project.find_connection(settings.text("connection"));
  const auto* connector = connection == nullptr ? nullptr : place.registry.find(connection->type);
  if (connector == nullptr) return;  // a mistake that is reported already, or no connection at all
  if (!connector->dbt_output)
    return add(findings.mistakes, "connection", no_adapter(connection->name, connection->type));
  if (!known("executable") || !known("venv")) return;
  // dbt's adapters are called like Weir's connectors.
  const auto& adapter = connector->name;
  const auto program = dbt::find_program(program_settings(settings), adapter, place.project.folder, search_path());
  const char* key = settings.text("venv").empty() ? "executable" : "venv";
  add(findings.warnings, key, program.ok() ? dbt::check_program(*program, adapter) : Result<void>{program.error()});
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& command : dbt::commands()) names.emplace_back(command.name);
  return names;
}

}  // namespace

TaskKind dbt_kind() {
  return {
      .name = "dbt",
      .summary = "Runs the installed dbt on a dbt project; its models, tests and seeds become parts of the run",
      .settings =
          {{.name = "project", .doc = "The folder of dbt_project.yml; by default the one that weir.yml names"},
           {.name = "command",
            .type = SettingType::Choice,
            .doc = "What dbt does",
            .default_value = "build",
            .choices = command_names()},
           {.name = "connection", .doc = "The connection that dbt works on; by default the one of models"},
           {.name = "select", .doc = "Which nodes, in dbt's words"},
           {.name = "exclude", .doc = "Which of them not"},
           {.name = "vars",
            .type = SettingType::Map,
            .doc = "Values that var() gives; they are no place for secrets, since arguments of programs can be seen",
            .fields = {{.name = "value", .type = SettingType::Any}}},
           {.name = "target", .doc = "The target's name; by default that of the environment, or default"},
           {.name = "threads", .type = SettingType::Integer, .doc = "How many nodes run at once", .default_value = 4},
           {.name = "full_refresh",
            .type = SettingType::Flag,
            .doc = "Rebuild incremental models and seeds from scratch",
            .default_value = false},
           {.name = "executable", .doc = "The program: a name in PATH, or a path; dbt by default"},
           {.name = "venv", .doc = "The folder of the Python virtual environment that has dbt"}},
      .reads = {},
      .writes = {},
      .connections = {"connection"},
      .check = check_dbt,
      .run = run_dbt};
}

}  // namespace weir::engine
