#include "web/api.hpp"
#include "web/reply.hpp"
#include "web/shapes.hpp"

// Live changes as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
namespace weir::web {
namespace {

// Proxies and browsers give a silent connection up; this keeps it, and notices a client that has gone.
constexpr std::chrono::seconds kHeartbeat{15};

Json log_json(const engine::LogEvent& log) {
  auto line = to_json(log.line);
  line.update({{"run", log.run.text()}, {"task", log.task}, {"attempt", log.attempt}});
  return line;
}

// What a stream says of an event, whoever reads it.
std::string written(const Api& api, const engine::FeedEvent& event) {
  std::string_view kind;
  Json data;
  if (const auto* run = std::get_if<ledger::Run>(&event.what)) {
    kind = "run";
    data = to_json(*run, api.version()->project);
  } else if (const auto* attempt = std::get_if<ledger::Attempt>(&event.what)) {
    kind = "attempt";
    data = to_json(*attempt);
  } else if (const auto* log = std::get_if<engine::LogEvent>(&event.what)) {
    kind = "log";
    data = log_json(*log);
  } else if (const auto* pipeline = std::get_if<engine::PipelineEvent>(&event.what)) {
    kind = "pipeline";
    data = {{"pipeline", pipeline->pipeline}};
  } else {
    kind = "problem";
    data["problems"] = Json::array();
    for (const auto& problem : std::get<engine::ProblemEvent>(event.what).problems)
      data["problems"].push_back(to_json(problem));
  }
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, kind, to_text(data));
}

struct Wanted {
  std::string run;
  std::string pipeline;

  bool takes(const engine::FeedEvent& event) const {
    if (!pipeline.empty() && event.pipeline != pipeline && !event.pipeline.empty()) return false;
    const auto is_of_run = [&](const RunId& id) { return id.text() == run; };
    if (const auto* of_run = std::get_if<ledger::Run>(&event.what)) return run.empty() || is_of_run(of_run->id);
    if (const auto* attempt = std::get_if<ledger::Attempt>(&event.what)) return run.empty() || is_of_run(attempt->run);
    // Lines are many: only who looks at one run gets them.
    if (const auto* log = std::get_if<engine::LogEvent>(&event.what)) return !run.empty() && is_of_run(log->run);
    return true;
  }
};

std::optional<std::uint64_t> last_seen(const Call& call) {
  const auto header = call.http.headers.find("Last-Event-ID");
  const auto text = header ? std::string{*header} : call.text("after");
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 19)
    return std::nullopt;
  return std::stoull(text);
}

void stream_events(const Api& api, Call& call, net::ResponseWriter& response) {
  net::Headers headers;
  headers.add("Content-Type", "text/event-stream");
  headers.add("Cache-Control", "no-store");
  headers.add("X-Accel-Buffering", "no");
  add_security_headers(headers);
  auto cursor = api.live.follow(last_seen(call));
  const Wanted wanted{call.text("run"), call.text("pipeline")};
  const auto make = [&](const engine::FeedEvent& event) {
    return api.secrets.filter(written(api, event), api.version());
  };
  if (!response.start(200, headers).ok()) return;
  if (!response.write(net::as_bytes("retry: 1000\n\n")).ok()) return;
  while (!call.http.gone.stop_requested() && !api.live.is_closed()) {
    const auto changes = api.live.next(cursor, kHeartbeat);
    std::string text;
    if (std::exchange(cursor.missed, false)) text += "event: reset\ndata: {}\n\n";
    for (const auto& change : changes) {
      if (wanted.takes(change->event())) text += change->text(make);
    }
    if (text.empty() && changes.empty()) text = ": still here\n\n";
    if (!text.empty() && !response.write(net::as_bytes(text)).ok()) return;
  }
  (void)response.finish();
}

}  // namespace

std::vector<Route> event_routes(const Api& api) {
  return {
      {.method = "GET",
       .path = "/events",
       .summary = "Live changes: run, attempt, log (with `run`), pipeline, problem; reset when some were missed",
       .query = {{"run", text("Only this run, and its log lines"), Need::Optional},
                 {"pipeline", text("Only this pipeline"), Need::Optional},
                 {"after", text("The id of the last event seen, as the header Last-Event-ID"), Need::Optional}},
       .media = "text/event-stream",
       .stream = [&api](Call& call, net::ResponseWriter& response) { stream_events(api, call, response); }},
  };
}

std::vector<Route> all_routes(const Api& api) {
  std::vector<Route> all;
  for (const auto part : {overview_routes, pipeline_routes, backfill_routes, run_routes, log_routes, table_routes,
                          connection_routes, query_routes, session_routes, access_routes, event_routes}) {
    for (auto& route : part(api)) all.push_back(std::move(route));
  }
  return all;
}

}  // namespace weir::web
