#include "web/server_fixture.hpp"

namespace weir::web {
namespace {

// A client of the event stream made of nothing but a socket.
class EventClient {
 public:
  EventClient(int port, const std::string& target, const std::string& more_headers = "")
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval patience{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_TRUE(write_all(socket_.get(),
                          fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", target, more_headers), "asking")
                    .ok());
    read_until("retry: 1000\n\n");
  }
  // Everything up to and including `end`.
  std::string read_until(std::string_view end) {
    while (buffer_.find(end) == std::string::npos) {
      char bytes[4096];
      const auto got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return std::exchange(buffer_, {}) + "(ended)";
      buffer_.append(bytes, static_cast<std::size_t>(got));
    }
    const auto size = buffer_.find(end) + end.size();
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
  }
  // The next event whose name is this.
  std::string event(std::string_view name) {
    for (;;) {
      auto text = read_until("\n\n");
      if (text.find(fmt::format("event: {}\n", name)) != std::string::npos || text.ends_with("(ended)")) return text;
    }
  }

 private:
  Descriptor socket_;
  std::string buffer_;
};

TEST_F(ServerTest, AnswersAsItsOpenApiDocumentSays) {
  const auto run = plant_run(system_clock().now());
  plant_run(system_clock().now());
  start();
  ASSERT_EQ(
      change("POST", "/pipelines/sales/backfills", {{"from", "2026-01-01T00:00:00Z"}, {"to", "2026-02-01T00:00:00Z"}})
          .status,
      200);
  const auto document = get("/openapi.json").json();
  EXPECT_EQ(document["openapi"], "3.1.0");
  const auto& shapes = document["components"]["schemas"];
  // Those need rows that only a database has; tests/web_test.cpp asks for them.
  const std::set<std::string> elsewhere{"/runs/{run}/checks/{task}/{check}/rows"};
  int asked = 0;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      for (const auto& parameter : operation.value("parameters", Json::array())) {
        if (parameter["in"] == "path") {
          EXPECT_NE(path.find("{" + parameter["name"].get<std::string>() + "}"), std::string::npos);
        }
      }
      if (method != "get" || elsewhere.contains(path) || path == "/events") continue;
      auto target = filled(path, run);
      if (path == "/runs/{run}/compare") target += "?with=" + run;
      const auto answer = get(target);
      EXPECT_EQ(answer.status, 200) << target << "\n" << answer.text;
      const auto& content = operation["responses"]["200"]["content"];
      if (!content.contains("application/json")) continue;
      ++asked;
      const auto difference = mismatch(answer.json(), content["application/json"]["schema"], shapes);
      EXPECT_FALSE(difference) << target << ": " << difference.value_or("") << "\n" << answer.text;
    }
  }
  EXPECT_GE(asked, 22);
}

// The same for what changes something, and for every refusal.
TEST_F(ServerTest, ChangesAnswerAsTheDocumentSays) {
  const auto run = plant_run(system_clock().now());
  start();
  const auto document = get("/openapi.json").json();
  const auto& shapes = document["components"]["schemas"];
  const Json range{{"from", "2026-01-01T00:00:00Z"}, {"to", "2026-02-01T00:00:00Z"}};
  auto preview = range;
  preview["preview"] = true;
  const Json ann{{"name", "ann"}, {"password", "correct horse"}, {"role", "viewer"}};
  struct Change {
    std::string method;
    std::string path;  // as the document has it
    Json body;
    std::string target = {};  // "" is the path with its names filled in
  };
  const std::vector<Change> changes{
      {"POST", "/pipelines/{pipeline}/runs", {{"params", {{"rows", 5}}}}},
      {"POST", "/pipelines/{pipeline}/pause", nullptr},
      {"POST", "/pipelines/{pipeline}/resume", nullptr},
      {"POST", "/pipelines/{pipeline}/backfills", preview},
      {"POST", "/pipelines/{pipeline}/backfills", range},
      {"POST", "/backfills/{backfill}/pause", nullptr},
      {"POST", "/backfills/{backfill}/resume", nullptr},
      {"POST", "/backfills/{backfill}/cancel", {{"now", true}}},
      {"POST", "/runs/{run}/retry", {{"from", "load"}}},
      {"POST", "/runs/{run}/cancel", nullptr},
      {"POST", "/connections/{connection}/test", nullptr},
      {"POST", "/query", {{"connection", "crm"}, {"sql", "SELECT 1"}}},
      {"POST", "/tokens", {{"name", "ci"}, {"role", "viewer"}}},
      {"POST", "/users", {{"name", "root"}, {"password", "correct horse"}, {"role", "admin"}}},
      {"POST", "/session", {{"name", "root"}, {"password", "correct horse"}}},
      {"POST", "/users", ann},
      {"DELETE", "/users/{user}", nullptr, "/users/ann"},
      {"DELETE", "/session", nullptr},
  };
  for (const auto& each : changes) {
    const auto target = each.target.empty() ? filled(each.path, run) : each.target;
    const auto operation = document["paths"][each.path][each.method == "POST" ? "post" : "delete"];
    ASSERT_TRUE(operation.is_object()) << each.method << " " << each.path;
    const auto answer = change(each.method, target, each.body);
    const auto status = std::to_string(answer.status);
    ASSERT_TRUE(operation["responses"].contains(status)) << each.method << " " << target << ": " << answer.text;
    const auto& good = operation["responses"][status];
    if (good.contains("content")) {
      const auto difference = mismatch(answer.json(), good["content"]["application/json"]["schema"], shapes);
      EXPECT_FALSE(difference) << each.method << " " << target << ": " << difference.value_or("") << answer.text;
    } else {
      EXPECT_EQ(answer.text, "") << each.method << " " << target;
    }
    if (each.path == "/session" && each.method == "POST") {
      const auto cookie = std::string{answer.headers.find("Set-Cookie").value_or("")};
      cookie_ = cookie.substr(0, cookie.find(';'));
    }
  }
  // Signed out; and before that each of these would be another refusal.
  const auto refused = [&](const Reply& reply, int status) {
    EXPECT_EQ(reply.status, status) << reply.text;
    const auto difference = mismatch(reply.json(), shapes["Error"], shapes);
    EXPECT_FALSE(difference) << difference.value_or("") << reply.text;
  };
  refused(get("/runs"), 401);
  sign_in("root");
  refused(get("/runs/nowhere"), 404);
  refused(get("/walks"), 404);
  refused(get("/runs?state=glorious"), 400);
  refused(change("PUT", "/runs"), 405);
  refused(change("POST", "/pipelines/sails/runs"), 404);
  refused(change("POST", "/pipelines/sales/runs", {{"params", 7}}), 400);
  refused(change("POST", "/pipelines/sales/backfills", {{"from", "soon"}}), 400);
  refused(change("DELETE", "/users/nobody"), 404);
  refused(send("POST", "/api/v1/pipelines/sales/pause"), 403);
}

TEST_F(ServerTest, DescribesEveryReference) {
  start();
  const auto document = get("/openapi.json").json();
  std::set<std::string> wanted;
  const std::function<void(const Json&)> look = [&](const Json& json) {
    if (!json.is_structured()) return;
    if (json.is_object() && json.contains("$ref")) wanted.insert(json["$ref"].get<std::string>());
    for (const auto& element : json) look(element);
  };
  look(document);
  for (const auto& reference : wanted) {
    EXPECT_TRUE(document["components"]["schemas"].contains(reference.substr(reference.rfind('/') + 1))) << reference;
  }
}

TEST_F(ServerTest, SaysWhatIsWrong) {
  start();
  EXPECT_EQ(get("/walks").status, 404);
  EXPECT_EQ(get("/runs/nowhere").code(), "not_found");
  EXPECT_EQ(get("/pipelines/sails").json()["error"]["hint"], "did you mean sales?");
  EXPECT_EQ(get("/runs?colour=red").status, 400);
  EXPECT_EQ(get("/runs?state=glorious").status, 400);
  EXPECT_EQ(get("/api/v2/runs").status, 404);
  const auto wrong_method = change("PUT", "/runs");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.find("Allow"), "GET");
  const auto wrong_body = change("POST", "/pipelines/sales/runs", {{"params", 7}});
  EXPECT_EQ(wrong_body.status, 400);
  EXPECT_EQ(wrong_body.json()["error"]["message"], "the request's body: params: not an object");
}

