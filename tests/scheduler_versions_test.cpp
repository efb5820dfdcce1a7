#include <future>

#include "serve_fixture.hpp"

// Which of the project's files a run goes by: those that it began with, unless somebody says otherwise.
namespace weir {
namespace {

using testing::eventually;

class VersionsOfRuns : public testing::Serve {
 protected:
  void write_program(const std::string& path, std::string_view text) const {
    write(path, text);
    std::filesystem::permissions(project_.folder() / path, std::filesystem::perms{0755});
  }
  std::string current() { return get("/pipelines/code")["code_version"]; }
  // Makes an edit, and waits until the server has noticed.
  void edit_beside(const std::function<void()>& edit) {
    const auto before = current();
    edit();
    ASSERT_TRUE(eventually([&] { return current() != before; }));
  }
  void edit_with_mistake() {
    write("pipelines/broken.yml", "tasks: {one: {comand: \"true\"}}\n");
    ASSERT_TRUE(eventually([&] { return !get("/overview")["problems"].empty(); }));
  }
  std::string run_failing() {
    EXPECT_EQ(project_.run({"run", "code"}).exit_code, 1);
    return runs("code").front()["run"];
  }
  std::string last_said() const {
    const auto lines = lines_of("said");
    return lines.empty() ? "" : lines.back();
  }
};

// A script, what it includes and what lies beside it; its output goes where it always goes.
TEST_F(VersionsOfRuns, ScriptsAreThoseOfTheRun) {
  write("pipelines/code.yml",
        "tasks:\n  text: {command: \"./jobs/report.sh >> said\"}\n  list: {command: [jobs/report.sh, --listed]}\n");
  write_program("jobs/report.sh",
                "#!/bin/sh\n. \"$(dirname \"$0\")/words.sh\"\necho $word $(cat \"$(dirname \"$0\")/config.txt\") $1\n"
                "test -e mended\n");
  write("jobs/words.sh", "word=old\n");
  write("jobs/config.txt", "kept");
  start();
  const auto id = run_failing();
  EXPECT_EQ(last_said(), "old kept");
  edit_beside([&] { write("jobs/words.sh", "word=new\n"); });
  EXPECT_EQ(project_.run({"retry", id, "--code", "old"}).exit_code, 1);
  EXPECT_EQ(last_said(), "old kept");
  EXPECT_EQ(project_.run({"retry", id}).exit_code, 1);
  EXPECT_EQ(last_said(), "new kept");
  // The current code is no longer what the run began with, and the old one still is.
  write("mended", "");
  EXPECT_EQ(project_.run({"retry", id, "--code", "old"}).exit_code, 0);
  EXPECT_EQ(last_said(), "old kept");
  EXPECT_NE(project_.run({"logs", id, "list"}).out.find("old kept --listed"), std::string::npos);
  // Links to the old files are there only while a task needs them.
  EXPECT_FALSE(std::filesystem::exists(project_.folder() / ".weir" / "views" / id));
}

TEST_F(VersionsOfRuns, TheFirstCodeStaysTheOldOneWithoutAServer) {
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo first >> said; exit 1\"}\n");
  const auto id = run_failing();
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo second >> said; exit 1\"}\n");
  EXPECT_EQ(project_.run({"retry", id}).exit_code, 1);
  EXPECT_EQ(project_.run({"retry", id, "--code", "old"}).exit_code, 1);
  EXPECT_EQ(lines_of("said"), (std::vector<std::string>{"first", "second", "first"}));
}

