#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <sstream>

#include "base/file.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/test_certificate.hpp"
#include "weir_program.hpp"

// `weir serve` as its users have it: the real binary, the sales example on its own databases, requests over real sockets.
namespace weir {
namespace {

using namespace std::chrono_literals;
using testing::TestProject;

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string text;
  Json json() const {
    auto parsed = parse_json(text);
    return parsed.ok() ? *parsed : Json("not JSON: " + text);
  }
};

// A serving project, stopped at the end.
class Serving {
 public:
  explicit Serving(const TestProject& project, std::vector<std::string> more = {}) {
    int ends[2] = {-1, -1};
    WEIR_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    Descriptor writing{ends[1]};
    const Descriptor reading{ends[0]};
    services::ProcessSpec spec;
    spec.program = WEIR_BINARY;
    spec.arguments = {"serve", "--port", "0", "--no-schedules"};
    spec.arguments.insert(spec.arguments.end(), more.begin(), more.end());
    spec.folder = project.folder();
    spec.environment = {{"WEIR_PLANTED", "planted-in-the-environment"}, {"OPENLINEAGE_API_KEY", "planted-lineage-key"}};
    spec.stdout_fd = writing.get();
    spec.stderr_fd = STDERR_FILENO;
    auto started = services::Process::spawn(spec);
    WEIR_CHECK(started.ok());
    process_.emplace(std::move(*started));
    writing.reset();
    char letter = 0;
    std::string said;
    while (said.find("http") == std::string::npos || !said.ends_with('\n')) {
      if (::read(reading.get(), &letter, 1) != 1) break;
      said += letter;
    }
    const auto at = said.find("http");
    EXPECT_NE(at, std::string::npos) << said;
    if (at != std::string::npos) address_ = said.substr(at, said.find_first_of(" \n", at) - at);
  }
  ~Serving() { process_->stop(20s, SIGTERM); }

  Reply send(const std::string& method, const std::string& path, const Json& body = nullptr) {
    net::HttpRequest request;
    request.method = method;
    request.url = address_ + path;
    request.headers.add("X-Weir-Request", "1");
    request.ca_file = ca_file;
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
    auto answer = client_.fetch(request, body.is_null() ? std::string{} : to_text(body), {});
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().text());
    if (!answer.ok()) return {};
    everything += answer->second;
    return {answer->first.status, answer->first.headers, answer->second};
  }
  Reply get(const std::string& path) { return send("GET", "/api/v1" + path); }
  Reply post(const std::string& path, const Json& body = nullptr) { return send("POST", "/api/v1" + path, body); }

  // The run's state once it has ended, as the live events tell.
  std::string wait_for(const std::string& run) {
    net::HttpClient client;
    net::HttpRequest request;
    request.url = address_ + "/api/v1/events?run=" + run;
    if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
    request.timeouts.silence = 120s;
    auto stream = client.open(request, {});
    EXPECT_TRUE(stream.ok() && (*stream)->response({}).ok());
    std::string state;
    const auto look = [&] { return state = get("/runs/" + run).json()["state"]; };
    const auto ended = [&] { return state != "queued" && state != "running" && state != "cancelling"; };
    for (look(); !ended(); look()) {
      std::byte buffer[65536];
      const auto got = (*stream)->read(buffer, {});
      if (!got.ok() || *got == 0) break;
      events.append(reinterpret_cast<const char*>(buffer), *got);
    }
    return state;
  }

  const std::string& address() const { return address_; }

  std::string token;
  std::string ca_file;     // "" is the system's
  std::string everything;  // that was ever answered
  std::string events;

 private:
  std::optional<services::Process> process_;
  std::string address_;
  net::HttpClient client_;
};

std::string trigger(Serving& serving, const Json& body) {
  const auto made = serving.post("/pipelines/sales/runs", body);
  EXPECT_EQ(made.status, 201) << made.text;
  return made.json().value("id", "");
}