TEST_F(ServerTest, PagesThroughRuns) {
  const auto begin = system_clock().now();
  std::vector<std::string> planted;
  for (int i = 0; i < 23; ++i)
    planted.insert(planted.begin(), plant_run(begin + std::chrono::seconds(i), i % 2 == 0 ? "sales" : "other"));
  start();
  std::vector<std::string> seen;
  std::string cursor;
  for (int page = 0; page < 10; ++page) {
    const auto answer = get("/runs?limit=5&cursor=" + cursor).json();
    for (const auto& run : answer["items"]) seen.push_back(run["id"]);
    if (answer["next_cursor"].is_null()) break;
    cursor = answer["next_cursor"];
  }
  EXPECT_EQ(seen, planted);
  EXPECT_EQ(get("/runs?pipeline=other&limit=200").json()["items"].size(), 11U);
  EXPECT_EQ(get("/runs?state=succeeded").json()["items"].size(), 0U);
  EXPECT_EQ(get("/runs?pipeline=sales&state=failed&trigger=schedule").json()["items"].size(), 12U);
  EXPECT_EQ(get("/runs?search=NO%20ANSWER&limit=200").json()["items"].size(), 23U);
  EXPECT_EQ(get("/runs?search=100%25").json()["items"].size(), 0U);
  const auto since = net::encode_percent(format_instant(begin + 20s));
  EXPECT_EQ(get("/runs?since=" + since).json()["items"].size(), 3U);
}

