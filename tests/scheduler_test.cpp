#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "net/http_server.hpp"
#include "serve_fixture.hpp"

// `weir serve` with projects that need no database: schedules, events, backfills, limits, edits, crashes.
namespace weir {
namespace {

using testing::eventually;
using testing::Serve;

TEST_F(Serve, RunsWhatIsAskedBesideIt) {
  write("pipelines/hello.yml",
        "params: {who: world}\ntasks:\n  say: {command: \"echo hello {{ params.who }} >> said\"}\n");
  start();
  const auto ran = project_.run({"run", "hello", "-p", "who=weir", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(ran.event("step", "say")["state"], "succeeded");
  EXPECT_EQ(ran.event("run_finished")["state"], "succeeded");
  EXPECT_EQ(lines_of("said"), std::vector<std::string>{"hello weir"});
  const auto plain = project_.run({"run", "hello"});
  EXPECT_EQ(plain.exit_code, 0);
  EXPECT_NE(plain.out.find("succeeded"), std::string::npos) << plain.out;
  const auto unknown = project_.run({"run", "helo"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("did you mean hello?"), std::string::npos) << unknown.err;
  EXPECT_EQ(stop(SIGTERM).code, 0);
}

TEST_F(Serve, FiresSchedulesWithTheirIntervals) {
  write("pipelines/often.yml",
        "schedule: {cron: \"* * * * * *\"}\nconcurrency: 10\ntasks:\n"
        "  note: {command: \"echo {{ interval.from.text }} {{ interval.to.text }} >> fires\"}\n");
  start();
  ASSERT_TRUE(eventually([&] { return count("often", "succeeded") >= 4; }));
  stop(SIGTERM);
  std::set<std::string> intervals;
  for (const auto& line : lines_of("fires")) EXPECT_TRUE(intervals.insert(line).second) << line;
  const auto all = runs("often");
  for (const auto& run : all) EXPECT_EQ(run["trigger"], "schedule");
}

TEST_F(Serve, StartsWhatComesAfterAndListsTheEvents) {
  write("pipelines/first.yml", "tasks:\n  one: {command: \"true\"}\n");
  write("pipelines/second.yml", "tasks:\n  one: {command: \"true\"}\n");
  write("pipelines/any.yml", "after: {any: [first, second], batch: one_by_one}\ntasks:\n  one: {command: \"true\"}\n");
  write("pipelines/all.yml", "after: [first, second]\ntasks:\n  one: {command: \"true\"}\n");
  start();
  EXPECT_EQ(project_.run({"run", "first"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return count("any", "succeeded") == 1; }));
  EXPECT_EQ(runs("all").size(), 0U);
  EXPECT_EQ(project_.run({"run", "first"}).exit_code, 0);
  EXPECT_EQ(project_.run({"run", "second"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return count("any", "succeeded") == 3 && count("all", "succeeded") == 1; }));
  // A restart consumes nothing again.
  stop(SIGKILL);
  start();
  EXPECT_EQ(project_.run({"run", "second"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return count("any", "succeeded") == 4; }));
  EXPECT_EQ(runs("all").size(), 1U);
  EXPECT_EQ(runs("any").front()["trigger"], "dataset");
}

TEST_F(Serve, BackfillsARange) {
  write("pipelines/daily.yml",
        "schedule: {cron: \"0 6 * * *\"}\nconcurrency: 2\nparams: {fail: \"\"}\ntasks:\n"
        "  day: {command: \"echo {{ interval.from.date }} >> days; test {{ interval.from.date }} != 2026-01-03 || test "
        "-e mended\"}\n");
  start();
  const auto preview =
      project_.run({"backfill", "daily", "--from", "2026-01-01", "--to", "2026-01-06", "--preview", "--json"});
  ASSERT_EQ(preview.exit_code, 0) << preview.err;
  EXPECT_EQ((*parse_json(preview.out))["intervals"].size(), 4U);
  EXPECT_EQ(lines_of("days").size(), 0U);
  ASSERT_EQ(
      project_.run({"backfill", "daily", "--from", "2026-01-01", "--to", "2026-01-06", "--parallel", "2"}).exit_code,
      0);
  ASSERT_TRUE(eventually([&] { return count("daily", "succeeded") == 3 && count("daily", "failed") == 1; }));
  // Nothing is missing any more; the one that failed runs again.
  write("mended", "");
  ASSERT_EQ(project_.run({"backfill", "daily", "--from", "2026-01-01", "--to", "2026-01-06"}).exit_code, 0);
  ASSERT_EQ(
      project_.run({"backfill", "daily", "--from", "2026-01-01", "--to", "2026-01-06", "--mode", "failed"}).exit_code,
      0);
  ASSERT_TRUE(eventually([&] { return count("daily", "succeeded") == 4; }));
  EXPECT_EQ(lines_of("days").size(), 5U);
  const auto listed = parse_json(project_.run({"backfill", "--json"}).out);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 3U);
  EXPECT_TRUE(eventually([&] {
    const auto now = parse_json(project_.run({"backfill", "--json"}).out);
    return std::ranges::all_of(*now, [](const auto& backfill) { return backfill["state"] == "done"; });
  }));
}

TEST_F(Serve, KeepsTheLastGoodVersion) {
  write("pipelines/hello.yml", "tasks:\n  say: {command: \"echo one >> said\"}\n");
  start();
  EXPECT_EQ(project_.run({"run", "hello"}).exit_code, 0);
  write("pipelines/hello.yml", "tasks:\n  say: {comand: \"echo two >> said\"}\n");
  // The command line reads the broken file itself, so another pipeline is the witness that the edit has been noticed.
  write("pipelines/hello.yml", "tasks:\n  say: {command: \"echo three >> said\"}\n");
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(project_.run({"run", "hello"}).exit_code, 0);
    return lines_of("said").back() == "three";
  }));
}

TEST_F(Serve, HooksAreToldOnce) {
  write("pipelines/bad.yml",
        "hooks: [{on: [failure, recovery], command: \"echo $WEIR_EVENT $WEIR_RUN >> told\"}]\n"
        "tasks:\n  one: {command: \"test -e mended\"}\n");
  start();
  EXPECT_EQ(project_.run({"run", "bad"}).exit_code, 1);
  ASSERT_TRUE(eventually([&] { return lines_of("told").size() == 1; }));
  EXPECT_EQ(lines_of("told").front().substr(0, 8), "failure ");
  write("mended", "");
  EXPECT_EQ(project_.run({"run", "bad"}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return lines_of("told").size() == 2; }));
  EXPECT_EQ(lines_of("told").back().substr(0, 9), "recovery ");
}

