#include <algorithm>
#include <array>
#include <fstream>

#include "engine/check_rules.hpp"
#include "engine/task_log.hpp"
#include "web/api.hpp"
#include "web/shapes.hpp"

// What a task of a run said, what SQL it came to, and the rows that its checks complained about.
namespace weir::web {
namespace {

constexpr std::int64_t kLinesDefault = 1000;
constexpr std::int64_t kLinesMax = 10'000;
constexpr std::size_t kFailingRowsMax = 100;

const std::vector<std::string> kLevels{"debug", "info", "warn", "error"};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<ledger::Attempt> find_attempt(const Api& api, const Call& call) {
  WEIR_TRY(api.run(call.at("run")));
  const auto number = call.query.value("attempt", -1);
  auto found = WEIR_TRY(api.history.find_attempt(RunId{call.at("run")}, call.at("task"), number));
  if (!found)
    return Error::user(Code::NotFound, "run {} has no such attempt of task {}", call.at("run"), call.at("task"));
  return std::move(*found);
}

// The reason of a task that never started stands where its log would.
Json reason_line(const ledger::Attempt& attempt) {
  const auto message = attempt.error.is_object() ? attempt.error.value("message", std::string{}) : std::string{};
  auto lines = Json::array();
  if (!message.empty())
    lines.push_back({{"line", 0}, {"at", to_json(attempt.finished_at)}, {"level", "info"}, {"text", message}});
  return {{"lines", std::move(lines)}, {"next_after", 0}, {"complete", true}, {"attempt", attempt.number}};
}

Result<Json> read_log(const Api& api, const Call& call) {
  const auto attempt = WEIR_TRY(find_attempt(api, call));
  if (attempt.log_path.empty()) return reason_line(attempt);
  const auto after = call.query.value("after", std::int64_t{0});
  const auto limit = std::clamp<std::int64_t>(call.query.value("limit", kLinesDefault), 1, kLinesMax);
  const auto search = lower(call.text("search"));
  const auto lowest = engine::parse_log_level(call.text("level")).value_or(LogLevel::Debug);
  const bool has_ended = ledger::has_ended(attempt.state);
  using LastLine = engine::TaskLogReader::LastLine;
  // A line that is being written has no end yet: it is read with the next request.
  engine::TaskLogReader log{api.state_folder / attempt.log_path, has_ended ? LastLine::Whole : LastLine::Unfinished};
  auto lines = Json::array();
  std::int64_t last = after;
  bool more = false;
  while (const auto line = log.next()) {
    if (line->number <= after) continue;
    if (static_cast<std::int64_t>(lines.size()) == limit) {
      more = true;
      break;
    }
    last = line->number;
    if (line->level < lowest) continue;
    if (!search.empty() && lower(line->text).find(search) == std::string::npos) continue;
    lines.push_back(to_json(*line));
  }
  const bool complete = !more && has_ended;
  return Json{{"lines", std::move(lines)}, {"next_after", last}, {"complete", complete}, {"attempt", attempt.number}};
}

// Streams the file, so that its size does not matter. Line by line, since the filter must not miss a secret that two pieces
// share.
void download_log(const Api& api, Call& call, net::ResponseWriter& response) {
  const auto attempt = find_attempt(api, call);
  net::Headers headers;
  headers.add("Content-Type", "text/plain; charset=utf-8");
  headers.add("Cache-Control", "no-store");
  std::string name = fmt::format("{}-{}-{}.log", call.at("run"), call.at("task"), attempt.ok() ? attempt->number : 0);
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '.' && c != '_'; }, '_');
  headers.add("Content-Disposition", fmt::format("attachment; filename=\"{}\"", name));
  if (!attempt.ok() || !response.start(200, headers).ok()) return;
  std::ifstream file{api.state_folder / attempt->log_path};
  const auto version = api.version();
  std::string piece;
  std::string line;
  constexpr std::size_t kPieceBytes = 65'536;
  while (std::getline(file, line)) {
    piece += line + "\n";
    if (piece.size() < kPieceBytes) continue;
    if (!response.write(net::as_bytes(api.secrets.filter(piece, version))).ok()) return;
    piece.clear();
  }
  if (!piece.empty() && !response.write(net::as_bytes(api.secrets.filter(piece, version))).ok()) return;
  (void)response.finish();
}