// A backfill runs today for days that are long gone; the calendar shows it there, and a list of such a day has it.
TEST_F(ServerTest, ListsTheRunsOfACalendarsDay) {
  const auto now = system_clock().now();
  const auto day = std::chrono::floor<std::chrono::days>(now) - std::chrono::days{30};
  const auto on_its_day = plant_run(day + 13h);
  const RunId backfilled{"20260101-000000-back"};
  ASSERT_TRUE(ledger_
                  ->create_run({.id = backfilled,
                                .pipeline = "sales",
                                .trigger = "backfill",
                                .created_at = now,
                                .interval_from = day - 12h,
                                .interval_to = day + 12h})
                  .ok());
  const auto today = plant_run(now);
  start();
  const auto stretch = [](Instant begin) {
    return "from=" + net::encode_percent(format_instant(begin)) +
           "&to=" + net::encode_percent(format_instant(begin + 24h));
  };
  const auto days = get("/pipelines/sales/calendar?" + stretch(day)).json()["days"];
  EXPECT_EQ(days[0]["other"], 1) << days;
  EXPECT_EQ(days[0]["failed"], 1) << days;
  const auto runs_of = [&](Instant begin, const std::string& by) {
    const auto answer =
        get(fmt::format("/runs?pipeline=sales&since={}&until={}{}", net::encode_percent(format_instant(begin)),
                        net::encode_percent(format_instant(begin + 24h)), by));
    std::vector<std::string> ids;
    const Json items = answer.json()["items"];
    for (const auto& run : items) ids.push_back(run["id"]);
    std::ranges::sort(ids);
    return ids;
  };
  using Ids = std::vector<std::string>;
  const auto sorted = [](Ids ids) {
    std::ranges::sort(ids);
    return ids;
  };
  EXPECT_EQ(runs_of(day, "&by=planned"), sorted({backfilled.text(), on_its_day}));
  EXPECT_EQ(runs_of(now - 12h, "&by=planned"), Ids{today});
  EXPECT_EQ(runs_of(day, ""), Ids{on_its_day});
  EXPECT_EQ(runs_of(now - 12h, "&by=created"), sorted({backfilled.text(), today}));
  EXPECT_EQ(get("/runs?by=weekday").status, 400);
}