// Two hundred tasks run; everything is killed; the next start brings every run to its end, no task has run twice at once,
// and a schedule that fires every second has fired once for each of them.
TEST_F(Serve, GoesOnAfterItWasKilled) {
  constexpr int kRuns = 10;
  constexpr int kTasks = 20;
  std::string many =
      "schedule: {cron: \"0 6 * * *\"}\nconcurrency: 10\nparallel: 20\nretry: {attempts: 3, delay: 100ms}\ntasks:\n";
  // A task holds a lock while it works: a second one at once would note that it could not take it.
  for (int i = 0; i < kTasks; ++i) {
    many += fmt::format(
        "  t{0}: {{command: \"touch begun.{{{{ run.id }}}}.{0}; flock -n lock.{{{{ run.id }}}}.{0} sleep 4 || echo {0} "
        ">> "
        "twice\"}}\n",
        i);
  }
  write("pipelines/many.yml", many);
  write("pipelines/tick.yml",
        "schedule: {cron: \"* * * * * *\"}\nconcurrency: 100\nretry: {attempts: 3, delay: 100ms}\ntasks:\n"
        "  one: {command: \"true\"}\n");
  const auto begun = [&] {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator{project_.folder()})
      found += entry.path().filename().string().starts_with("begun.") ? 1 : 0;
    return found;
  };
  start({"--parallel", "250"});
  ASSERT_TRUE(eventually([&] { return runs("tick").size() >= 3; }));
  ASSERT_EQ(
      project_.run({"backfill", "many", "--from", "2026-01-01", "--to", "2026-01-12", "--parallel", "10"}).exit_code,
      0);
  ASSERT_TRUE(eventually([&] { return begun() >= kRuns * kTasks; }));
  EXPECT_EQ(stop(SIGKILL).signal, SIGKILL);
  const auto before = runs("tick").size();
  start({"--parallel", "250"});
  ASSERT_TRUE(eventually([&] { return runs("tick").size() >= before + 5; }));
  ASSERT_TRUE(eventually([&] { return count("many", "succeeded") == kRuns; }, std::chrono::seconds{120}));
  write("pipelines/tick.yml", "tasks:\n  one: {command: \"true\"}\n");
  ASSERT_TRUE(eventually([&] { return count("tick", "succeeded") == runs("tick").size(); }));
  EXPECT_EQ(lines_of("twice"), std::vector<std::string>{});
  EXPECT_EQ(runs("many").size(), static_cast<std::size_t>(kRuns));
  // Each second is there once, from the first to the last.
  std::vector<Instant> fires;
  for (const auto& run : runs("tick")) fires.push_back(*parse_instant(run["interval_to"].get<std::string>()));
  std::ranges::sort(fires);
  for (std::size_t i = 1; i < fires.size(); ++i)
    EXPECT_EQ(fires[i] - fires[i - 1], std::chrono::seconds{1}) << format_instant(fires[i]);
}