Json statement(std::string_view title, const Json& sql) { return {{"title", title}, {"sql", sql}}; }

// What a task's SQL came to: as it ran, where the attempt reports it; else compiled again from the run's own files.
Result<Json> compiled_sql(const Api& api, const Call& call) {
  const auto record = WEIR_TRY(api.run(call.at("run")));
  const auto attempt = WEIR_TRY(api.history.find_attempt(record.run.id, call.at("task"), -1));
  auto statements = Json::array();
  if (attempt && attempt->output.is_object()) {
    // A task's output is its own: a key of this name may hold anything.
    const auto compiled = attempt->output.find("compiled");
    if (compiled != attempt->output.end() && compiled->is_string() && !compiled->get_ref<const std::string&>().empty())
      statements.push_back(statement("as it ran", *compiled));
  }
  const auto version = api.versions.version_of(record.run, api.version());
  if (!statements.empty() || !version) return Json{{"statements", std::move(statements)}};
  const auto plan = WEIR_TRY(api.versions.plan_of(record.run, *version));
  const auto step = std::ranges::find(plan.steps, call.at("task"), &engine::Step::name);
  if (step == plan.steps.end()) return Json{{"statements", std::move(statements)}};
  if (const auto* node = version->graph.find(step->node)) {
    statements.push_back(statement(
        "compiled",
        WEIR_TRY(models::compile(version->project, version->graph, *node, version->targets,
                                 {.full_refresh = false, .target_exists = false, .variables = plan.variables}))));
  }
  const auto& values = step->settings.values();
  for (const auto* key : {"script", "query"}) {
    if (const auto found = values.find(key); found != values.end() && found->is_string())
      statements.push_back(statement(key, *found));
  }
  return Json{{"statements", std::move(statements)}};
}

struct FailingRows {
  std::string connection;
  std::string sql;
};

// The rule of a check task: the rows that break it now, by the statement that keeps rejects.
Result<FailingRows> rows_of_rule(const engine::Step& step, const engine::ProjectVersion& version,
                                 const flow::Registry& registry, const RunId& run, const std::string& name) {
  auto rules = WEIR_TRY(engine::parse_rules(step.settings.groups("rules"), step.settings.has("rejects")));
  const auto rule = std::ranges::find(rules, name, &engine::Rule::name);
  if (rule == rules.end()) return Error::user(Code::NotFound, "task {} has no such rule: {}", step.name, name);
  if (rule->kind == engine::Rule::Kind::RowCount || rule->kind == engine::Rule::Kind::Freshness)
    return Error::user(Code::Unsupported, "the rule is about the table as a whole, not about rows: {}", name);
  rule->severity = engine::RuleSeverity::Quarantine;
  const auto endpoint = project::parse_endpoint(version.project, step.settings.text("table"));
  const auto* connection = version.project.find_connection(endpoint.connection);
  const auto* connector = connection == nullptr ? nullptr : registry.find(connection->type);
  if (connector == nullptr || connector->dialect == nullptr)
    return Error::user(Code::NotFound, "the table's connection is gone: {}", step.settings.text("table"));
  return FailingRows{endpoint.connection,
                     engine::rejects_sql({*rule}, flow::parse_relation(endpoint.object), run, *connector->dialect)};
}