TEST_F(ServerTest, ShowsARunWithItsStepsAndReasons) {
  const auto earlier = plant_run(system_clock().now() - 1h);
  const auto run = plant_run(system_clock().now());
  start();
  const auto detail = get("/runs/" + run).json();
  EXPECT_EQ(detail["state"], "failed");
  EXPECT_EQ(detail["timezone"], "Europe/Moscow");
  EXPECT_EQ(get("/runs").json()["items"][1]["timezone"], "Europe/Moscow");
  EXPECT_EQ(get("/runs/" + plant_run(system_clock().now(), "gone")).json()["timezone"], "UTC");
  EXPECT_EQ(detail["rows_written"], 1234);
  EXPECT_EQ(detail["attempts_failed"], 1);
  EXPECT_EQ(detail["duration_s"], 3.0);
  EXPECT_EQ(detail["queue_s"], 1.0);
  EXPECT_EQ(detail["previous"], earlier);
  ASSERT_EQ(detail["steps"].size(), 2U);
  EXPECT_EQ(detail["steps"][0]["name"], "load");
  EXPECT_EQ(detail["steps"][0]["writes"], Json::array({"crm.sales"}));
  EXPECT_EQ(detail["steps"][1]["state"], "failed");
  EXPECT_EQ(detail["steps"][1]["attempts"][0]["error"]["place"], "pipelines/sales.yml:6:3");
  EXPECT_EQ(detail["checks"][0]["rows_failed"], 2);
  EXPECT_EQ(detail["events_made"][0]["source"], "crm.sales");
  EXPECT_EQ(get("/runs/" + run + "/compare?with=" + earlier).json()["tasks"][0]["theirs"]["rows_written"], 1234);
  const auto grid = get("/pipelines/sales/grid").json();
  EXPECT_EQ(grid["cells"][run]["publish"]["state"], "failed");
  EXPECT_EQ(grid["tasks"], Json::array({"load", "publish"}));
  const auto calendar = get("/pipelines/sales/calendar").json();
  EXPECT_EQ(calendar["days"].back()["fires_planned"], 1);
}

TEST_F(ServerTest, ReadsLogs) {
  const auto run = plant_run(system_clock().now());
  start();
  const auto log = [&](const std::string& more) { return get("/runs/" + run + "/tasks/load/logs?" + more).json(); };
  const auto all = log("");
  ASSERT_EQ(all["lines"].size(), 4U);
  EXPECT_EQ(all["lines"][0]["text"], "reading crm.raw_sales");
  EXPECT_EQ(all["lines"][2]["at"], nullptr);
  EXPECT_EQ(all["lines"][2]["level"], "warn");
  EXPECT_EQ(all["complete"], true);
  EXPECT_EQ(log("level=warn")["lines"].size(), 3U);
  EXPECT_EQ(log("level=error")["lines"][0]["line"], 4);
  EXPECT_EQ(log("search=SECOND")["lines"][0]["line"], 3);
  const auto part = log("limit=2");
  EXPECT_EQ(part["next_after"], 2);
  EXPECT_EQ(part["complete"], false);
  EXPECT_EQ(log("after=2&limit=2")["lines"][0]["line"], 3);
  const auto file = get("/runs/" + run + "/tasks/load/logs/download");
  EXPECT_EQ(file.headers.find("Content-Disposition"), fmt::format("attachment; filename=\"{}-load-1.log\"", run));
  EXPECT_NE(file.text.find("error refused\n"), std::string::npos);
  EXPECT_EQ(get("/runs/" + run + "/tasks/nothing/logs").status, 404);
}

TEST_F(ServerTest, KnowsTheTablesOfThePipelines) {
  const auto run = plant_run(system_clock().now());
  start();
  const auto tables = get("/tables").json()["items"];
  ASSERT_EQ(tables.size(), 3U);
  EXPECT_EQ(tables[1]["table"], "raw_sales");
  EXPECT_EQ(tables[2]["rows"], 1234);
  EXPECT_EQ(tables[2]["written_by"]["run"], run);
  const auto table = get("/tables/crm/sales").json();
  EXPECT_EQ(table["columns"][0]["type"], "bigint");
  EXPECT_EQ(table["columns"][0]["key"], true);
  EXPECT_EQ(table["upstream"], Json::array({"crm.raw_sales"}));
  EXPECT_EQ(table["downstream"], Json::array({"crm.published"}));
  EXPECT_EQ(table["graph"]["edges"].size(), 4U);
  EXPECT_EQ(table["history"][0]["rows"], 1234);
  EXPECT_EQ(table["runs"][0]["id"], run);
}

// What needs a look comes first. A table that pipelines only read is not theirs to keep fresh.
TEST_F(ServerTest, OrdersTablesByTheirAge) {
  const auto now = system_clock().now();
  const auto run = RunId{plant_run(now - 1h)};
  const std::vector<ledger::TableWrite> writes{
      {.at = now, .table = "crm.young", .pipeline = "sales", .task = "load", .run = run, .rows = 1},
      {.at = now - 48h, .table = "crm.old", .pipeline = "sales", .task = "load", .run = run, .rows = 2}};
  ASSERT_TRUE(ledger_->schedules().record_writes(writes).ok());
  start();
  std::vector<std::string> order;
  const auto tables = get("/overview").json()["tables"];
  for (const auto& table : tables) order.push_back(table["table"]);
  EXPECT_EQ(order, (std::vector<std::string>{"published", "old", "sales", "young"}));
  EXPECT_EQ(tables[0]["written_at"], nullptr);
  EXPECT_EQ(tables[0]["written_by"]["task"], "publish");
  EXPECT_GT(tables[1]["freshness_s"].get<double>(), 47 * 3600);
}