// Orderly: what runs is ended and goes on at the next start, and that is no try of the one that it has.
TEST_F(Serve, GoesOnAfterItWasStopped) {
  write("pipelines/long.yml",
        "tasks:\n  one: {command: \"echo >> begun; test -e go || sleep 30\"}\n  two: {needs: [one], command: "
        "\"true\"}\n");
  start();
  auto client = project_.start_until({"run", "long", "--json"}, [](const Json& event) {
    return event.value("event", "") != "step" || event.value("state", "") != "running";
  });
  ASSERT_TRUE(eventually([&] { return lines_of("begun").size() == 1; }));
  EXPECT_EQ(stop(SIGTERM).code, 0);
  EXPECT_EQ(client.process.wait().code, 3);
  EXPECT_EQ(count("long", "queued"), 1U);
  write("go", "");
  start();
  ASSERT_TRUE(eventually([&] { return count("long", "succeeded") == 1; }));
  EXPECT_EQ(lines_of("begun").size(), 2U);
}

TEST_F(Serve, CancelsWhatRunsAndWhatWaits) {
  write("pipelines/long.yml", "tasks:\n  one: {command: \"sleep 30\"}\n");
  start();
  auto first = std::async(std::launch::async, [&] { return project_.run({"run", "long", "--json"}); });
  ASSERT_TRUE(eventually([&] { return count("long", "running") == 1; }));
  auto second = std::async(std::launch::async, [&] { return project_.run({"run", "long", "--json"}); });
  ASSERT_TRUE(eventually([&] { return count("long", "queued") == 1; }));
  std::map<std::string, std::string> ids;
  for (const auto& run : runs("long")) ids[run["state"]] = run["run"];
  EXPECT_EQ(project_.run({"cancel", ids["queued"]}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return count("long", "cancelled") == 1; }));
  EXPECT_EQ(project_.run({"cancel", ids["running"]}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return count("long", "cancelled") == 2; }));
  EXPECT_EQ(first.get().exit_code, 1);
  EXPECT_EQ(second.get().exit_code, 1);
}

TEST_F(Serve, RetriesWithTheOldCodeOrTheNew) {
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo old >> said; test -e mended\"}\n");
  start();
  EXPECT_EQ(project_.run({"run", "code"}).exit_code, 1);
  const auto failed = runs("code").front()["run"].get<std::string>();
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo new >> said; test -e mended\"}\n");
  EXPECT_EQ(project_.run({"retry", failed, "--code", "old"}).exit_code, 1);
  EXPECT_EQ(lines_of("said").back(), "old");
  write("mended", "");
  ASSERT_TRUE(eventually([&] {
    // The edit is noticed within a moment; until then the current code is the old one.
    const auto ran = project_.run({"run", "code"});
    return ran.exit_code == 0 && lines_of("said").back() == "new";
  }));
  EXPECT_EQ(project_.run({"retry", failed}).exit_code, 0);
  EXPECT_EQ(lines_of("said").back(), "new");
}

