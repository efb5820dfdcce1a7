#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <thread>

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

// Two hundred tasks run; everything is killed; the next start brings every run to its end, and no task has run twice at once.
TEST_F(Serve, GoesOnAfterItWasKilled) {
  constexpr int kRuns = 10;
  constexpr int kTasks = 20;
  std::string tasks =
      "schedule: {cron: \"*/2 * * * * *\"}\nconcurrency: 100\nparallel: 20\nretry: {attempts: 3, delay: "
      "100ms}\ntasks:\n";
  // A task holds a lock while it works: a second one at once would note that it could not take it.
  for (int i = 0; i < kTasks; ++i) {
    tasks += fmt::format(
        "  t{0}: {{command: \"flock -n locks.{{{{ run.id }}}}.{0} sh -c 'sleep 1' || echo {{{{ run.id }}}} {0} >> "
        "twice\"}}\n",
        i);
  }
  write("pipelines/many.yml", tasks);
  start({"--parallel", "250"});
  ASSERT_TRUE(eventually([&] { return count("many", "running") + count("many", "succeeded") >= kRuns; }));
  EXPECT_EQ(stop(SIGKILL).signal, SIGKILL);
  write("pipelines/many.yml", tasks.substr(tasks.find('\n') + 1));  // no further fires
  std::set<std::string> before;
  for (const auto& run : runs("many")) before.insert(run["run"].get<std::string>());
  start({"--parallel", "250"});
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::all_of(runs("many"), [](const auto& run) { return run["state"] == "succeeded"; }); }));
  EXPECT_EQ(lines_of("twice"), std::vector<std::string>{});
  // Each second fire is there once, from the first to the last.
  std::map<std::string, int> fires;
  for (const auto& run : runs("many")) {
    before.erase(run["run"].get<std::string>());
    ++fires[run.value("interval_to", "")];
  }
  EXPECT_TRUE(before.empty());
  for (const auto& [fire, times] : fires) EXPECT_EQ(times, 1) << fire;
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
