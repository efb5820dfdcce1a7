#include "web/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <set>

#include "base/file.hpp"
#include "base/id.hpp"
#include "ledger/access_store.hpp"
#include "models/fake_database.hpp"
#include "net/url.hpp"
#include "web/fake_scheduler.hpp"
#include "web/reply.hpp"
#include "web/schema.hpp"

// The whole server over real sockets; what it shows lies in a real ledger, what it starts is a fake scheduler's.
namespace weir::web {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kUrlSecret = "fake://ann:planted-in-url@127.0.0.1/shop";
constexpr std::string_view kPlanted[] = {"planted-in-url", "planted-password", "planted \"quoted\" one"};

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string text;
  Json json() const {
    auto parsed = parse_json(text);
    return parsed.ok() ? *parsed : Json("not JSON: " + text);
  }
  std::string code() const { return json()["error"].value("code", std::string{}); }
};

const models::FakeDialect& dialect() {
  static const models::FakeDialect made{"postgres"};
  return made;
}

flow::Connector fake_connector() {
  flow::Connector connector;
  connector.name = "fake";
  connector.summary = "A database that holds nothing";
  connector.settings = {{.name = "url", .doc = "Where it is", .secrecy = Secrecy::Secret},
                        {.name = "user", .doc = "Who signs in", .default_value = "ann"},
                        {.name = "password", .doc = "Their password", .secrecy = Secrecy::Secret},
                        {.name = "headers",
                         .type = SettingType::Map,
                         .doc = "More",
                         .fields = {{.name = "value", .secrecy = Secrecy::Secret}}}};
  connector.open_source = [](const flow::OpenContext&) -> Result<std::unique_ptr<flow::Source>> {
    return Error::bug("none");
  };
  connector.open_sink = [](const flow::OpenContext&) -> Result<std::unique_ptr<flow::Sink>> {
    return Error::bug("none");
  };
  connector.open_database = [](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Database>> {
    auto database = std::make_unique<models::FakeDatabase>(dialect());
    // Tells which rights it was opened with.
    database->count = context.rights == flow::Rights::Read ? 1 : 2;
    flow::RelationInfo info;
    info.schema.fields = {{"sale_id", data::type_of(data::Kind::Int64), data::Nullable::No}};
    info.native_types = {"bigint"};
    info.key = {"sale_id"};
    database->relations["sales"] = info;
    return std::unique_ptr<flow::Database>(std::move(database));
  };
  connector.dialect = &dialect();
  connector.default_space = [](const Settings&) { return std::string{"main"}; };
  return connector;
}

const flow::Registry& registry() {
  static const flow::Registry made{{fake_connector()}};
  return made;
}

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("WEIR_TEST_PASSWORD", "planted-password", 1);
    folder_ = std::filesystem::path(testing::TempDir()) / ("server-" + generate_run_id(system_clock().now()).text());
    write("weir.yml", fmt::format("name: shop\nconnections:\n  crm:\n    type: fake\n    url: \"{}\"\n    password: "
                                  "\"{{{{ env.WEIR_TEST_PASSWORD }}}}\"\n"
                                  "    headers: {{Authorization: 'planted \"quoted\" one'}}\n",
                                  kUrlSecret));
    write("pipelines/sales.yml",
          "name: sales\ndescription: Sells things\nschedule: {cron: \"45 12 * * TUE\", timezone: "
          "Europe/Moscow}\nparams: {rows: 10}\ntasks:\n"
          "  load: {copy: {from: crm.raw_sales, to: crm.sales, mode: replace}}\n"
          "  publish: {needs: [load], copy: {from: crm.sales, to: crm.published, mode: replace}}\n");
    ledger_ = *ledger::Ledger::open(state(), ledger::Ledger::Mode::Write);
    supervisor_ = services::Supervisor::create({}, services::Supervisor::Lifetime::WithSupervisor, silent_log());
    auto outcome = engine::read_version(source(), supervisor_.get());
    for (const auto& mistake : outcome.mistakes) ADD_FAILURE() << mistake.text();
    scheduler_ = std::make_unique<FakeScheduler>(*ledger_, outcome.version, system_clock().now());
  }

  void TearDown() override {
    server_.reset();
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path state() const { return folder_ / ".weir"; }
  engine::VersionSource source() const {
    return {.folder = folder_, .environment = "", .registry = registry(), .weir_binary = "/nowhere/weir"};
  }
  void write(const std::string& path, std::string_view text) const {
    std::filesystem::create_directories((folder_ / path).parent_path());
    ASSERT_TRUE(write_file(folder_ / path, text).ok());
  }

  Result<std::unique_ptr<Server>> try_start(ServerOptions options = {}) {
    options.port = 0;
    options.hash_cost = HashCost::Quick;
    return Server::start({.scheduler = *scheduler_,
                          .supervisor = *supervisor_,
                          .registry = registry(),
                          .source = source(),
                          .state_folder = state(),
                          .weir_version = "9.9.9",
                          .clock = system_clock()},
                         options);
  }
  void start(ServerOptions options = {}) {
    auto started = try_start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().explain();
    server_ = std::move(*started);
  }

  Reply send(const std::string& method, const std::string& path, const Json& body = nullptr,
             std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::HttpRequest request;
    request.method = method;
    request.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
    if (!cookie_.empty()) request.headers.add("Cookie", cookie_);
    for (auto& [name, value] : headers) request.headers.add(name, value);
    auto answer = client_.fetch(request, body.is_null() ? std::string{} : to_text(body), {});
    if (!answer.ok()) {
      ADD_FAILURE() << answer.error().text();
      return {};
    }
    return {answer->first.status, answer->first.headers, answer->second};
  }
  Reply get(const std::string& path) { return send("GET", path.starts_with("/api") ? path : "/api/v1" + path); }
  // As the UI sends changes.
  Reply change(const std::string& method, const std::string& path, const Json& body = nullptr) {
    return send(method, "/api/v1" + path, body, {{"X-Weir-Request", "1"}});
  }

  void add_user(const std::string& name, const std::string& role) {
    const auto added = change("POST", "/users", {{"name", name}, {"password", "correct horse"}, {"role", role}});
    ASSERT_EQ(added.status, 201) << added.text;
  }
  void sign_in(const std::string& name) {
    cookie_.clear();
    const auto answer = change("POST", "/session", {{"name", name}, {"password", "correct horse"}});
    ASSERT_EQ(answer.status, 200) << answer.text;
    const auto cookie = std::string{answer.headers.find("Set-Cookie").value_or("")};
    cookie_ = cookie.substr(0, cookie.find(';'));
  }

  // A run that failed in its second task; its first wrote a table.
  std::string plant_run(Instant created_at, const std::string& pipeline = "sales") {
    ledger::Run run;
    run.id = generate_run_id(created_at);
    run.pipeline = pipeline;
    run.trigger = "schedule";
    run.triggered_by = "45 12 * * TUE";
    run.params = {{"rows", 10}};
    run.created_at = created_at;
    EXPECT_TRUE(ledger_->create_run(run).ok());
    EXPECT_TRUE(ledger_->set_run_state(run.id, ledger::RunState::Running, created_at + 1s).ok());
    ledger::Attempt load{.run = run.id,
                         .task = "load",
                         .number = 1,
                         .state = ledger::AttemptState::Running,
                         .started_at = created_at + 1s};
    load.log_path = "logs/" + run.id.text() + "-load.log";
    EXPECT_TRUE(ledger_->start_attempt(load).ok());
    write(".weir/" + load.log_path,
          "2026-03-03T09:45:00Z info  reading crm.raw_sales\n2026-03-03T09:45:01Z warn  slow: planted-password\n  and "
          "a second line\n"
          "2026-03-03T09:45:02Z error refused\n");
    load.state = ledger::AttemptState::Succeeded;
    load.finished_at = created_at + 3s;
    load.rows_read = load.rows_written = 1234;
    load.output = {{"table", "crm.sales"}, {"rows", 1234}};
    EXPECT_TRUE(ledger_->finish_attempt(load).ok());
    const ledger::Event event{.source = "crm.sales",
                              .pipeline = pipeline,
                              .run = run.id,
                              .task = "load",
                              .at = created_at + 3s,
                              .rows = 1234};
    EXPECT_TRUE(ledger_->schedules().append_events({&event, 1}).ok());
    ledger::Attempt publish{.run = run.id,
                            .task = "publish",
                            .number = 1,
                            .state = ledger::AttemptState::Running,
                            .started_at = created_at + 3s};
    EXPECT_TRUE(ledger_->start_attempt(publish).ok());
    publish.state = ledger::AttemptState::Failed;
    publish.finished_at = created_at + 4s;
    publish.error = {{"fault", "external"},
                     {"code", "unavailable"},
                     {"message", fmt::format("no answer from {}", kUrlSecret)},
                     {"place", {{"file", "pipelines/sales.yml"}, {"line", 6}, {"column", 3}}}};
    EXPECT_TRUE(ledger_->finish_attempt(publish).ok());
    EXPECT_TRUE(ledger_
                    ->save_check({.run = run.id,
                                  .task = "load",
                                  .check = "ids",
                                  .severity = "warn",
                                  .passed = false,
                                  .rows_checked = 9,
                                  .rows_failed = 2,
                                  .detail = "2 of 9"})
                    .ok());
    EXPECT_TRUE(ledger_->set_run_state(run.id, ledger::RunState::Failed, created_at + 4s, "publish: no answer").ok());
    return run.id.text();
  }

  std::filesystem::path folder_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<services::Supervisor> supervisor_;
  std::unique_ptr<FakeScheduler> scheduler_;
  std::unique_ptr<Server> server_;
  net::HttpClient client_;
  std::string cookie_;
};

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