TEST_F(Serve, APausedPipelineFiresNothing) {
  for (const auto* name : {"paused", "witness"}) {
    write(fmt::format("pipelines/{}.yml", name),
          "schedule: {cron: \"* * * * * *\"}\nconcurrency: 100\ntasks:\n  one: {wait: {until: 1ms}}\n");
  }
  start();
  ASSERT_TRUE(eventually([&] { return runs("paused").size() >= 2; }));
  post("/pipelines/paused/pause");
  ASSERT_EQ(status_, 204);
  const auto before = runs("paused").size();
  const auto seen = runs("witness").size();
  ASSERT_TRUE(eventually([&] { return runs("witness").size() >= seen + 3; }));
  EXPECT_EQ(runs("paused").size(), before);
  // What somebody asks for still runs, and a restart forgets nothing.
  EXPECT_EQ(project_.run({"run", "paused"}).exit_code, 0);
  stop(SIGTERM);
  start();
  EXPECT_EQ(get("/pipelines/paused")["paused"], true);
  EXPECT_EQ(runs("paused").size(), before + 1);
  post("/pipelines/paused/resume");
  EXPECT_TRUE(eventually([&] { return runs("paused").size() >= before + 3; }));
}

TEST_F(Serve, ARepeatedRequestGivesTheSameRunAfterARestartToo) {
  write("pipelines/hello.yml", "tasks:\n  one: {command: \"true\"}\n");
  const auto ask = [&](const std::string& key) {
    net::Headers headers;
    headers.add("Idempotency-Key", key);
    const auto made = send("POST", "/pipelines/hello/runs", Json::object(), headers);
    EXPECT_EQ(status_, 201) << made;
    return made.value("id", "");
  };
  start();
  const auto first = ask("one");
  EXPECT_EQ(ask("one"), first);
  ASSERT_TRUE(eventually([&] { return count("hello", "succeeded") == 1; }));
  stop(SIGKILL);
  start();
  EXPECT_EQ(ask("one"), first);
  EXPECT_NE(ask("two"), first);
  EXPECT_EQ(runs("hello").size(), 2U);
}

// The clock is not turned; what the ledger says of the past is.
TEST_F(Serve, CatchesUpWithWhatWasMissedAsToldTo) {
  const auto far = std::chrono::floor<std::chrono::hours>(system_clock().now() + std::chrono::hours{12});
  const auto hour = std::chrono::hh_mm_ss{far - std::chrono::floor<std::chrono::days>(far)}.hours().count();
  const std::map<std::string, std::string> policies{{"none", ""},
                                                    {"newest", ", catchup: last"},
                                                    {"all", ", catchup: all"},
                                                    {"some", ", catchup: all, catchup_limit: 2"}};
  for (const auto& [name, policy] : policies) {
    write(
        fmt::format("pipelines/{}.yml", name),
        fmt::format("schedule: {{cron: \"0 {} * * *\"{}}}\nconcurrency: 10\ntasks:\n  one: {{wait: {{until: 1ms}}}}\n",
                    hour, policy));
  }
  start();
  stop(SIGTERM);
  EXPECT_EQ(runs().size(), 0U);
  sqlite3* ledger = nullptr;
  ASSERT_EQ(sqlite3_open((project_.folder() / ".weir" / "ledger.sqlite3").c_str(), &ledger), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(ledger, "UPDATE schedule_marks SET until_us = until_us - 5 * 86400000000", nullptr, nullptr,
                         nullptr),
            SQLITE_OK);
  EXPECT_EQ(sqlite3_changes(ledger), 4);
  sqlite3_close(ledger);
  start();
  ASSERT_TRUE(eventually([&] { return count("", "succeeded") == 8; })) << Json(runs());
  const std::map<std::string, std::size_t> expected{{"none", 0}, {"newest", 1}, {"all", 5}, {"some", 2}};
  std::set<std::string> newest;
  for (const auto& [name, number] : expected) {
    const auto made = runs(name);
    ASSERT_EQ(made.size(), number) << name;
    std::set<std::string> ends;
    for (const auto& run : made) ends.insert(run["interval_to"].get<std::string>());
    EXPECT_EQ(ends.size(), number) << name;
    if (number != 0) newest.insert(*ends.rbegin());
  }
  EXPECT_EQ(newest.size(), 1U);
  // Once: the next start finds nothing missed.
  stop(SIGKILL);
  start();
  EXPECT_EQ(runs().size(), 8U);
}

