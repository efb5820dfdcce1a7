#pragma once

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
#include "net/http_client.hpp"
#include "net/url.hpp"
#include "web/fake_scheduler.hpp"
#include "web/reply.hpp"
#include "web/schema.hpp"
#include "web/server.hpp"

// For the tests of this folder: the whole server over real sockets. What it shows lies in a real ledger, what it starts is a
// fake scheduler's.
namespace weir::web {

using namespace std::chrono_literals;

inline constexpr std::string_view kUrlSecret = "fake://ann:planted-in-url@127.0.0.1/shop";
inline constexpr std::string_view kPlanted[] = {"planted-in-url", "planted-password", "planted \"quoted\" one"};

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

inline const models::FakeDialect& dialect() {
  static const models::FakeDialect kMade{"postgres"};
  return kMade;
}

inline flow::Connector fake_connector() {
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
    const auto& settings = context.connection.settings;
    if (settings.text("url") == "refuse") {
      return Error::external(Code::AccessDenied, "the server does not know the password {}",
                             settings.secret("password").reveal());
    }
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

inline const flow::Registry& registry() {
  static const flow::Registry kMade{{fake_connector()}};
  return kMade;
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
             const std::vector<std::pair<std::string, std::string>>& headers = {}) {
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
    const ledger::TableWrite write{
        .at = event.at, .table = event.source, .pipeline = pipeline, .task = "load", .run = run.id, .rows = event.rows};
    EXPECT_TRUE(ledger_->schedules().record_writes({&write, 1}).ok());
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

// Where a route with names leads in the planted ledger.
inline std::string filled(std::string path, const std::string& run) {
  const std::map<std::string, std::string> values{
      {"{run}", run},          {"{task}", "load"},   {"{check}", "ids"},  {"{pipeline}", "sales"},
      {"{connection}", "crm"}, {"{table}", "sales"}, {"{backfill}", "b1"}};
  for (const auto& [name, value] : values) {
    if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
  }
  return path;
}

}  // namespace weir::web
