#include <algorithm>
#include <map>

#include "base/clock.hpp"
#include "serve_fixture.hpp"

// What runs tell others: the tables that they have written, and the events by which other pipelines start.
namespace weir {
namespace {

using testing::eventually;

class Events : public testing::Serve {
 protected:
  // A pipeline that writes a table, and one that comes after it. Nothing opens the connection.
  void SetUp() override {
    write("weir.yml",
          "name: served\nconnections:\n  shop: {type: clickhouse, managed: true}\nenvironments:\n  dev: {}\n");
    write("pipelines/load.yml",
          "schedule: {cron: \"0 6 * * *\", timezone: Europe/Moscow}\nconcurrency: 2\ntasks:\n"
          "  one: {writes: [shop.orders], command: \"true\"}\n  two: {needs: [one], command: \"true\"}\n");
    write("pipelines/marts.yml", "after: [shop.orders]\ntasks:\n  note: {command: \"true\"}\n");
  }
  Json history() { return get("/tables/shop/orders")["history"]; }
  std::size_t ended(const std::string& pipeline) const { return count(pipeline, "succeeded"); }
};

// `weir run` by itself is as good a run as one of `weir serve`.
TEST_F(Events, WhatRanAloneIsKnownWhenServingStarts) {
  const auto ran = project_.run({"run", "load", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const auto id = runs("load").front()["run"].get<std::string>();
  start();
  ASSERT_TRUE(eventually([&] { return ended("marts") == 1; }));
  const auto marts = get("/runs/" + runs("marts").front()["run"].get<std::string>());
  ASSERT_EQ(marts["events_consumed"].size(), 1U) << marts;
  EXPECT_EQ(marts["events_consumed"][0]["source"], "shop.orders");
  EXPECT_EQ(marts["events_consumed"][0]["run"], id);
  const auto tables = get("/overview")["tables"];
  ASSERT_EQ(tables.size(), 1U) << tables;
  EXPECT_EQ(tables[0]["table"], "orders");
  EXPECT_EQ(tables[0]["written_by"]["run"], id);
  EXPECT_TRUE(get("/tables")["items"][0]["written_at"].is_string());
}

// A run of one environment neither sets off nor freshens what belongs to another.
TEST_F(Events, EnvironmentsDoNotMix) {
  ASSERT_EQ(project_.run({"run", "load", "--env", "dev"}).exit_code, 0);
  start();
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return ended("marts") == 1; }));
  const auto marts = get("/runs/" + runs("marts").front()["run"].get<std::string>());
  EXPECT_EQ(marts["events_consumed"].size(), 1U) << marts;
  EXPECT_EQ(history().size(), 1U);
}

// What runs again writes again, though nothing follows from it a second time.
TEST_F(Events, EveryWriteIsInTheCatalogue) {
  start();
  ASSERT_EQ(project_.run({"backfill", "load", "--from", "2026-01-01", "--to", "2026-01-04"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return ended("load") == 2; }));
  EXPECT_EQ(history().size(), 2U);
  EXPECT_EQ(runs("marts").size(), 0U);
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return ended("marts") == 1; }));
  const auto id = runs("load").front()["run"].get<std::string>();
  const auto first = history()[0]["at"].get<std::string>();
  // A run that succeeded has nothing to go on with, but a task of it and what follows may be done again.
  EXPECT_EQ(project_.run({"retry", id}).exit_code, 2);
  EXPECT_EQ(project_.run({"retry", id, "--from", "one"}).exit_code, 0);
  ASSERT_EQ(history().size(), 4U);
  EXPECT_EQ(history()[0]["run"], id);
  EXPECT_GT(history()[0]["at"].get<std::string>(), first);
  const auto run = get("/runs/" + id);
  for (const auto& step : run["steps"]) EXPECT_EQ(step["attempts"].size(), 2U) << step["name"];
  EXPECT_EQ(run["events_made"].size(), 2U);
  // The same over the API.
  post("/runs/" + id + "/retry");
  EXPECT_EQ(status_, 400);
  post("/runs/" + id + "/retry", {{"from", "two"}});
  EXPECT_EQ(status_, 200);
  ASSERT_TRUE(eventually([&] { return get("/runs/" + id)["state"] == "succeeded"; }));
  const auto after = get("/runs/" + id);
  for (const auto& step : after["steps"])
    EXPECT_EQ(step["attempts"].size(), step["name"] == "two" ? 3U : 2U) << step["name"];
  EXPECT_EQ(runs("marts").size(), 1U);
  // With downstream a backfill sets off what comes after.
  ASSERT_EQ(
      project_.run({"backfill", "load", "--from", "2026-01-01", "--to", "2026-01-04", "--mode", "all", "--downstream"})
          .exit_code,
      0);
  ASSERT_TRUE(eventually([&] { return ended("load") == 5; }));
  ASSERT_TRUE(eventually([&] { return ended("marts") >= 2; }));
}