TEST_F(Serve, ABackfillIsPausedResumedAndCancelled) {
  const auto far = std::chrono::floor<std::chrono::hours>(system_clock().now() + std::chrono::hours{12});
  const auto hour = std::chrono::hh_mm_ss{far - std::chrono::floor<std::chrono::days>(far)}.hours().count();
  write("pipelines/daily.yml", fmt::format("schedule: {{cron: \"0 {} * * *\"}}\nconcurrency: 5\ntasks:\n"
                                           "  day: {{command: \"until test -e go; do sleep 0.05; done\"}}\n",
                                           hour));
  start();
  const auto next = get("/pipelines/daily")["next_fire"];
  ASSERT_TRUE(next.is_string());
  const auto made = post("/pipelines/daily/backfills",
                         {{"from", "2026-01-01T00:00:01Z"}, {"to", "2026-01-07T00:00:00Z"}, {"parallel", 2}});
  ASSERT_EQ(status_, 200) << made;
  ASSERT_EQ(made["intervals"].size(), 5U);
  const auto backfill = "/backfills/" + made["id"].get<std::string>();
  const auto made_runs = [&] {
    const auto intervals = get(backfill)["intervals"];
    return std::ranges::count_if(intervals, [](const auto& interval) { return interval["run"].is_string(); });
  };
  ASSERT_TRUE(eventually([&] { return count("daily", "running") == 2; }));
  EXPECT_EQ(made_runs(), 2);
  post(backfill + "/pause");
  write("go", "");
  ASSERT_TRUE(eventually([&] { return count("daily", "succeeded") == 2; }));
  EXPECT_EQ(get(backfill)["state"], "paused");
  EXPECT_EQ(made_runs(), 2);
  // A pause outlives the process.
  stop(SIGKILL);
  std::filesystem::remove(project_.folder() / "go");
  start();
  EXPECT_EQ(get(backfill)["state"], "paused");
  EXPECT_EQ(made_runs(), 2);
  post(backfill + "/resume");
  ASSERT_TRUE(eventually([&] { return count("daily", "running") == 2; }));
  post(backfill + "/cancel", {{"now", true}});
  ASSERT_TRUE(eventually([&] { return count("daily", "cancelled") == 2; }));
  EXPECT_EQ(get(backfill)["state"], "cancelled");
  EXPECT_EQ(runs("daily").size(), 4U);
  post(backfill + "/resume");
  EXPECT_EQ(status_, 400);
  EXPECT_EQ(get("/pipelines/daily")["next_fire"], next);
}

// A run without a server: what depends on results.
class Flow : public Serve {};