Result<FailingRows> failing_rows(const Api& api, const Call& call, const engine::ProjectVersion& version,
                                 const ledger::Run& run) {
  const auto plan = WEIR_TRY(api.versions.plan_of(run, version));
  const auto step = std::ranges::find(plan.steps, call.at("task"), &engine::Step::name);
  if (step == plan.steps.end())
    return Error::user(Code::NotFound, "run {} has no such task: {}", run.id.text(), call.at("task"));
  if (step->kind == "check") return rows_of_rule(*step, version, api.registry, run.id, call.at("check"));
  const auto* node = version.graph.find(step->node);
  if (node == nullptr || node->kind != models::NodeKind::Test)
    return Error::user(Code::NotFound, "task {} has no such check: {}", step->name, call.at("check"));
  return FailingRows{
      node->connection,
      WEIR_TRY(models::compile(version.project, version.graph, *node, version.targets,
                               {.full_refresh = false, .target_exists = false, .variables = plan.variables}))};
}

Result<Json> failing_rows_answer(const Api& api, const Call& call) {
  const auto record = WEIR_TRY(api.run(call.at("run")));
  const auto version = api.versions.version_of(record.run, api.version());
  if (!version) return Error::user(Code::NotFound, "the files that this run ran with are not kept any more");
  const auto found = WEIR_TRY(failing_rows(api, call, *version, record.run));
  const auto database = WEIR_TRY(
      api.version()->connections->open_database(found.connection, call.http.gone, silent_log(), flow::Rights::Read));
  const auto sql = fmt::format("SELECT * FROM (\n{}\n) AS failing LIMIT {}", found.sql, kFailingRowsMax);
  const auto reader = WEIR_TRY(database->select(sql, {}, call.http.gone));
  auto rows = WEIR_TRY(read_rows(*reader, kFailingRowsMax, call.http.gone));
  return Json{{"columns", std::move(rows.columns)}, {"rows", std::move(rows.rows)}};
}

}  // namespace

std::vector<Route> log_routes(const Api& api) {
  const auto line =
      object({{"line", integer("From 1; 0 is the reason of a task that never started")},
              {"at", or_null(instant("When a program's line was seen; null: it continues the line before"))},
              {"level", one_of(kLevels)},
              {"text", text()}});
  return {
      {.method = "GET",
       .path = "/runs/{run}/tasks/{task}/logs",
       .summary = "The log of a task's attempt",
       .query = {{"attempt", integer("The newest unless told"), Need::Optional},
                 {"level", one_of(kLevels, "This and graver ones"), Need::Optional},
                 {"search", text("Only lines with this text"), Need::Optional},
                 {"after", integer("Only lines behind this number"), Need::Optional},
                 {"limit", integer("1 to 10000, 1000 unless told"), Need::Optional}},
       .answer = object({{"lines", list_of(line)},
                         {"next_after", integer("What `after` takes for what follows")},
                         {"complete", flag("Nothing will follow")},
                         {"attempt", integer()}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(read_log(api, call))}; }},
      {.method = "GET",
       .path = "/runs/{run}/tasks/{task}/logs/download",
       .summary = "The log of a task's attempt as a file",
       .query = {{"attempt", integer("The newest unless told"), Need::Optional}},
       .handle = [&api](Call& call) -> Result<Answer> {
         WEIR_TRY(find_attempt(api, call));
         return Answer{};
       },
       .media = "text/plain",
       .stream = [&api](Call& call, net::ResponseWriter& response) { download_log(api, call, response); }},
      {.method = "GET",
       .path = "/runs/{run}/tasks/{task}/sql",
       .summary = "The SQL that a task came to",
       .answer = object({{"statements", list_of(object({{"title", text()}, {"sql", text()}}))}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(compiled_sql(api, call))}; }},
      {.method = "GET",
       .path = "/runs/{run}/checks/{task}/{check}/rows",
       .summary = "Rows that break a check, as the table is now: at most 100",
       .answer = object({{"columns", list_of(reference("Column"))}, {"rows", list_of(list_of(anything()))}}),
       .handle = [&api](Call& call) -> Result<Answer> { return Answer{WEIR_TRY(failing_rows_answer(api, call))}; }},
  };
}

}  // namespace weir::web