TEST_F(ServerTest, StartsAndStopsRunsOnce) {
  start();
  const auto send_once = [&](const std::string& key) {
    return send("POST", "/api/v1/pipelines/sales/runs",
                {{"params", {{"rows", 5}}},
                 {"select", {"load+"}},
                 {"interval", {{"from", "2026-01-01T00:00:00Z"}, {"to", "2026-01-02T00:00:00Z"}}}},
                {{"X-Weir-Request", "1"}, {"Idempotency-Key", key}});
  };
  const auto first = send_once("k1");
  ASSERT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(send_once("k1").json()["id"], first.json()["id"]);
  EXPECT_NE(send_once("k2").json()["id"], first.json()["id"]);
  const auto& request = scheduler_->requests.front();
  EXPECT_EQ(request.params, (Json{{"rows", 5}}));
  EXPECT_EQ(request.select, std::vector<std::string>{"load+"});
  EXPECT_EQ(request.interval_to, parse_instant("2026-01-02"));
  EXPECT_EQ(request.by, "local");
  const std::string run = first.json()["id"];
  EXPECT_EQ(change("POST", "/runs/" + run + "/cancel", {{"now", true}}).status, 200);
  EXPECT_EQ(change("POST", "/runs/" + run + "/retry", {{"from", "load"}, {"code", "old"}}).status, 200);
  EXPECT_EQ(scheduler_->calls, (std::vector<std::string>{"cancel " + run + " now by local",
                                                         "retry " + run + " from 'load' with old by local"}));
  EXPECT_EQ(change("POST", "/pipelines/sales/pause").status, 204);
  EXPECT_EQ(get("/pipelines").json()["items"][0]["paused"], true);
  EXPECT_EQ(change("POST", "/pipelines/sails/runs").status, 404);
  EXPECT_EQ(change("POST", "/runs/nothing/cancel").status, 404);
}

TEST_F(ServerTest, RunsBackfills) {
  start();
  const Json range{
      {"from", "2026-01-01T00:00:00Z"}, {"to", "2026-02-01T00:00:00Z"}, {"mode", "failed"}, {"parallel", 3}};
  auto preview = range;
  preview["preview"] = true;
  EXPECT_EQ(change("POST", "/pipelines/sales/backfills", preview).json()["overwritten"], Json::array({"crm.sales"}));
  const auto made = change("POST", "/pipelines/sales/backfills", range).json();
  EXPECT_EQ(made["mode"], "failed");
  EXPECT_EQ(made["intervals"].size(), 1U);
  EXPECT_EQ(change("POST", "/backfills/b1/pause").json()["state"], "paused");
  EXPECT_EQ(change("POST", "/backfills/b1/cancel").json()["state"], "cancelled");
  EXPECT_EQ(get("/pipelines/sales/backfills").json()["items"].size(), 1U);
  EXPECT_EQ(change("POST", "/backfills/b2/pause").status, 404);
}

TEST_F(ServerTest, StreamsChangesAndResumes) {
  const auto run = plant_run(system_clock().now());
  start();
  EventClient all{server_->port(), "/api/v1/events"};
  EventClient one{server_->port(), "/api/v1/events?run=" + run};
  auto& feed = scheduler_->feed();
  auto record = **ledger_->find_run(run);
  feed.publish("sales", record);
  const auto first = all.event("run");
  EXPECT_NE(first.find("\"id\":\"" + run + "\""), std::string::npos) << first;
  const auto at = first.find("id: ") + 4;
  const auto id = first.substr(at, first.find('\n', at) - at);
  feed.publish(
      "sales",
      engine::LogEvent{
          .run = record.id,
          .task = "load",
          .attempt = 1,
          .line = {.number = 5, .at = system_clock().now(), .level = LogLevel::Info, .text = "planted-password"}});
  feed.publish("other", engine::PipelineEvent{"other"});
  EXPECT_NE(one.event("log").find("\"text\":\"***\""), std::string::npos);
  // Without ?run= no lines come, so the pipeline's event is the next.
  EXPECT_NE(all.read_until("\n\n").find("event: pipeline\ndata: {\"pipeline\":\"other\"}"), std::string::npos);
  EventClient again{server_->port(), "/api/v1/events", "Last-Event-ID: " + id + "\r\n"};
  EXPECT_NE(again.event("pipeline").find("other"), std::string::npos);
  // Older than anything that is kept: the client has to look anew.
  EventClient late{server_->port(), "/api/v1/events?after=1"};
  EXPECT_NE(late.event("reset").find("event: reset"), std::string::npos);
  server_->stop();
  EXPECT_TRUE(all.event("nothing").ends_with("(ended)"));
}