// Where a route with names leads in the planted ledger.
std::string filled(std::string path, const std::string& run) {
  const std::map<std::string, std::string> values{
      {"{run}", run},          {"{task}", "load"},   {"{check}", "ids"},  {"{pipeline}", "sales"},
      {"{connection}", "crm"}, {"{table}", "sales"}, {"{backfill}", "b1"}};
  for (const auto& [name, value] : values) {
    if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
  }
  return path;
}

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
        if (parameter["in"] == "path")
          EXPECT_NE(path.find("{" + parameter["name"].get<std::string>() + "}"), std::string::npos);
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
  EXPECT_GE(asked, 25);
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

TEST_F(ServerTest, ShowsARunWithItsStepsAndReasons) {
  const auto earlier = plant_run(system_clock().now() - 1h);
  const auto run = plant_run(system_clock().now());
  start();
  const auto detail = get("/runs/" + run).json();
  EXPECT_EQ(detail["state"], "failed");
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

TEST_F(ServerTest, LetsEverybodyDoWhatTheirRoleAllows) {
  start();
  add_user("ann", "admin");
  // From now on nobody is let in without a name.
  EXPECT_EQ(get("/runs").status, 401);
  EXPECT_EQ(send("GET", "/metrics").status, 401);
  EXPECT_EQ(get("/session").json()["user"], nullptr);
  EXPECT_EQ(get("/session").json()["project"], nullptr);
  sign_in("ann");
  EXPECT_EQ(get("/session").json()["user"]["role"], "admin");
  add_user("vic", "viewer");
  add_user("olga", "operator");
  sign_in("vic");
  EXPECT_EQ(get("/runs").status, 200);
  EXPECT_EQ(get("/users").status, 403);
  EXPECT_EQ(get("/audit").status, 403);
  for (const auto* path : {"/pipelines/sales/runs", "/pipelines/sales/pause", "/runs/x/cancel", "/backfills/b1/pause",
                           "/connections/crm/test"})
    EXPECT_EQ(change("POST", path).status, 403) << path;
  EXPECT_TRUE(scheduler_->requests.empty());
  sign_in("olga");
  EXPECT_EQ(change("POST", "/pipelines/sales/runs").status, 201);
  EXPECT_EQ(scheduler_->requests.front().by, "olga");
  EXPECT_EQ(change("POST", "/users", {{"name", "eve"}, {"password", "correct horse"}, {"role", "admin"}}).status, 403);
  EXPECT_EQ(change("DELETE", "/session").status, 204);
  EXPECT_EQ(get("/runs").status, 401);
}

TEST_F(ServerTest, RefusesChangesThatOtherSitesSend) {
  start();
  EXPECT_EQ(send("POST", "/api/v1/pipelines/sales/runs").status, 403);
  EXPECT_EQ(send("POST", "/api/v1/pipelines/sales/runs", nullptr,
                 {{"X-Weir-Request", "1"}, {"Origin", "http://evil.example.com"}})
                .status,
            403);
  EXPECT_EQ(send("GET", "/api/v1/runs", nullptr, {{"Host", "evil.example.com"}}).status, 421);
  EXPECT_EQ(send("GET", "/", nullptr, {{"Host", "evil.example.com"}}).status, 421);
  EXPECT_TRUE(scheduler_->requests.empty());
}

TEST_F(ServerTest, GivesTokensOnceAndTakesThem) {
  start();
  add_user("ann", "admin");
  sign_in("ann");
  const auto made = change("POST", "/tokens", {{"name", "ci"}, {"role", "operator"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string token = made.json()["token"];
  EXPECT_EQ(get("/tokens").text.find(token), std::string::npos);
  cookie_.clear();
  const auto triggered = send("POST", "/api/v1/pipelines/sales/runs", nullptr, {{"Authorization", "Bearer " + token}});
  EXPECT_EQ(triggered.status, 201) << triggered.text;
  EXPECT_EQ(triggered.json()["trigger"]["kind"], "api");
  EXPECT_EQ(send("GET", "/api/v1/users", nullptr, {{"Authorization", "Bearer " + token}}).status, 403);
  EXPECT_EQ(
      send("POST", "/api/v1/tokens", {{"name", "more"}, {"role", "admin"}}, {{"Authorization", "Bearer " + token}})
          .status,
      403);
  sign_in("ann");
  EXPECT_EQ(change("DELETE", "/tokens/" + made.json()["id"].get<std::string>()).status, 204);
  cookie_.clear();
  EXPECT_EQ(send("GET", "/api/v1/runs", nullptr, {{"Authorization", "Bearer " + token}}).status, 401);
  // Neither the token nor a cookie lies in the store.
  const auto stored = *read_file(state() / "access.sqlite3") + *read_file(state() / "access.sqlite3-wal");
  EXPECT_EQ(stored.find(token), std::string::npos);
  EXPECT_EQ(stored.find("correct horse"), std::string::npos);
}

TEST_F(ServerTest, SlowsDownWhoGuessesPasswords) {
  start();
  add_user("ann", "admin");
  Reply last;
  for (int i = 0; i < 6; ++i) last = change("POST", "/session", {{"name", "ann"}, {"password", "wrong guess"}});
  EXPECT_EQ(last.status, 429);
  EXPECT_TRUE(last.headers.find("Retry-After"));
}

TEST_F(ServerTest, NotesEveryChange) {
  start();
  add_user("ann", "admin");
  (void)change("POST", "/session", {{"name", "ann"}, {"password", "wrong guess"}});
  (void)change("POST", "/session", {{"name", "my-password"}, {"password", "wrong guess"}});
  sign_in("ann");
  ASSERT_EQ(change("POST", "/pipelines/sales/runs").status, 201);
  const auto entries = get("/audit").json()["items"];
  std::vector<std::string> actions;
  for (const auto& entry : entries)
    actions.push_back(fmt::format("{} {} {}", entry["user"].get<std::string>(), entry["action"].get<std::string>(),
                                  entry["object"].get<std::string>()));
  EXPECT_EQ(actions, (std::vector<std::string>{"ann run.trigger sales", "ann session.start ",
                                               "(unknown) session.start ", "ann session.start ", "local user.add "}));
  EXPECT_EQ(entries[4]["detail"], "admin ann");
  EXPECT_EQ(entries[0]["address"], "127.0.0.1");
}

TEST_F(ServerTest, OpensNothingToOthersWithoutAUser) {
  ServerOptions options;
  options.host = "0.0.0.0";
  const auto refused = try_start(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().hint(), "make one first: weir user add NAME --role admin");
  ASSERT_TRUE((*ledger::AccessStore::open(state()))
                  ->add_user({.name = "ann", .role = ledger::Role::Admin, .created_at = system_clock().now()})
                  .ok());
  EXPECT_TRUE(try_start(options).ok());
}

TEST_F(ServerTest, RunsStatementsWithTheRightsOfTheirUser) {
  start();
  const auto rights = [&] { return change("POST", "/query", {{"connection", "crm"}, {"sql", "SELECT 1"}}).json(); };
  EXPECT_EQ(rights()["rows"], Json::array({Json::array({2})}));
  EXPECT_EQ(change("POST", "/query", {{"connection", "crm"}, {"sql", "SELECT 1; SELECT 2"}}).status, 400);
  add_user("ann", "admin");
  sign_in("ann");
  add_user("vic", "viewer");
  sign_in("vic");
  EXPECT_EQ(rights()["rows"], Json::array({Json::array({1})}));
  EXPECT_EQ(get("/query/history").json()["items"].size(), 1U);
  EXPECT_EQ(change("DELETE", "/query/nothing").status, 404);
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
  const auto id = first.substr(4, first.find('\n') - 4);
  feed.publish("sales", engine::LogEvent{.run = record.id,
                                         .task = "load",
                                         .attempt = 1,
                                         .line = 5,
                                         .text = {system_clock().now(), LogLevel::Info, "planted-password"}});
  feed.publish("other", engine::PipelineEvent{"other"});
  EXPECT_NE(one.event("log").find("\"text\":\"***\""), std::string::npos);
  // Without ?run= no lines come, so the pipeline's event is the next.
  EXPECT_NE(all.read_until("\n\n").find("event: pipeline\ndata: {\"pipeline\":\"other\"}"), std::string::npos);
  EventClient again{server_->port(), "/api/v1/events", "Last-Event-ID: " + id + "\r\n"};
  EXPECT_NE(again.event("pipeline").find("other"), std::string::npos);
  // More than the feed keeps: the client has to look anew.
  for (int i = 0; i < 200; ++i) feed.publish("other", engine::PipelineEvent{"other"});
  EventClient late{server_->port(), "/api/v1/events?after=" + id};
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

TEST_F(ServerTest, TellsNobodyTheSecretsOfConnections) {
  const auto run = plant_run(system_clock().now());
  scheduler_->mistakes.push_back(Error::user(Code::InvalidProject, "not a url: {}", kUrlSecret));
  start();
  const auto document = get("/openapi.json").json();
  std::string everything;
  for (const auto& [path, operations] : document["paths"].items()) {
    if (operations.contains("get") && path != "/events")
      everything += get(filled(path, run) + (path == "/runs/{run}/compare" ? "?with=" + run : "")).text;
  }
  everything += change("POST", "/connections/crm/test").text;
  everything += change("POST", "/query", {{"connection", "crm"}, {"sql", "SELECT 'planted-password'"}}).text;
  everything += get("/query/history").text + get("/audit").text;
  for (const auto* path : {"/", "/metrics", "/healthz", "/readyz", "/runs"}) everything += send("GET", path).text;
  EXPECT_NE(everything.find("no answer from ***"), std::string::npos);
  EXPECT_NE(everything.find("slow: ***"), std::string::npos);
  for (const auto& secret : kPlanted) {
    EXPECT_EQ(everything.find(secret), std::string::npos) << secret;
    const auto quoted = to_text(Json(secret));
    EXPECT_EQ(everything.find(quoted.substr(1, quoted.size() - 2)), std::string::npos) << secret;
  }
  const auto fields = get("/connections").json()["items"][0]["fields"];
  EXPECT_EQ(fields[0]["value"], nullptr);
  EXPECT_EQ(fields[0]["set"], true);
  EXPECT_EQ(fields[3]["value"]["Authorization"], "***");
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
    for (const auto* ending : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(ending) && typed.contains(name.substr(0, name.size() - std::strlen(ending))))
        name.resize(name.size() - std::strlen(ending));
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
    EXPECT_NE(policy.find("default-src 'none'; script-src 'self';"), std::string::npos);
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
