#include <gtest/gtest.h>

#include <algorithm>
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
#include "weir_program.hpp"

// `weir serve` with projects that need no database: schedules, events, backfills, limits, edits, crashes.
namespace weir {
namespace {

using testing::TestProject;

// Looks again and again until it is so: what is waited for is an event in another process.
bool eventually(const std::function<bool()>& is_so, std::chrono::seconds longest = std::chrono::seconds{60}) {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // Another process tells nobody here.
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  return true;
}

class Serve : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) const { project_.write(path, text); }
  void SetUp() override { write("weir.yml", "name: served\n"); }
  void TearDown() override { stop(SIGTERM); }

  void start(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"serve", "--json", "--port", "0"});
    started_.emplace(
        project_.start_until(arguments, [](const Json& line) { return line.value("event", "") != "serving"; }));
  }
  // How it ended.
  services::ExitStatus stop(int signal) {
    if (!started_) return {};
    started_->process.signal(signal);
    const auto status = started_->process.wait();
    started_.reset();
    return status;
  }

  std::vector<Json> runs(const std::string& pipeline = {}) const {
    std::vector<std::string> arguments{"runs", "--json", "--limit", "10000"};
    if (!pipeline.empty()) arguments.insert(arguments.end(), {"--pipeline", pipeline});
    const auto told = project_.run(arguments);
    const auto all = parse_json(told.out);
    if (!all.ok() || !all->is_array()) return told.lines();
    return {all->begin(), all->end()};
  }
  std::size_t count(const std::string& pipeline, const std::string& state) const {
    std::size_t found = 0;
    for (const auto& run : runs(pipeline)) found += run.value("state", "") == state ? 1 : 0;
    return found;
  }
  Json run_of(const std::string& id) const { return *parse_json(project_.run({"runs", id, "--json"}).out); }
  std::string text_of(const std::string& path) const { return read_file(project_.folder() / path).value(); }
  std::vector<std::string> lines_of(const std::string& path) const {
    const auto text = read_file(project_.folder() / path);
    std::vector<std::string> lines;
    if (!text.ok()) return lines;
    std::istringstream stream{*text};
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  TestProject project_;
  std::optional<TestProject::Started> started_;
};

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
