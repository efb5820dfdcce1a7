#include "engine/sensor.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "data/text.hpp"
#include "engine/kinds.hpp"
#include "net/http_client.hpp"

namespace weir::engine {
namespace {

using std::chrono::milliseconds;

milliseconds interval_of(const Step& step) { return step.settings.duration("every"); }

// "06:30" is that time of the day (UTC) on which the run began; "10m" is that long after its beginning.
Result<Instant> awaited_time(const Step& step, const ledger::Run& run) {
  const auto text = step.settings.text("until");
  const auto begin = run.started_at.value_or(run.created_at);
  if (const auto duration = parse_duration(text)) return begin + *duration;
  if (const auto instant = parse_instant(text)) return *instant;
  return Error::user(Code::InvalidProject, "neither an instant nor a duration: {}", text)
      .hint("until: 10m, or \"2026-03-01T06:30:00Z\"")
      .at(step.place);
}

// A pattern may hold * in its last part.
bool matches(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const auto head = pattern.substr(0, star);
  const auto tail = pattern.substr(star + 1);
  return name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
}

Look look_for_file(const std::filesystem::path& pattern) {
  std::error_code error;
  if (pattern.filename().string().find('*') == std::string::npos) {
    return {std::filesystem::exists(pattern, error), pattern.string()};
  }
  for (const auto& entry : std::filesystem::directory_iterator{pattern.parent_path(), error}) {
    if (matches(pattern.filename().string(), entry.path().filename().string())) return {true, entry.path().string()};
  }
  return {false, pattern.string()};
}

Result<Json> look_at_database(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto database = WEIR_TRY(context.open_database(settings.text("connection")));
  const auto batches = WEIR_TRY(flow::select_all(*database, settings.text("sql"), context.stop()));
  std::string answer;
  for (const auto& batch : batches) {
    if (batch.rows() == 0 || batch.columns().empty() || !answer.empty()) continue;
    const auto& column = batch.columns().front();
    if (!column.is_null(0)) answer = data::value_text(column, 0);
  }
  const bool is_there = !answer.empty() && answer != "0" && answer != "false";
  return Json{{"ready", is_there}, {"detail", fmt::format("the query gives {}", answer.empty() ? "nothing" : answer)}};
}

Result<Json> look_at_address(TaskContext& context) {
  const auto url = context.order().settings.text("http");
  net::HttpClient client;
  net::HttpRequest request;
  request.url = url;
  request.timeouts.silence = std::chrono::seconds{30};
  const auto reply = client.fetch(request, "", context.stop());
  if (!reply.ok()) return Json{{"ready", false}, {"detail", reply.error().message()}};
  const auto status = reply->first.status;
  return Json{{"ready", status >= 200 && status < 300}, {"detail", fmt::format("status {}", status)}};
}

// One look; the executor asks again until it is there.
Result<Json> run_wait(TaskContext& context) {
  const auto& settings = context.order().settings;
  if (settings.has("sql")) return look_at_database(context);
  if (settings.has("http")) return look_at_address(context);
  return Error::bug("a file or a time is looked for by the executor");
}

Result<Json> run_pipeline(TaskContext&) { return Error::bug("a pipeline is run by the executor"); }

void check_wait(const TaskPlace& place, TaskFindings& findings) {
  const auto& settings = place.task.settings;
  const int ways = (settings.has("file") ? 1 : 0) + (settings.has("sql") ? 1 : 0) + (settings.has("http") ? 1 : 0) +
                   (settings.has("until") ? 1 : 0);
  if (ways != 1) {
    findings.mistakes.push_back(Error::user(Code::InvalidProject, "wait takes one of file, sql, http and until")
                                    .hint("such as wait: {file: files/orders.csv, every: 30s}")
                                    .at(place.place_of("")));
  }
  if (settings.has("sql") != settings.has("connection")) {
    findings.mistakes.push_back(Error::user(Code::InvalidProject, "wait for sql takes a connection too, and only then")
                                    .at(place.place_of("sql")));
  }
}

void check_pipeline(const TaskPlace& place, TaskFindings& findings) {
  const auto name = place.task.settings.text("pipeline");
  if (sql::has_template(name) || place.project.find_pipeline(name) != nullptr) return;
  findings.mistakes.push_back(Error::user(Code::InvalidProject, "unknown pipeline: {}", name)
                                  .hint("the name of a file of pipelines/, or its `name`")
                                  .at(place.place_of("pipeline")));
}

}  // namespace

bool is_sensor(const Step& step) { return step.kind == "wait"; }

bool runs_without_process(const Step& step) {
  if (step.kind == "pipeline") return true;
  return is_sensor(step) && (step.settings.has("file") || step.settings.has("until"));
}

Result<Look> look(const Step& step, const std::filesystem::path& folder, const ledger::Run& run) {
  if (step.settings.has("file")) return look_for_file(folder / step.settings.text("file"));
  const auto until = WEIR_TRY(awaited_time(step, run));
  return Look{system_clock().now() >= until, "until " + format_instant(until)};
}

milliseconds probe_interval(const Step& step, const ledger::Run& run) {
  if (!step.settings.has("until")) return interval_of(step);
  const auto until = awaited_time(step, run);
  if (!until.ok()) return interval_of(step);
  // A clock that is set is noticed within a minute.
  const auto left = std::chrono::ceil<milliseconds>(*until - system_clock().now());
  return std::clamp<milliseconds>(left, milliseconds{1}, std::chrono::minutes{1});
}

TaskKind wait_kind() {
  return {
      .name = "wait",
      .summary = "Waits until something is there, without taking a slot: a file, a query's answer, a page, a time",
      .settings =
          {{.name = "file", .type = SettingType::Text, .doc = "A file's path; its name may hold one *"},
           {.name = "connection", .type = SettingType::Text, .doc = "Where sql is asked"},
           {.name = "sql",
            .type = SettingType::Text,
            .doc = "A query: what is awaited is there when its first value is neither 0, false nor empty"},
           {.name = "http", .type = SettingType::Text, .doc = "A URL: it is there when it answers 2xx"},
           {.name = "until", .type = SettingType::Text, .doc = "An instant, or how long after the run's begin (10m)"},
           {.name = "every", .type = SettingType::Duration, .doc = "How often to look", .default_value = "30s"}},
      .reads = {},
      .writes = {},
      .connections = {"connection"},
      .check = check_wait,
      .run = run_wait};
}

TaskKind pipeline_kind() {
  return {.name = "pipeline",
          .summary = "Runs another pipeline, and waits for its end without taking a slot",
          .settings =
              {{.name = "pipeline", .type = SettingType::Text, .doc = "The pipeline's name", .need = Need::Required},
               {.name = "params",
                .type = SettingType::Map,
                .doc = "Its parameters",
                .default_value = Json::object(),
                .fields = {{.name = "", .type = SettingType::Any}}},
               {.name = "wait",
                .type = SettingType::Flag,
                .doc = "Whether the task ends with that run rather than at once",
                .default_value = true}},
          .reads = {},
          .writes = {},
          .check = check_pipeline,
          .run = run_pipeline};
}

}  // namespace weir::engine