TEST_F(ServerTest, FollowsManyStreamsAtOnce) {
  start();
  std::vector<std::unique_ptr<EventClient>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<EventClient>(server_->port(), "/api/v1/events"));
  const auto begin = std::chrono::steady_clock::now();
  scheduler_->feed().publish("sales", engine::PipelineEvent{"sales"});
  for (auto& client : clients) EXPECT_NE(client->event("pipeline").find("sales"), std::string::npos);
  const auto elapsed = std::chrono::steady_clock::now() - begin;
  RecordProperty("all_streams_us",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count()));
  EXPECT_LT(elapsed, 10s);
  EXPECT_NE(send("GET", "/metrics").text.find("weir_event_streams 200\n"), std::string::npos);
}

TEST_F(ServerTest, TellsPrometheusAndThoseWhoWatchOverIt) {
  start();
  EXPECT_EQ(send("GET", "/healthz").text, R"({"status":"ok"})");
  EXPECT_EQ(send("GET", "/readyz").text, R"({"status":"ready"})");
  ASSERT_EQ(get("/runs").status, 200);
  ASSERT_EQ(get("/runs").status, 200);
  const auto answer = send("GET", "/metrics");
  EXPECT_EQ(answer.headers.find("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.text.find("weir_build_info{version=\"9.9.9\"} 1\n"), std::string::npos);
  EXPECT_NE(answer.text.find("weir_http_requests_total{method=\"GET\",route=\"/runs\",status=\"200\"} 2\n"),
            std::string::npos);
  EXPECT_NE(answer.text.find("weir_pipelines 1\n"), std::string::npos);
  // Every sample has its HELP and TYPE before it, and every line its form.
  std::set<std::string> typed;
  std::istringstream lines{answer.text};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) typed.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with('#')) continue;
    auto name = line.substr(0, line.find_first_of("{ "));
    for (const std::string_view ending : {"_bucket", "_sum", "_count"}) {
      if (!name.ends_with(ending)) continue;
      if (auto metric = name.substr(0, name.size() - ending.size()); typed.contains(metric)) name = metric;
    }
    EXPECT_TRUE(typed.contains(name)) << line;
    EXPECT_NO_THROW((void)std::stod(line.substr(line.rfind(' ')))) << line;
  }
}

TEST_F(ServerTest, GivesPagesAndDeepLinksWithAStrictPolicy) {
  start();
  for (const auto* path : {"/", "/runs/20260301-a", "/tables/crm/sales.v2"}) {
    const auto page = send("GET", path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.headers.find("Content-Type"), "text/html; charset=utf-8");
    const auto policy = page.headers.find("Content-Security-Policy").value_or("");
    EXPECT_NE(policy.find("default-src 'none'; script-src 'self'; style-src 'self';"), std::string::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
    EXPECT_EQ(policy.find("data:"), std::string::npos) << policy;
    EXPECT_EQ(page.headers.find("X-Content-Type-Options"), "nosniff");
  }
  const auto plain = get("/openapi.json");
  const auto packed = send("GET", "/api/v1/openapi.json", nullptr, {{"Accept-Encoding", "gzip"}});
  if (packed.headers.find("Content-Encoding") == "gzip") {
    EXPECT_EQ(*gunzip(packed.text), plain.text);
    EXPECT_LT(packed.text.size(), plain.text.size() / 4);
  } else {
    EXPECT_EQ(packed.text, plain.text);
  }
}

}  // namespace
}  // namespace weir::web
