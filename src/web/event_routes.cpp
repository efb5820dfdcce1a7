#include "web/api.hpp"
#include "web/reply.hpp"
#include "web/shapes.hpp"

// Live changes as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
namespace weir::web {
namespace {

// Proxies and browsers give a silent connection up; this keeps it, and notices a client that has gone.
constexpr std::chrono::seconds kHeartbeat{15};

struct Wanted {
  std::string run;
  std::string pipeline;
};

struct Written {
  std::string_view event;  // "" when nobody asked for it
  Json data;
};

Json log_json(const engine::LogEvent& log) {
  return {{"run", log.run.text()},        {"task", log.task},
          {"attempt", log.attempt},       {"line", log.line},
          {"at", to_json(log.text.time)}, {"level", name(log.text.level)},
          {"text", log.text.message}};
}

Written written(const engine::FeedEvent& event, const Wanted& wanted) {
  if (!wanted.pipeline.empty() && event.pipeline != wanted.pipeline && !event.pipeline.empty()) return {};
  const auto is_wanted = [&](const RunId& run) { return wanted.run.empty() || run.text() == wanted.run; };
  if (const auto* run = std::get_if<ledger::Run>(&event.what)) {
    return is_wanted(run->id) ? Written{"run", to_json(*run)} : Written{};
  }
  if (const auto* attempt = std::get_if<ledger::Attempt>(&event.what)) {
    return is_wanted(attempt->run) ? Written{"attempt", to_json(*attempt)} : Written{};
  }
  if (const auto* log = std::get_if<engine::LogEvent>(&event.what)) {
    // Lines are many: only who looks at one run gets them.
    return !wanted.run.empty() && is_wanted(log->run) ? Written{"log", log_json(*log)} : Written{};
  }
  if (const auto* pipeline = std::get_if<engine::PipelineEvent>(&event.what))
    return {"pipeline", {{"pipeline", pipeline->pipeline}}};
  auto problems = Json::array();
  for (const auto& problem : std::get<engine::ProblemEvent>(event.what).problems) problems.push_back(to_json(problem));
  return {"problem", {{"problems", std::move(problems)}}};
}

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
  auto& feed = api.scheduler.feed();
  const auto reader = feed.follow(last_seen(call));
  const Wanted wanted{call.text("run"), call.text("pipeline")};
  if (!response.start(200, headers).ok()) return;
  if (!response.write(net::as_bytes("retry: 1000\n\n")).ok()) return;
  while (!call.http.gone.stop_requested() && !feed.is_closed()) {
    std::string text;
    if (!reader->wait(kHeartbeat)) {
      if (feed.is_closed()) break;
      text = ": still here\n\n";
    }
    const auto events = reader->take();
    // What was dropped before it could be read is to be asked for again.
    if (reader->has_missed()) text += "event: reset\ndata: {}\n\n";
    for (const auto& event : events) {
      const auto [name, data] = written(*event, wanted);
      if (!name.empty()) text += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event->id, name, to_text(data));
    }
    if (!text.empty() && !response.write(net::as_bytes(api.secrets.filter(text, api.version()))).ok()) return;
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