TEST_F(Flow, ForEachWhenAndRules) {
  write("pipelines/flow.yml", R"(
params: {report: false}
tasks:
  list:    {command: {command: "printf 'a\nb\nc\n'", result: lines}}
  each:    {needs: [list], for_each: "{{ tasks.list.output.result }}", command: "echo {{ item }} >> items; test {{ item }} != b || test -e mended"}
  report:  {needs: [list], when: "{{ params.report }}", command: "echo report >> items"}
  after:   {needs: [report], run_if: none_failed, command: "echo after >> items"}
  strict:  {needs: [report], command: "echo strict >> items"}
  cleanup: {needs: [each], run_if: all_ended, command: "echo cleanup >> items"}
  alarm:   {needs: [each], run_if: any_failed, command: "echo alarm >> items"}
)");
  const auto ran = project_.run({"run", "flow", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  const std::map<std::string, std::string> expected{
      {"list", "succeeded"}, {"each", "failed"},       {"each/0", "succeeded"},
      {"each/1", "failed"},  {"report", "skipped"},    {"after", "succeeded"},
      {"strict", "skipped"}, {"cleanup", "succeeded"}, {"alarm", "succeeded"}};
  for (const auto& [step, state] : expected) EXPECT_EQ(ran.event("step", step)["state"], state) << step;
  auto lines = lines_of("items");
  std::ranges::sort(lines);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "after", "alarm", "b", "c", "cleanup"}));
  // A retry repeats the item that failed and no other.
  write("mended", "");
  EXPECT_EQ(project_.run({"retry", "--json"}).exit_code, 0);
  lines = lines_of("items");
  EXPECT_EQ(std::ranges::count(lines, "b"), 2);
  EXPECT_EQ(std::ranges::count(lines, "a"), 1);
}

TEST_F(Flow, WhatIsSkippedNamesWhereItBegan) {
  write("pipelines/chain.yml", R"(
tasks:
  load:    {command: "false"}
  clean:   {needs: [load], command: "true"}
  publish: {needs: [clean], command: "true"}
  count:   {needs: [publish], run_if: any_succeeded, command: "true"}
  notify:  {needs: [count], command: "true"}
)");
  EXPECT_EQ(project_.run({"run", "chain"}).exit_code, 1);
  const auto told = parse_json(project_.run({"runs", "last", "--json"}).out);
  ASSERT_TRUE(told.ok());
  std::map<std::string, std::string> reasons;
  for (const auto& attempt : told->at("attempts"))
    if (attempt["state"] == "skipped") reasons[attempt["task"]] = attempt["error"]["message"];
  EXPECT_EQ(reasons,
            (std::map<std::string, std::string>{{"clean", "skipped, because load failed"},
                                                {"publish", "skipped, because load failed"},
                                                {"count", "skipped, because none of the tasks that it needs succeeded"},
                                                {"notify", "skipped, because count was skipped"}}));
}

