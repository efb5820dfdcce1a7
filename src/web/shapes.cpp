#include "web/shapes.hpp"

#include "data/text.hpp"

namespace weir::web {
namespace {

const std::vector<std::string> kRunStates{"queued", "running",   "cancelling", "succeeded",
                                          "failed", "cancelled", "lost"};
const std::vector<std::string> kAttemptStates{"queued", "running",   "cancelling", "succeeded",
                                              "failed", "cancelled", "skipped",    "lost"};
const std::vector<std::string> kTriggers{"manual", "schedule", "backfill", "dataset",
                                         "retry",  "replay",   "api",      "pipeline"};

Schema interval_schema() { return object({{"from", instant()}, {"to", instant()}}, "[from, to)"); }

Schema run_schema() {
  return object({
      {"id", text()},
      {"pipeline", text()},
      {"timezone", text("The pipeline's, an IANA name: that of its first schedule, UTC without one")},
      {"environment", text("\"\" is the plain one")},
      {"trigger", object({{"kind", one_of(kTriggers)},
                          {"by", text("The user, the schedule's text, or whose events it consumes")},
                          {"events", list_of(reference("Event"), "Those that it consumed; only with a single run")}})},
      {"params", map_of(anything())},
      {"selection", anything("Which tasks were asked for; null: all")},
      {"state", one_of(kRunStates)},
      {"created_at", instant()},
      {"started_at", or_null(instant())},
      {"finished_at", or_null(instant())},
      {"duration_s", or_null(number("From the start to the end, or to now"))},
      {"queue_s", or_null(number("From the creation to the start, or to now"))},
      {"interval", or_null(interval_schema())},
      {"error", or_null(text("The first failure's text"))},
      {"code_version", or_null(text("The hash of the project's files that it runs with"))},
      {"backfill", or_null(text("The backfill that it belongs to"))},
      {"parent", or_null(text("The run whose task started it"))},
      {"rows_written", integer()},
      {"attempts_failed", integer()},
  });
}

Schema failure_schema() {
  return object({
      {"fault", one_of({"user", "external", "system", "bug"}, "Who has to act")},
      {"code", text()},
      {"message", text()},
      {"hint", text()},
      {"place", or_null(text("pipelines/sales.yml:7:3"))},
      {"context", list_of(text(), "What was being done, innermost first")},
      {"retry", text("Whether another attempt may help: never, later, reconnect")},
      {"native_code", text("The other side's own code")},
  });
}

Schema attempt_schema() {
  return object({
      {"run", text()},
      {"task", text("The step's name: the task's, or task/node")},
      {"number", integer("From 1; 0 is a note why the step never started")},
      {"state", one_of(kAttemptStates)},
      {"started_at", or_null(instant())},
      {"finished_at", or_null(instant())},
      {"duration_s", or_null(number())},
      {"rows_read", integer()},
      {"rows_written", integer()},
      {"bytes_read", integer()},
      {"memory_bytes_max", integer()},
      {"error", or_null(reference("Failure"))},
      {"output", anything("What the task reports about itself")},
  });
}

Schema step_schema() {
  return object({
      {"name", text()},
      {"task", text()},
      {"kind", text()},
      {"node", text("The model or test of a model task; \"\" for other kinds")},
      {"needs", list_of(text())},
      {"summary", text()},
      {"reads", list_of(text(), "Tables and files, as the project writes them")},
      {"writes", list_of(text())},
      {"place", or_null(text())},
  });
}

Schema with(Schema schema, const std::vector<Member>& more) {
  auto added = object(more);
  schema["properties"].update(added["properties"]);
  for (const auto& name : added["required"]) schema["required"].push_back(name);
  return schema;
}

Schema pipeline_schema() {
  return object({
      {"name", text()},
      {"description", text()},
      {"tags", list_of(text())},
      {"paused", flag()},
      {"schedules",
       list_of(
           object({{"cron", or_null(text())}, {"every", or_null(text())}, {"timezone", text()}, {"text", text()}}))},
      {"next_fire", or_null(instant())},
      {"last_runs", list_of(object({{"id", text()},
                                    {"state", one_of(kRunStates)},
                                    {"duration_s", or_null(number())},
                                    {"started_at", or_null(instant())}}),
                            "The last 25, oldest first")},
      {"tasks_count", integer()},
      {"problem", or_null(text("Why it cannot be planned with its default parameters"))},
  });
}

Schema pipeline_detail_schema() {
  return with(
      pipeline_schema(),
      {{"params", list_of(object({{"name", text()},
                                  {"type", one_of({"text", "integer", "number", "flag", "list", "map", "any"})},
                                  {"default", anything()},
                                  {"description", text()}}))},
       {"steps", list_of(reference("PlannedStep"))},
       {"tasks",
        list_of(object({{"name", text()}, {"kind", text()}, {"needs", list_of(text())}, {"place", or_null(text())}}))},
       {"after", list_of(text(), "Tables and pipelines whose events start it")},
       {"parallel", integer()},
       {"code_version", text()},
       {"files", list_of(object({{"path", text()}, {"text", text()}}))}});
}

Schema backfill_schema() {
  return object({
      {"id", text()},
      {"pipeline", text()},
      {"from", instant()},
      {"to", instant()},
      {"mode", one_of({"missing", "failed", "all"})},
      {"parallel", integer()},
      {"params", map_of(anything())},
      {"downstream", flag("Whether its runs set off what waits for them")},
      {"state", one_of({"running", "paused", "done", "cancelled"})},
      {"intervals", list_of(object({{"from", instant()},
                                    {"to", instant()},
                                    {"run", or_null(text("The one that this backfill made"))},
                                    {"state", or_null(one_of(kRunStates))}}))},
      {"by", text()},
      {"created_at", instant()},
  });
}

Schema preview_schema() {
  return object({{"intervals", list_of(object({{"from", instant()},
                                               {"to", instant()},
                                               {"run", or_null(text("The newest run of this interval"))},
                                               {"state", or_null(one_of(kRunStates))},
                                               {"exists", flag()},
                                               {"chosen", flag("Whether the backfill would run it")}}))},
                 {"overwritten", list_of(text(), "The tables that the pipeline's tasks write")}});
}

Schema table_schema() {
  return object({
      {"connection", text()},
      {"table", text()},
      {"rows", or_null(integer("How many the last task that wrote it has written, not how many it has"))},
      {"written_at", or_null(instant())},
      {"written_by", or_null(object({{"pipeline", text()}, {"task", text()}, {"run", or_null(text())}}))},
      {"freshness_s", or_null(number("How long ago that was"))},
  });
}

Schema table_detail_schema() {
  return with(
      table_schema(),
      {{"description", text()},
       {"kind", or_null(one_of({"table", "view", "materialized view"}, "null: it is not there"))},
       {"columns",
        list_of(object(
            {{"name", text()}, {"type", text()}, {"nullable", flag()}, {"key", flag()}, {"description", text()}}))},
       {"unavailable", or_null(text("Why the connection could not say what the columns are"))},
       {"history",
        list_of(object({{"at", instant()}, {"rows", integer("That were written")}, {"run", text()}}), "Newest first")},
       {"upstream", list_of(text())},
       {"downstream", list_of(text())},
       {"graph", object({{"nodes", list_of(object({{"id", text()},
                                                   {"kind", one_of({"table", "file", "task", "model", "pipeline"})},
                                                   {"label", text()},
                                                   {"pipeline", or_null(text())}}))},
                         {"edges", list_of(object({{"from", text()}, {"to", text()}}))}})},
       {"runs", list_of(reference("Run"), "The last that wrote it")}});
}

Json make_components() {
  Json all = Json::object();
  all["Run"] = run_schema();
  all["Event"] = object({{"source", text("A table or a pipeline")},
                         {"pipeline", text()},
                         {"run", text()},
                         {"task", text()},
                         {"at", instant()},
                         {"rows", integer()},
                         {"interval", or_null(interval_schema())}});
  all["Failure"] = failure_schema();
  all["Attempt"] = attempt_schema();
  all["Check"] = object({{"run", text()},
                         {"task", text()},
                         {"check", text()},
                         {"severity", one_of({"warn", "error", "quarantine"})},
                         {"passed", flag()},
                         {"rows_checked", integer()},
                         {"rows_failed", integer()},
                         {"detail", text()}});
  all["PlannedStep"] = step_schema();
  all["Step"] = with(step_schema(), {{"state", one_of(kAttemptStates)},
                                     {"attempts", list_of(reference("Attempt"))},
                                     {"reason", or_null(text("Why it never started, or what it waits for"))}});
  all["RunDetail"] = with(run_schema(), {{"steps", list_of(reference("Step"))},
                                         {"checks", list_of(reference("Check"))},
                                         {"events_consumed", list_of(reference("Event"))},
                                         {"events_made", list_of(reference("Event"))},
                                         {"previous", or_null(text("The run of the same pipeline before it"))}});
  all["Pipeline"] = pipeline_schema();
  all["PipelineDetail"] = pipeline_detail_schema();
  all["Backfill"] = backfill_schema();
  all["BackfillPreview"] = preview_schema();
  all["Table"] = table_schema();
  all["TableDetail"] = table_detail_schema();
  all["Column"] = object({{"name", text()}, {"type", text()}});
  all["Problem"] = object({{"place", or_null(text())}, {"message", text()}, {"hint", text()}});
  all["User"] = object({{"name", text()},
                        {"role", one_of({"viewer", "operator", "admin"})},
                        {"created_at", instant()},
                        {"last_seen_at", or_null(instant())}});
  all["Token"] = object({{"id", text()},
                         {"name", text()},
                         {"user", text("Who made it")},
                         {"role", one_of({"viewer", "operator", "admin"})},
                         {"created_at", instant()},
                         {"last_used_at", or_null(instant())},
                         {"expires_at", or_null(instant())}});
  all["AuditEntry"] = object({{"at", instant()},
                              {"user", text()},
                              {"action", text()},
                              {"object", text()},
                              {"detail", text()},
                              {"address", text()}});
  all["Query"] = object({{"at", instant()},
                         {"user", text()},
                         {"connection", text()},
                         {"sql", text()},
                         {"error", or_null(text())},
                         {"rows", integer()},
                         {"elapsed_s", number()}});
  all["Error"] = object(
      {{"error", object({{"code", text()}, {"message", text()}, {"hint", text()}, {"place", or_null(text())}})}});
  return all;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json interval_json(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  if (!from || !to) return nullptr;
  return {{"from", to_json(from)}, {"to", to_json(to)}};
}

std::string zone_of(const project::Project& project, const std::string& pipeline) {
  const auto* const found = project.find_pipeline(pipeline);
  return found == nullptr || found->schedules.empty() ? "UTC" : found->schedules.front().zone();
}

// Since when something is under way, in seconds; until its end once it has one.
Json elapsed(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  if (!from) return nullptr;
  return seconds(to.value_or(system_clock().now()) - *from);
}

}  // namespace

const Json& components() {
  static const Json kAll = make_components();
  return kAll;
}

Json to_json(const std::optional<Instant>& instant) {
  if (!instant) return nullptr;
  const auto day = std::chrono::floor<std::chrono::days>(*instant);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{*instant - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()}, time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

Json seconds(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

Json seconds_between(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  if (!from || !to) return nullptr;
  return seconds(*to - *from);
}

Json to_json(const ledger::RunRecord& record, const project::Project& project, std::span<const ledger::Event> events) {
  const auto& run = record.run;
  auto consumed = Json::array();
  for (const auto& event : events) consumed.push_back(to_json(event));
  // A run that was cancelled before it began has waited until its end.
  const auto queued_until = run.started_at ? run.started_at : run.finished_at;
  return {
      {"id", run.id.text()},
      {"pipeline", run.pipeline},
      {"timezone", zone_of(project, run.pipeline)},
      {"environment", run.environment},
      {"trigger", {{"kind", run.trigger}, {"by", run.triggered_by}, {"events", std::move(consumed)}}},
      {"params", run.params.is_object() ? run.params : Json::object()},
      {"selection", run.selection},
      {"state", name(run.state)},
      {"created_at", to_json(run.created_at)},
      {"started_at", to_json(run.started_at)},
      {"finished_at", to_json(run.finished_at)},
      {"duration_s", elapsed(run.started_at, run.finished_at)},
      {"queue_s", elapsed(run.created_at, queued_until)},
      {"interval", interval_json(run.interval_from, run.interval_to)},
      {"error", text_or_null(run.error)},
      {"code_version", text_or_null(run.code_version)},
      {"backfill", text_or_null(run.backfill)},
      {"parent", text_or_null(run.parent)},
      {"rows_written", record.rows_written},
      {"attempts_failed", record.attempts_failed},
  };
}

Json to_json(const ledger::Run& run, const project::Project& project) {
  return to_json(ledger::RunRecord{.sequence = 0, .run = run}, project);
}

namespace {

Json failure_json(const Json& error) {
  if (!error.is_object()) return nullptr;
  const auto text = [&](const char* key) {
    const auto found = error.find(key);
    return found != error.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  const auto place = [&]() -> Json {
    const auto found = error.find("place");
    if (found == error.end() || found->is_null()) return nullptr;
    if (found->is_string()) return text_or_null(found->get<std::string>());
    return Place{found->value("file", ""), found->value("line", 0), found->value("column", 0)}.text();
  };
  return {{"fault", text("fault")},     {"code", text("code")},
          {"message", text("message")}, {"hint", text("hint")},
          {"place", place()},           {"context", error.value("context", Json::array())},
          {"retry", text("retry")},     {"native_code", text("native_code")}};
}

}  // namespace

Json to_json(const engine::TaskLogLine& line) {
  return {{"line", line.number}, {"at", to_json(line.at)}, {"level", name(line.level)}, {"text", line.text}};
}

Json to_json(const ledger::Attempt& attempt) {
  return {
      {"run", attempt.run.text()},
      {"task", attempt.task},
      {"number", attempt.number},
      {"state", name(attempt.state)},
      {"started_at", to_json(attempt.started_at)},
      {"finished_at", to_json(attempt.finished_at)},
      {"duration_s", elapsed(attempt.started_at, attempt.finished_at)},
      {"rows_read", attempt.rows_read},
      {"rows_written", attempt.rows_written},
      {"bytes_read", attempt.bytes_read},
      {"memory_bytes_max", attempt.memory_bytes_max},
      {"error", failure_json(attempt.error)},
      {"output", attempt.output},
  };
}

Json to_json(const ledger::CheckResult& check) {
  return {{"run", check.run.text()},          {"task", check.task},     {"check", check.check},
          {"severity", check.severity},       {"passed", check.passed}, {"rows_checked", check.rows_checked},
          {"rows_failed", check.rows_failed}, {"detail", check.detail}};
}

Json to_json(const ledger::Event& event) {
  return {{"source", event.source},
          {"pipeline", event.pipeline},
          {"run", event.run.text()},
          {"task", event.task},
          {"at", to_json(event.at)},
          {"rows", event.rows},
          {"interval", interval_json(event.interval_from, event.interval_to)}};
}

Json to_json(const ledger::BackfillInterval& interval) {
  return {{"from", to_json(interval.from)},
          {"to", to_json(interval.to)},
          {"run", text_or_null(interval.run)},
          {"state", interval.state ? Json(name(*interval.state)) : Json(nullptr)}};
}

Json to_json(const ledger::Backfill& backfill) {
  auto intervals = Json::array();
  for (const auto& interval : backfill.intervals) intervals.push_back(to_json(interval));
  return {{"id", backfill.id},
          {"pipeline", backfill.pipeline},
          {"from", to_json(backfill.from)},
          {"to", to_json(backfill.to)},
          {"mode", name(backfill.mode)},
          {"parallel", backfill.parallel},
          {"params", backfill.params.is_object() ? backfill.params : Json::object()},
          {"downstream", backfill.downstream},
          {"state", name(backfill.state)},
          {"intervals", std::move(intervals)},
          {"by", backfill.by},
          {"created_at", to_json(backfill.created_at)}};
}

Json to_json(const Error& problem) {
  return {{"place", problem.place() ? Json(problem.place()->text()) : Json(nullptr)},
          {"message", problem.message()},
          {"hint", problem.hint()}};
}

Json to_json(const ledger::User& user) {
  return {{"name", user.name},
          {"role", name(user.role)},
          {"created_at", to_json(user.created_at)},
          {"last_seen_at", to_json(user.last_seen_at)}};
}

Json to_json(const ledger::Token& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"user", token.user},
          {"role", name(token.role)},
          {"created_at", to_json(token.created_at)},
          {"last_used_at", to_json(token.last_used_at)},
          {"expires_at", to_json(token.expires_at)}};
}

Json to_json(const ledger::AuditEntry& entry) {
  return {{"at", to_json(entry.at)}, {"user", entry.user},     {"action", entry.action},
          {"object", entry.object},  {"detail", entry.detail}, {"address", entry.address}};
}

Json to_json(const ledger::QueryRecord& query) {
  return {{"at", to_json(query.at)},
          {"user", query.user},
          {"connection", query.connection},
          {"sql", query.sql},
          {"error", text_or_null(query.error)},
          {"rows", query.rows},
          {"elapsed_s", seconds(query.elapsed)}};
}

Result<RowsAnswer> read_rows(flow::Reader& reader, std::size_t rows_max, std::stop_token stop) {
  RowsAnswer answer;
  for (const auto& field : reader.schema()->fields) {
    answer.columns.push_back({{"name", field.name}, {"type", field.type.text()}});
  }
  while (auto delivery = WEIR_TRY(reader.next(stop))) {
    const auto& batch = delivery->batch;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (answer.rows.size() == rows_max) {
        answer.truncated = true;
        return answer;
      }
      std::string text = "[";
      for (std::size_t i = 0; i < batch.columns().size(); ++i) {
        if (i != 0) text += ',';
        if (batch.column(i).is_null(row)) {
          text += "null";
        } else {
          data::append_json(text, batch.column(i), row);
        }
      }
      answer.rows.push_back(WEIR_TRY(parse_json(text + "]")));
    }
  }
  return answer;
}

}  // namespace weir::web