TEST(Web, RunsTheSalesPipelineAndShowsWhatItDid) {
  const TestProject project{"sales"};
  project.edit("weir.yml", "connections:",
               "connections:\n  crm: {type: postgres, url: \"postgres://ann:{{ env.WEIR_PLANTED }}@127.0.0.1:1/crm\"}");
  const auto lineage = project.folder() / "lineage.jsonl";
  Serving serving{project, {"--openlineage", lineage.string()}};
  EXPECT_EQ(serving.send("GET", "/healthz").status, 200);
  EXPECT_EQ(serving.send("GET", "/readyz").status, 200);
  const auto run = trigger(serving, {{"params", {{"rows", 20'000}}}});
  ASSERT_EQ(serving.wait_for(run), "succeeded") << serving.get("/runs/" + run).text;
  EXPECT_NE(serving.events.find("event: attempt\n"), std::string::npos);

  const auto detail = serving.get("/runs/" + run).json();
  for (const auto& step : detail["steps"]) EXPECT_EQ(step["state"], "succeeded") << step["name"];
  EXPECT_GT(detail["checks"].size(), 10U);
  EXPECT_EQ(detail["steps"][0]["attempts"][0]["rows_written"], 20'000);
  const auto log = serving.get("/runs/" + run + "/tasks/validate/logs").json();
  EXPECT_EQ(log["complete"], true);
  EXPECT_FALSE(log["lines"].empty());
  const auto sql = serving.get("/runs/" + run + "/tasks/clean%2Fclean_sales/sql").json();
  EXPECT_NE(sql["statements"][0]["sql"].get<std::string>().find("limit 1 by sale_id"), std::string::npos) << sql;

  // The catalogue and the database agree.
  const auto table = serving.get("/tables/warehouse/rejected_sales").json();
  EXPECT_EQ(table["unavailable"], nullptr);
  EXPECT_FALSE(table["columns"].empty());
  const auto counted =
      serving.post("/query", {{"connection", "warehouse"}, {"sql", "SELECT count() AS n FROM rejected_sales"}}).json();
  EXPECT_EQ(counted["columns"][0]["name"], "n");
  const auto rejected = counted["rows"][0][0];
  std::int64_t failed = 0;
  std::string rule;
  for (const auto& check : detail["checks"]) {
    if (check["severity"] == "quarantine" && check["rows_failed"].get<std::int64_t>() > failed) {
      failed = check["rows_failed"];
      rule = check["check"];
    }
  }
  EXPECT_GT(failed, 0);
  EXPECT_GE(rejected.get<std::int64_t>(), failed);
  const auto rows = serving.get("/runs/" + run + "/checks/validate/" + rule + "/rows").json();
  EXPECT_EQ(rows["rows"].size(), std::min<std::size_t>(100, static_cast<std::size_t>(failed))) << rule << rows;
  EXPECT_EQ(serving.get("/tables/shop/sales/sample?limit=3").json()["rows"].size(), 3U);
  EXPECT_EQ(serving.post("/connections/shop/test").json()["ok"], true);
  EXPECT_EQ(serving.post("/connections/crm/test").json()["ok"], false);
  EXPECT_NE(
      serving.send("GET", "/metrics").text.find("weir_runs_ended_total{pipeline=\"sales\",state=\"succeeded\"} 1\n"),
      std::string::npos);

  // Every page of the API, and not one secret: neither the planted one nor those of the managed databases.
  for (const auto* path : {"/session", "/overview", "/pipelines", "/pipelines/sales", "/pipelines/sales/grid",
                           "/pipelines/sales/calendar", "/runs", "/tables", "/connections", "/settings", "/users",
                           "/tokens", "/audit", "/query/history", "/openapi.json"}) {
    EXPECT_EQ(serving.get(path).status, 200) << path;
  }
  std::vector<std::string> secrets{"planted-in-the-environment"};
  for (const auto& entry : std::filesystem::directory_iterator(project.folder() / ".weir" / "services")) {
    if (entry.path().extension() == ".password") secrets.push_back(*read_file(entry.path()));
  }
  // The planted one, ClickHouse's and PostgreSQL's.
  EXPECT_EQ(secrets.size(), 3U);
  auto lines = *read_file(lineage);
  for (const auto& secret : secrets) {
    EXPECT_EQ((serving.everything + serving.events + lines).find(secret), std::string::npos) << secret;
  }

  // OpenLineage: each attempt began and ended, and what was written has its columns and rows.
  EXPECT_NE(lines.find("\"eventType\":\"START\""), std::string::npos);
  std::istringstream events{lines};
  bool found = false;
  for (std::string line; std::getline(events, line);) {
    const auto event = *parse_json(line);
    if (event["eventType"] != "COMPLETE" || event["job"]["name"] != "sales.load") continue;
    found = true;
    const auto& output = event["outputs"][0];
    EXPECT_TRUE(output["namespace"].get<std::string>().starts_with("postgres://")) << output;
    EXPECT_FALSE(output["facets"]["schema"]["fields"].empty()) << output;
    EXPECT_GT(output["outputFacets"]["outputStatistics"]["rowCount"], 0);
  }
  EXPECT_TRUE(found);
}

TEST(Web, ExplainsAFailureAndRetriesIt) {
  const TestProject project{"sales"};
  Serving serving{project};
  const auto run = trigger(serving, {{"params", {{"rows", 2'000}}}, {"select", {"load"}}});
  EXPECT_EQ(serving.wait_for(run), "failed");
  const auto detail = serving.get("/runs/" + run).json();
  EXPECT_EQ(detail["attempts_failed"], 1) << detail;
  EXPECT_FALSE(detail["steps"][0]["attempts"][0]["error"]["message"].get<std::string>().empty());
  EXPECT_EQ(serving.post("/runs/" + run + "/retry").status, 200);
  EXPECT_EQ(serving.wait_for(run), "failed");
  EXPECT_EQ(serving.get("/runs/" + run).json()["attempts_failed"], 2);
}

TEST(Web, LetsViewersOnlyRead) {
  const TestProject project{"sales"};
  Serving serving{project};
  const auto made = serving.post("/query", {{"connection", "shop"}, {"sql", "CREATE TABLE kept (id int)"}});
  ASSERT_EQ(made.status, 200) << made.text;
  ASSERT_EQ(serving
                .post("/query", {{"connection", "warehouse"},
                                 {"sql", "CREATE TABLE kept (id Int64) ENGINE = MergeTree ORDER BY id"}})
                .status,
            200);
  const auto token = serving.post("/tokens", {{"name", "viewer"}, {"role", "viewer"}}).json().value("token", "");
  ASSERT_EQ(serving.post("/users", {{"name", "ann"}, {"password", "correct horse"}, {"role", "admin"}}).status, 201);
  EXPECT_EQ(serving.get("/runs").status, 401);
  serving.token = token;
  EXPECT_EQ(serving.post("/pipelines/sales/runs").status, 403);
  for (const auto* connection : {"shop", "warehouse"}) {
    const auto ask = [&](const std::string& sql) {
      return serving.post("/query", {{"connection", connection}, {"sql", sql}});
    };
    EXPECT_EQ(ask("SELECT count(*) FROM kept").json()["rows"][0][0], 0) << connection;
    for (const auto* sql : {"INSERT INTO kept VALUES (1)", "DROP TABLE kept", "TRUNCATE TABLE kept"}) {
      const auto refused = ask(sql);
      EXPECT_GE(refused.status, 400) << connection << ": " << sql << refused.text;
    }
    EXPECT_EQ(ask("SELECT count(*) FROM kept").json()["rows"][0][0], 0) << connection;
  }
}

TEST(Web, OpensToOthersOnlyWithAUser) {
  const TestProject project{"sales"};
  const auto refused = project.run({"serve", "--bind", "0.0.0.0", "--port", "0"});
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_NE(refused.err.find("weir user add NAME --role admin"), std::string::npos) << refused.err;
  EXPECT_EQ(project.run({"user", "add", "ann"}).exit_code, 2);
  EXPECT_EQ(project.run({"user", "list"}).exit_code, 0);
}

TEST(Web, SpeaksTlsByItsFiles) {
  const TestProject project{"sales"};
  const auto files = net::make_certificate(project.folder(), "weir");
  EXPECT_EQ(project.run({"serve", "--port", "0", "--tls-cert", files.certificate.string()}).exit_code, 2);
  Serving serving{project, {"--tls-cert", files.certificate.string(), "--tls-key", files.key.string()}};
  EXPECT_TRUE(serving.address().starts_with("https://")) << serving.address();
  serving.ca_file = files.certificate.string();
  EXPECT_EQ(serving.get("/settings").json()["tls"], true);
  ASSERT_EQ(serving.post("/users", {{"name", "ann"}, {"password", "correct horse"}, {"role", "admin"}}).status, 201);
  const auto signed_in = serving.post("/session", {{"name", "ann"}, {"password", "correct horse"}});
  EXPECT_EQ(signed_in.status, 200) << signed_in.text;
  EXPECT_NE(std::string{signed_in.headers.find("Set-Cookie").value_or("")}.find("; Secure"), std::string::npos);
  // Without TLS the same port tells nothing.
  net::HttpClient client;
  net::HttpRequest plain;
  plain.url = "http" + serving.address().substr(std::string{"https"}.size()) + "/healthz";
  const auto answer = client.fetch(plain, {}, {});
  EXPECT_TRUE(!answer.ok() || answer->first.status != 200);
}

// A server that webhooks are sent to: it is busy the first time, as servers are.
class WebhookReceiver {
 public:
  WebhookReceiver() {
    net::HttpServerOptions options;
    options.port = 0;
    auto started = net::HttpServer::start(
        options, [this](net::IncomingRequest& request, net::ResponseWriter& response) { take(request, response); });
    WEIR_CHECK(started.ok());
    server_ = std::move(*started);
  }
  int port() const { return server_->port(); }
  // What has come once there are as many.
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock guard(mutex_);
    EXPECT_TRUE(changed_.wait_for(guard, 120s, [&] { return received_.size() >= count; })) << received_.size();
    return received_;
  }
  // The Authorization headers that have come.
  std::set<std::string> keys() {
    const std::lock_guard guard(mutex_);
    return keys_;
  }

 private:
  void take(net::IncomingRequest& request, net::ResponseWriter& response) {
    std::string text;
    std::vector<std::byte> buffer(4096);
    for (auto got = request.body.read(buffer); got.ok() && *got > 0; got = request.body.read(buffer))
      text.append(net::as_text(std::span(buffer).first(*got)));
    const std::lock_guard guard(mutex_);
    keys_.insert(std::string{request.headers.find("Authorization").value_or("")});
    received_.push_back(request.target + " " + text);
    changed_.notify_all();
    static_cast<void>(response.send(received_.size() == 1 ? 503 : 200, {}, ""));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> received_;
  std::set<std::string> keys_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST(Web, TellsWebhooksOfRetriesAndFailures) {
  WebhookReceiver receiver;
  const TestProject project;
  project.write("weir.yml", "name: told\n");
  project.write("pipelines/bad.yml",
                fmt::format("hooks:\n  - {{on: [retry, failure], webhook: \"http://127.0.0.1:{}/hook?key={{{{ "
                            "env.WEIR_PLANTED }}}}\", format: slack}}\n"
                            "retry: {{attempts: 2, delay: 10ms}}\ntasks:\n  one: {{command: \"exit 3\"}}\n",
                            receiver.port()));
  Serving serving{project};
  const auto made = serving.post("/pipelines/bad/runs");
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string run = made.json()["id"];
  EXPECT_EQ(serving.wait_for(run), "failed");
  // The one that was refused comes again: three deliveries of two messages.
  const auto received = receiver.wait_for(3);
  const auto count = [&](const std::string& words) {
    return std::ranges::count_if(received, [&](const auto& each) { return each.find(words) != std::string::npos; });
  };
  EXPECT_EQ(received.size(), 3U);
  EXPECT_EQ(std::ranges::count(received, received.front()), 2) << received.front();
  EXPECT_EQ(count("/hook?key=planted-in-the-environment {\"text\":"), 3) << received.front();
  EXPECT_EQ(count(run), 3) << received.front();
  EXPECT_GE(count("task one failed and is tried again in "), 1) << received.front();
  EXPECT_GE(count("*bad failed*"), 1) << received.front();
  // Where it went is a secret of the hook's.
  for (const auto* path : {"/overview", "/pipelines/bad", "/audit", "/settings"}) serving.get(path);
  EXPECT_EQ(serving.everything.find("planted-in-the-environment"), std::string::npos);
}

// A run's events to a server that is busy at first: none is lost, none comes before its turn, and the key stays a key.
TEST(Web, SendsLineageToAnEndpoint) {
  WebhookReceiver receiver;
  const TestProject project;
  project.write("weir.yml", "name: lineage\n");
  project.write("pipelines/one.yml", "tasks:\n  only: {command: \"true\"}\n");
  Serving serving{project, {"--openlineage", fmt::format("http://127.0.0.1:{}/api/v1/lineage", receiver.port())}};
  const auto made = serving.post("/pipelines/one/runs");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(serving.wait_for(made.json()["id"]), "succeeded");
  const auto received = receiver.wait_for(5);
  std::vector<std::string> told;
  for (const auto& each : received) {
    ASSERT_TRUE(each.starts_with("/api/v1/lineage {")) << each;
    const auto event = *parse_json(each.substr(each.find('{')));
    told.push_back(event["eventType"].get<std::string>() + " " + event["job"]["name"].get<std::string>());
  }
  EXPECT_EQ(told, (std::vector<std::string>{"START one", "START one", "START one.only", "COMPLETE one.only",
                                            "COMPLETE one"}));
  EXPECT_EQ(received[0], received[1]);
  EXPECT_EQ(receiver.keys(), std::set<std::string>{"Bearer planted-lineage-key"});
  for (const auto* path : {"/overview", "/settings", "/audit"}) serving.get(path);
  EXPECT_EQ((serving.everything + serving.events).find("planted-lineage-key"), std::string::npos);
}

}  // namespace
}  // namespace weir