// Items that need no process, so that it is the items that are counted.
TEST_F(Flow, ForEachOverTenThousandItems) {
  write("pipelines/many.yml", R"(
tasks:
  list: {command: {command: "seq 10000", result: lines}}
  each: {needs: [list], for_each: "{{ tasks.list.output.result }}", wait: {until: 1ms}}
)");
  const auto ran = project_.run({"run", "many", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.event("step", "each")["output"]["items"], 10'000);
  EXPECT_EQ(ran.event("step", "each/9999")["state"], "succeeded");
}

// A file is rendered where it runs, and sees as much as the settings do.
TEST_F(Flow, SqlFilesSeeItemsAndResults) {
  write("weir.yml", "name: files\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n");
  write("sql/insert.sql", "INSERT INTO seen VALUES ('{{ item }}', {{ tasks.list.output.result | length }})");
  write("sql/count.sql",
        "INSERT INTO seen VALUES ('{{ tasks.insert.state }}', {{ tasks.list.output.result | length }})");
  write("pipelines/files.yml", R"(
tasks:
  list:   {command: {command: "printf 'a\nb\n'", result: lines}}
  table:  {sql: {connection: warehouse, script: "CREATE TABLE seen (item String, n UInt8) ORDER BY item"}}
  insert: {needs: [list, table], for_each: "{{ tasks.list.output.result }}", sql: {connection: warehouse, file: sql/insert.sql}}
  count:  {needs: [insert], sql: {connection: warehouse, file: sql/count.sql}}
)");
  const auto ran = project_.run({"run", "files", "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_EQ(project_.run({"query", "warehouse", "SELECT item, n FROM seen ORDER BY item", "--format", "csv"}).out,
            "item,n\na,2\nb,2\nsucceeded,2\n");
}

TEST_F(Flow, WaitsAndRunsOtherPipelines) {
  write("pipelines/outer.yml", R"(
parallel: 1
tasks:
  file:  {wait: {file: "inbox/*.csv", every: 100ms}}
  make:  {command: "mkdir -p inbox && echo 1 > inbox/a.csv"}
  inner: {needs: [file], pipeline: {pipeline: inner, params: {n: 7}}}
  until: {wait: {until: 300ms}}
  never: {wait: {file: nothing, every: 50ms}, timeout: 200ms}
)");
  write("pipelines/inner.yml", "params: {n: 1}\ntasks:\n  one: {command: \"echo {{ params.n }} >> inner\"}\n");
  const auto ran = project_.run({"run", "outer", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  for (const auto* step : {"file", "make", "inner", "until"})
    EXPECT_EQ(ran.event("step", step)["state"], "succeeded") << step;
  EXPECT_EQ(ran.event("step", "never")["state"], "failed");
  EXPECT_EQ(lines_of("inner"), std::vector<std::string>{"7"});
}

// What is awaited is not there at first, in a database and behind an address.
TEST_F(Flow, WaitsForRowsAndForAnAddress) {
  std::atomic<int> asked = 0;
  net::HttpServerOptions options;
  options.port = 0;
  const auto server = net::HttpServer::start(options, [&](net::IncomingRequest&, net::ResponseWriter& response) {
    static_cast<void>(response.send(++asked < 3 ? 503 : 200, {}, ""));
  });
  ASSERT_TRUE(server.ok());
  write("weir.yml", "name: waits\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n");
  write("pipelines/waits.yml", fmt::format(R"yml(
parallel: 1
tasks:
  table: {{sql: {{connection: warehouse, script: "CREATE TABLE seen (n UInt8) ORDER BY n"}}}}
  page:  {{needs: [table], wait: {{http: "http://127.0.0.1:{}/ready", every: 20ms}}}}
  rows:  {{needs: [table], wait: {{connection: warehouse, sql: "SELECT count() FROM seen", every: 20ms}}}}
  fill:  {{needs: [page], sql: {{connection: warehouse, script: "INSERT INTO seen VALUES (1)"}}}}
  never: {{needs: [table], wait: {{connection: warehouse, sql: "SELECT n FROM seen WHERE n = 2", every: 20ms}}, timeout: 300ms}}
)yml",
                                           (*server)->port()));
  const auto ran = project_.run({"run", "waits", "--json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  for (const auto* step : {"page", "rows", "fill"}) EXPECT_EQ(ran.event("step", step)["state"], "succeeded") << step;
  EXPECT_EQ(ran.event("step", "never")["state"], "failed");
  EXPECT_EQ(asked, 3);
  // Looking often is one attempt, and it ended after the rows had come.
  const auto lines = ran.lines();
  const auto place = [&](const std::string& step, const std::string& state) {
    return std::ranges::find_if(lines, [&](const auto& line) {
      return line.value("event", "") == "step" && line.value("step", "") == step && line.value("state", "") == state;
    });
  };
  ASSERT_NE(place("rows", "succeeded"), lines.end());
  EXPECT_LT(place("fill", "running") - lines.begin(), place("rows", "succeeded") - lines.begin());
  const auto run = run_of("last");
  EXPECT_EQ(std::ranges::count_if(run["attempts"], [](const auto& attempt) { return attempt["task"] == "rows"; }), 1);
}

TEST_F(Flow, PoolsAndConcurrencyBoundWhatRunsAtOnce) {
  write("weir.yml", "name: served\npools: {narrow: 2}\n");
  std::string tasks = "parallel: 10\ntasks:\n";
  for (int i = 0; i < 6; ++i) {
    tasks += fmt::format(
        "  t{}: {{pool: narrow, priority: {}, command: \"mkdir -p now && touch now/{} && ls now | wc -l >> most && "
        "sleep 0.1 && rm now/{}\"}}\n",
        i, i, i, i);
  }
  write("pipelines/narrow.yml", tasks);
  EXPECT_EQ(project_.run({"run", "narrow"}).exit_code, 0);
  for (const auto& most : lines_of("most")) EXPECT_LE(std::stoi(most), 2);
  EXPECT_EQ(lines_of("most").size(), 6U);
}

}  // namespace
}  // namespace weir