// What is cut off goes on with the files that it had, however it was cut off.
TEST_F(VersionsOfRuns, WhatIsCutOffGoesOnWithItsFiles) {
  for (const int signal : {SIGKILL, SIGTERM}) {
    SCOPED_TRACE(signal);
    std::filesystem::remove(project_.folder() / "go");
    std::filesystem::remove(project_.folder() / "said");
    write("pipelines/code.yml",
          "retry: {attempts: 3, delay: 10ms}\ntasks:\n  one: {command: \"echo >> begun; test -e go || sleep 30; "
          "./say.sh\"}\n");
    write_program("say.sh", "echo old >> said\n");
    const auto begun = lines_of("begun").size();
    start();
    post("/pipelines/code/runs");
    ASSERT_EQ(status_, 201);
    ASSERT_TRUE(eventually([&] { return lines_of("begun").size() == begun + 1; }));
    stop(signal);
    write("pipelines/code.yml", "tasks:\n  one: {command: \"echo newer >> said\"}\n");
    write_program("say.sh", "echo new >> said\n");
    write("go", "");
    start();
    ASSERT_TRUE(eventually([&] { return runs("code").front()["state"] == "succeeded"; })) << runs("code").front();
    EXPECT_EQ(lines_of("said"), std::vector<std::string>{"old"});
    // A new one has the new files.
    EXPECT_EQ(project_.run({"run", "code"}).exit_code, 0);
    EXPECT_EQ(last_said(), "newer");
    stop(SIGTERM);
  }
}

// While nothing has changed, tasks do not look at all files for it: the server would know.
TEST_F(VersionsOfRuns, FilesAreComparedOnlyAfterAChange) {
  write("pipelines/code.yml", "tasks:\n  one: {command: \"./say.sh\"}\n");
  write_program("say.sh", "#!/bin/sh\necho project >> said\n");
  start();
  const auto version = current();
  // The copy that is kept would be taken for the old file if anybody looked.
  write_program(".weir/versions/" + version + "/say.sh", "#!/bin/sh\necho copy >> said\n");
  EXPECT_EQ(project_.run({"run", "code"}).exit_code, 0);
  EXPECT_EQ(last_said(), "project");
  // An edit with a mistake is never the current version, and its files are none of it.
  edit_with_mistake();
  EXPECT_EQ(current(), version);
  post("/pipelines/code/runs");
  ASSERT_TRUE(eventually([&] { return count("code", "succeeded") == 2; }));
  EXPECT_EQ(last_said(), "copy");
}

// An edit that the server has not read yet counts for no run that began before.
TEST_F(VersionsOfRuns, AnEditThatWasJustMadeIsNoticed) {
  write("pipelines/code.yml", "tasks:\n  one: {command: \"./say.sh\"}\n");
  write_program("say.sh", "#!/bin/sh\necho old >> said\n");
  start();
  const auto before = current();
  write_program("say.sh", "#!/bin/sh\necho new >> said\n");
  const std::string run = post("/pipelines/code/runs")["id"];
  ASSERT_TRUE(eventually([&] { return count("code", "succeeded") == 1; }));
  EXPECT_EQ(last_said(), get("/runs/" + run)["code_version"] == before ? "old" : "new");
}

// A mistake in an edit changes nothing but what is shown.
TEST_F(VersionsOfRuns, ABrokenEditIsShownAndNotUsed) {
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo good >> said\"}\n");
  start();
  write("pipelines/code.yml", "tasks:\n  one: {comand: \"echo bad >> said\"}\n");
  ASSERT_TRUE(eventually([&] { return !get("/overview")["problems"].empty(); }));
  const auto problem = get("/overview")["problems"][0];
  EXPECT_EQ(problem["place"].get<std::string>().substr(0, 18), "pipelines/code.yml") << problem;
  EXPECT_NE(problem["message"].get<std::string>().find("comand"), std::string::npos) << problem;
  const auto made = post("/pipelines/code/runs");
  ASSERT_EQ(status_, 201) << made;
  ASSERT_TRUE(eventually([&] { return count("code", "succeeded") == 1; }));
  EXPECT_EQ(last_said(), "good");
  write("pipelines/code.yml", "tasks:\n  one: {command: \"echo better >> said\"}\n");
  ASSERT_TRUE(eventually([&] { return get("/overview")["problems"].empty(); }));
  post("/pipelines/code/runs");
  ASSERT_TRUE(eventually([&] { return count("code", "succeeded") == 2; }));
  EXPECT_EQ(last_said(), "better");
}

}  // namespace
}  // namespace weir
