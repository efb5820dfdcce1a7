#include "web/server_fixture.hpp"

// Who may do what, and what nobody may see.
namespace weir::web {
namespace {

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

TEST_F(ServerTest, LetsUsersChangeTheirOwnPassword) {
  start();
  add_user("ann", "admin");
  sign_in("ann");
  const auto before = cookie_;
  EXPECT_EQ(change("POST", "/session/password", {{"old", "wrong guess"}, {"new", "battery staple"}}).status, 403);
  EXPECT_EQ(change("POST", "/session/password", {{"old", "correct horse"}, {"new", "short"}}).status, 400);
  const auto changed = change("POST", "/session/password", {{"old", "correct horse"}, {"new", "battery staple"}});
  EXPECT_EQ(changed.status, 204);
  EXPECT_EQ(get("/runs").status, 401);
  const auto cookie = std::string{changed.headers.find("Set-Cookie").value_or("")};
  cookie_ = cookie.substr(0, cookie.find(';'));
  EXPECT_NE(cookie_, before);
  EXPECT_EQ(get("/runs").status, 200);
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
  // Settings that are only tried: their secrets are as safe, and templates would tell of this process's environment.
  const auto try_url = [&](const std::string& url) {
    return change("POST", "/connectors/fake/test", {{"settings", {{"url", url}, {"password", "typed-in-secret"}}}});
  };
  EXPECT_EQ(try_url("fake://there").json()["ok"], true);
  const auto failed = try_url("refuse").json();
  EXPECT_EQ(failed["ok"], false);
  EXPECT_EQ(failed["error"]["message"], "the server does not know the password ***");
  EXPECT_EQ(get("/audit").text.find("typed-in-secret"), std::string::npos);
  const auto refused =
      change("POST", "/connectors/fake/test", {{"settings", {{"url", "{{ env.WEIR_TEST_PASSWORD }}"}}}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.text.find("not templates"), std::string::npos) << refused.text;
  EXPECT_EQ(change("POST", "/connectors/fake/test", {{"settings", {{"ulr", "x"}}}}).status, 400);
  EXPECT_EQ(change("POST", "/connectors/none/test", {{"settings", Json::object()}}).status, 404);
  const auto connector = get("/connectors").json()["items"][0];
  EXPECT_EQ(connector["name"], "fake");
  EXPECT_EQ(connector["fields"].size(), registry().all().front().settings.size());
  const auto fields = get("/connections").json()["items"][0]["fields"];
  EXPECT_EQ(fields[0]["value"], nullptr);
  EXPECT_EQ(fields[0]["set"], true);
  EXPECT_EQ(fields[3]["value"]["Authorization"], "***");
}

}  // namespace
}  // namespace weir::web
