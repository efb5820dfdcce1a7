#include <cstdio>

#include "app/run_control.hpp"
#include "app/served.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string pipeline;
  std::string from;
  std::string to;
  std::string mode = "missing";
  int parallel = 1;
  std::vector<std::string> params;
  bool preview = false;
  bool downstream = false;
  std::string pause;
  std::string resume;
  std::string cancel;
  bool now = false;
  bool json = false;
};

std::string instant_text(const Json& micros) {
  if (!micros.is_number_integer()) return "";
  return format_instant(Instant{std::chrono::microseconds{micros.get<std::int64_t>()}});
}

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string{}; }

Result<Instant> instant_option(const std::string& text, std::string_view name) {
  if (const auto instant = parse_instant(text)) return *instant;
  return Error::user(Code::InvalidArgument, "{} takes a day or an instant, not: {}", name, text)
      .hint("2026-03-01, or 2026-03-01T06:00:00Z");
}

void print_preview(const Json& preview) {
  TextTable table{{{"from"}, {"to"}, {"run"}, {"state"}, {"backfill"}}};
  int chosen = 0;
  for (const auto& interval : preview["intervals"]) {
    const bool runs = interval.value("chosen", false);
    chosen += runs ? 1 : 0;
    table.add({{instant_text(interval["from"])},
               {instant_text(interval["to"])},
               {text_of(interval["run"])},
               {text_of(interval["state"])},
               {runs ? "runs" : "stays", runs ? Style::Strong : Style::Faint}});
  }
  std::fputs(table.text(2).c_str(), stdout);
  std::string tables;
  for (const auto& table_name : preview["overwritten"]) tables += (tables.empty() ? "" : ", ") + text_of(table_name);
  std::printf("\n  %d of %zu intervals would run; they write: %s\n", chosen, preview["intervals"].size(),
              tables.empty() ? "nothing that is known" : tables.c_str());
}

void print_backfill(const Json& backfill) {
  std::size_t made = 0;
  std::size_t succeeded = 0;
  for (const auto& interval : backfill["intervals"]) {
    made += text_of(interval["run"]).empty() ? 0 : 1;
    succeeded += interval["state"] == "succeeded" ? 1 : 0;
  }
  std::printf("%s  %s  %s … %s  %s  %zu of %zu intervals begun, %zu succeeded\n", text_of(backfill["id"]).c_str(),
              text_of(backfill["pipeline"]).c_str(), instant_text(backfill["from"]).c_str(),
              instant_text(backfill["to"]).c_str(), text_of(backfill["state"]).c_str(), made,
              backfill["intervals"].size(), succeeded);
}

Result<Json> call_of(const Options& options) {
  const auto change = [&](const std::string& id, const char* state) {
    return Json{{"call", "backfill_state"}, {"backfill", id}, {"state", state}, {"now", options.now}};
  };
  if (!options.pause.empty()) return change(options.pause, "paused");
  if (!options.resume.empty()) return change(options.resume, "running");
  if (!options.cancel.empty()) return change(options.cancel, "cancelled");
  if (options.from.empty() && options.to.empty()) return Json{{"call", "backfills"}, {"pipeline", options.pipeline}};
  if (options.pipeline.empty()) return Error::user(Code::InvalidArgument, "which pipeline is to be backfilled?");
  return Json{{"call", options.preview ? "preview" : "backfill"},
              {"pipeline", options.pipeline},
              {"from", WEIR_TRY(instant_option(options.from, "--from")).time_since_epoch().count()},
              {"to", WEIR_TRY(instant_option(options.to, "--to")).time_since_epoch().count()},
              {"mode", options.mode},
              {"parallel", options.parallel},
              {"params", WEIR_TRY(parse_params(options.params))},
              {"downstream", options.downstream}};
}

Result<int> backfill(const Options& options) {
  const auto call = WEIR_TRY(call_of(options));
  auto client = WEIR_TRY(serving_process());
  if (!client) {
    return Error::system(Code::Unavailable, "nobody serves this project, and a backfill goes on for long")
        .hint("weir serve, in this folder");
  }
  const auto answer = WEIR_TRY(client->call(call));
  if (options.json) {
    std::printf("%s\n", to_text(answer).c_str());
  } else if (call["call"] == "preview") {
    print_preview(answer);
  } else if (answer.is_array()) {
    for (const auto& one : answer) print_backfill(one);
    if (answer.empty()) std::printf("no backfills yet: weir backfill PIPELINE --from 2026-03-01 --to 2026-04-01\n");
  } else {
    print_backfill(answer);
  }
  return kSuccess;
}

}  // namespace

void add_backfill(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("backfill", "Runs a pipeline over a range of its schedule's intervals");
  verb->add_option("pipeline", options->pipeline, "The pipeline's name");
  verb->add_option("--from", options->from, "The range's begin, such as 2026-03-01");
  verb->add_option("--to", options->to, "The range's end, not included");
  verb->add_option("--mode", options->mode, "Which intervals: those without a run, those that failed, or all")
      ->check(CLI::IsMember({"missing", "failed", "all"}));
  verb->add_option("--parallel", options->parallel, "How many intervals at once")->check(CLI::Range(1, 1000));
  verb->add_option("--param,-p", options->params, "A parameter, as name=value; may be repeated");
  verb->add_flag("--preview", options->preview, "Only show what would run");
  verb->add_flag("--downstream", options->downstream, "Pipelines that start after this one start too");
  verb->add_option("--pause", options->pause, "Begin no further interval of this backfill");
  verb->add_option("--resume", options->resume, "Go on with this backfill");
  verb->add_option("--cancel", options->cancel, "End this backfill after the intervals that run");
  verb->add_flag("--now", options->now, "With --cancel: cancel these too");
  verb->add_flag("--json", options->json, "For machines");
  verb->footer(
      "Examples:\n  weir backfill sales --from 2026-03-01 --to 2026-04-01 --preview\n  weir backfill sales --from "
      "2026-03-01 --to 2026-04-01 --parallel 4\n  weir backfill --pause bf-20260401-081500-k3f9");
  verb->callback([options, &outcome] {
    const auto done = backfill(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