TEST_F(Events, RetriesFromATaskWithoutAServer) {
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  const auto refused = project_.run({"retry"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("there is nothing to retry"), std::string::npos) << refused.err;
  ASSERT_EQ(project_.run({"retry", "--from", "two"}).exit_code, 0);
  std::map<std::string, int> tries;
  const auto run = run_of("last");
  for (const auto& attempt : run["attempts"]) ++tries[attempt["task"]];
  EXPECT_EQ(tries, (std::map<std::string, int>{{"one", 1}, {"two", 2}}));
}

// Items of a for_each that succeeded are done again too, when somebody asks for their task.
TEST_F(Events, ARetryFromATaskRepeatsItsItems) {
  write("pipelines/each.yml",
        "tasks:\n  each: {for_each: \"{{ [1, 2, 3] }}\", command: \"echo {{ item }} >> items\"}\n");
  ASSERT_EQ(project_.run({"run", "each"}).exit_code, 0);
  ASSERT_EQ(project_.run({"retry", "--from", "each"}).exit_code, 0);
  EXPECT_EQ(lines_of("items").size(), 6U);
}

// The same interval whoever runs it.
TEST_F(Events, AManualRunHasTheSchedulesInterval) {
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  start();
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  const auto made = runs("load");
  ASSERT_EQ(made.size(), 2U);
  ASSERT_TRUE(made[0]["interval_from"].is_string()) << made[0];
  // Six o'clock in Moscow; the test may run across it.
  for (const auto& run : made) {
    EXPECT_EQ(run["interval_to"].get<std::string>().substr(11, 5), "03:00") << run;
    EXPECT_EQ(
        *parse_instant(run["interval_to"].get<std::string>()) - *parse_instant(run["interval_from"].get<std::string>()),
        std::chrono::hours{24});
  }
}

// Whoever changes something beside the server is in the same log as those who do it in the browser.
TEST_F(Events, TheCommandLineIsAudited) {
  start();
  ASSERT_EQ(project_.run({"run", "load"}).exit_code, 0);
  const auto id = runs("load").front()["run"].get<std::string>();
  ASSERT_EQ(project_.run({"retry", id, "--from", "two"}).exit_code, 0);
  ASSERT_EQ(project_.run({"cancel", id}).exit_code, 2);  // it has ended: nothing was changed
  ASSERT_EQ(project_.run({"backfill", "load", "--from", "2026-01-01", "--to", "2026-01-03", "--preview"}).exit_code, 0);
  ASSERT_EQ(project_.run({"backfill", "load", "--from", "2026-01-01", "--to", "2026-01-03"}).exit_code, 0);
  const auto backfill = get("/pipelines/load/backfills")["items"][0]["id"].get<std::string>();
  ASSERT_TRUE(eventually([&] { return get("/backfills/" + backfill)["state"] == "done"; }));
  EXPECT_EQ(project_.run({"backfill", "--cancel", backfill}).exit_code, 2);
  std::vector<std::string> found;
  const auto audit = get("/audit");
  for (const auto& entry : audit["items"]) {
    EXPECT_EQ(entry["address"], "command line") << entry;
    EXPECT_EQ(entry["user"], run_of(id)["triggered_by"]) << entry;
    found.push_back(fmt::format("{} {} {}", entry["action"].get<std::string>(), entry["object"].get<std::string>(),
                                entry["detail"].get<std::string>()));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"backfill.create load " + backfill, "run.retry " + id + " two",
                                             "run.trigger load " + id}));
}

// Nobody says what is written: a copy writes where it goes to, and a model its table.
class InferredTables : public testing::Serve {
 protected:
  void SetUp() override {
    write("weir.yml",
          "name: served\nconnections:\n  shop: {type: postgres, managed: true}\ndefaults: {models: shop}\n");
    write("orders.csv", "id,amount\n1,10\n2,20\n");
    write("models/large_orders.sql",
          "{{ config(materialized='table') }} select id from {{ source('shop', 'orders') }} where cast(amount as "
          "integer) > 15\n");
    write("models/sources.yml", "sources: [{name: shop, schema: public, tables: [{name: orders}]}]\n");
    write("pipelines/load.yml",
          "tasks:\n  orders: {copy: {from: orders.csv, to: shop.orders, mode: replace}}\n"
          "  large: {needs: [orders], model: {select: large_orders}}\n");
    write("pipelines/after_copy.yml", "after: [shop.orders]\ntasks: {note: {command: \"true\"}}\n");
    write("pipelines/after_model.yml", "after: [shop.large_orders]\ntasks: {note: {command: \"true\"}}\n");
    write("pipelines/after_both.yml", "after: [shop.orders, shop.large_orders]\ntasks: {note: {command: \"true\"}}\n");
  }
};

TEST_F(InferredTables, SetOffWhatComesAfterThem) {
  start();
  const std::string load = post("/pipelines/load/runs")["id"];
  const std::map<std::string, std::vector<std::string>> expected{
      {"after_copy", {"shop.orders orders"}},
      {"after_model", {"shop.large_orders large/large_orders"}},
      {"after_both", {"shop.large_orders large/large_orders", "shop.orders orders"}}};
  for (const auto& [pipeline, events] : expected) {
    SCOPED_TRACE(pipeline);
    ASSERT_TRUE(eventually([&] { return count(pipeline, "succeeded") == 1; })) << run_of(load);
    const auto run = get("/runs/" + runs(pipeline).front()["run"].get<std::string>());
    EXPECT_EQ(run["trigger"]["kind"], "dataset");
    std::vector<std::string> consumed;
    for (const auto& event : run["events_consumed"]) {
      EXPECT_EQ(event["run"], load);
      consumed.push_back(event["source"].get<std::string>() + " " + event["task"].get<std::string>());
    }
    std::ranges::sort(consumed);
    EXPECT_EQ(consumed, events) << run;
  }
  EXPECT_EQ(count("load", "succeeded"), 1U);
  EXPECT_EQ(runs().size(), 4U);
}

}  // namespace
}  // namespace weir
