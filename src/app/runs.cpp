#include <cstdio>

#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string run;
  std::string pipeline;
  std::string state;
  int limit = 25;
  bool json = false;
};

Result<std::unique_ptr<ledger::Ledger>> open_ledger() {
  return ledger::Ledger::open(WEIR_TRY(Workspace::find_folder()) / ".weir", ledger::Ledger::Mode::Read);
}

double seconds(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  return from && to ? std::chrono::duration<double>(*to - *from).count() : 0;
}

std::string duration(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  return from && to ? format_duration(*to - *from) : "";
}

Json to_json(const ledger::Run& run) {
  return {{"run", run.id.text()},
          {"pipeline", run.pipeline},
          {"environment", run.environment},
          {"trigger", run.trigger},
          {"triggered_by", run.triggered_by},
          {"interval_from", run.interval_from ? Json(format_instant(*run.interval_from)) : Json(nullptr)},
          {"interval_to", run.interval_to ? Json(format_instant(*run.interval_to)) : Json(nullptr)},
          {"code_version", run.code_version},
          {"backfill", run.backfill},
          {"state", name(run.state)},
          {"params", run.params},
          {"created_at", format_instant(run.created_at)},
          {"started_at", run.started_at ? Json(format_instant(*run.started_at)) : Json(nullptr)},
          {"seconds", seconds(run.started_at, run.finished_at)},
          {"error", run.error}};
}

Json to_json(const ledger::Event& event) {
  return {{"source", event.source},
          {"run", event.run.text()},
          {"task", event.task},
          {"at", format_instant(event.at)},
          {"rows", event.rows}};
}

Json to_json(const ledger::Attempt& attempt) {
  return {{"task", attempt.task},
          {"attempt", attempt.number},
          {"state", name(attempt.state)},
          {"rows_read", attempt.rows_read},
          {"rows_written", attempt.rows_written},
          {"bytes_read", attempt.bytes_read},
          {"memory_bytes_max", attempt.memory_bytes_max},
          {"seconds", seconds(attempt.started_at, attempt.finished_at)},
          {"error", attempt.error},
          {"output", attempt.output}};
}

Json to_json(const ledger::CheckResult& check) {
  return {{"task", check.task},
          {"check", check.check},
          {"severity", check.severity},
          {"passed", check.passed},
          {"rows_checked", check.rows_checked},
          {"rows_failed", check.rows_failed},
          {"detail", check.detail}};
}

Style style_of(std::string_view state) {
  if (state == "succeeded") return Style::Good;
  if (state == "failed" || state == "lost") return Style::Bad;
  return state == "running" ? Style::Strong : Style::Warning;
}

Result<int> list(const Options& options) {
  ledger::RunFilter filter{.pipeline = options.pipeline, .state = {}, .limit = options.limit};
  if (!options.state.empty()) {
    filter.state = ledger::parse_run_state(options.state);
    if (!filter.state) return Error::user(Code::InvalidArgument, "no such state: {}", options.state);
  }
  const auto ledger = WEIR_TRY(open_ledger());
  const auto runs = WEIR_TRY(ledger->runs(filter));
  if (options.json) {
    Json json = Json::array();
    for (const auto& run : runs) json.push_back(to_json(run));
    std::printf("%s\n", to_text(json).c_str());
    return kSuccess;
  }
  TextTable table{
      {{"run"}, {"pipeline"}, {"state"}, {"started"}, {"time", TextTable::Align::Right}, {"trigger"}, {"error"}}};
  for (const auto& run : runs) {
    const std::string state{name(run.state)};
    table.add({{run.id.text(), Style::Strong},
               {run.pipeline},
               {state, style_of(state)},
               {format_instant(run.created_at).substr(0, 19)},
               {duration(run.started_at, run.finished_at)},
               {run.trigger, Style::Faint},
               {fitted(run.error, 60)}});
  }
  std::fputs(table.empty() ? "no runs yet: weir run PIPELINE\n" : table.text(0).c_str(), stdout);
  return kSuccess;
}

Result<int> show(const Options& options) {
  const auto ledger = WEIR_TRY(open_ledger());
  const auto run = WEIR_TRY(ledger->find_run(options.run));
  if (!run) return Error::user(Code::NotFound, "no such run: {}", options.run).hint("weir runs lists them");
  const auto attempts = WEIR_TRY(ledger->attempts(run->id));
  const auto checks = WEIR_TRY(ledger->checks(run->id));
  if (options.json) {
    auto json = to_json(*run);
    json["attempts"] = Json::array();
    for (const auto& attempt : attempts) json["attempts"].push_back(to_json(attempt));
    json["events_consumed"] = Json::array();
    for (const auto& event : WEIR_TRY(ledger->schedules().events_of(run->id)))
      json["events_consumed"].push_back(to_json(event));
    json["checks"] = Json::array();
    for (const auto& check : checks) json["checks"].push_back(to_json(check));
    std::printf("%s\n", to_text(json).c_str());
    return kSuccess;
  }
  const std::string state{name(run->state)};
  std::printf("%s  %s  %s  %s\n\n", styled(run->id.text(), Style::Strong).c_str(), run->pipeline.c_str(),
              styled(state, style_of(state)).c_str(), duration(run->started_at, run->finished_at).c_str());
  TextTable table{{{"step"},
                   {"attempt", TextTable::Align::Right},
                   {"state"},
                   {"read", TextTable::Align::Right},
                   {"written", TextTable::Align::Right},
                   {"time", TextTable::Align::Right},
                   {"memory", TextTable::Align::Right},
                   {"error"}}};
  for (const auto& attempt : attempts) {
    const std::string attempt_state{name(attempt.state)};
    table.add({{attempt.task},
               {std::to_string(attempt.number)},
               {attempt_state, style_of(attempt_state)},
               {with_thousands(attempt.rows_read)},
               {with_thousands(attempt.rows_written)},
               {duration(attempt.started_at, attempt.finished_at)},
               {fmt::format("{} MB", attempt.memory_bytes_max >> 20)},
               {attempt.error.is_object() ? fitted(attempt.error.value("message", std::string{}), 80) : ""}});
  }
  std::fputs(table.text(2).c_str(), stdout);
  TextTable check_table{{{"check"},
                         {"severity"},
                         {"passed"},
                         {"rows", TextTable::Align::Right},
                         {"failed", TextTable::Align::Right},
                         {"detail"}}};
  for (const auto& check : checks) {
    check_table.add({{check.check},
                     {check.severity, Style::Faint},
                     {check.passed ? "✓" : "✗", check.passed ? Style::Good : Style::Bad},
                     {with_thousands(check.rows_checked)},
                     {with_thousands(check.rows_failed)},
                     {fitted(check.detail, 90)}});
  }
  if (!check_table.empty()) std::printf("\n%s", check_table.text(2).c_str());
  return kSuccess;
}

}  // namespace

void add_runs(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("runs", "Lists what ran; with a run, its attempts and checks");
  verb->add_option("run", options->run, "A run's id or its beginning, or last");
  verb->add_option("--pipeline", options->pipeline, "Only this pipeline's runs");
  verb->add_option("--state", options->state, "Only runs in this state");
  verb->add_option("--limit", options->limit, "How many, newest first")->check(CLI::Range(1, 100000));
  verb->add_flag("--json", options->json, "For machines");
  verb->footer("Examples:\n  weir runs\n  weir runs last\n  weir runs --state failed --json");
  verb->callback([options, &outcome] {
    const auto done = options->run.empty() ? list(*options) : show(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
