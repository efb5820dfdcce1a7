#include <algorithm>
#include <map>
#include <set>

#include "net/mail_sink.hpp"
#include "serve_fixture.hpp"

// Who is told of what happens to runs, and that they are told once, whatever is killed.
namespace weir {
namespace {

using testing::eventually;

class Hooks : public testing::Serve {
 protected:
  std::size_t told(const std::string& line) const {
    const auto lines = lines_of("told");
    return static_cast<std::size_t>(std::ranges::count(lines, line));
  }
  std::string trigger(const std::string& pipeline) {
    const auto made = post("/pipelines/" + pipeline + "/runs");
    EXPECT_EQ(status_, 201) << made;
    return made.value("id", "");
  }
};

// The message was written with the end of the run; that nobody could deliver it before the kill loses nothing.
TEST_F(Hooks, AMessageOutlivesAKill) {
  write("pipelines/bad.yml",
        "hooks: [{on: failure, command: \"echo >> tried; test -e reachable && echo $WEIR_RUN >> told\"}]\n"
        "tasks:\n  one: {command: \"false\"}\n");
  start();
  const auto first = trigger("bad");
  ASSERT_TRUE(eventually([&] { return lines_of("tried").size() == 1; }));
  EXPECT_EQ(stop(SIGKILL).signal, SIGKILL);
  EXPECT_EQ(lines_of("told").size(), 0U);
  write("reachable", "");
  start();
  ASSERT_TRUE(eventually([&] { return told(first) == 1; }));
  // Messages are delivered in order: when a later one is there, the first has not come again.
  const auto second = trigger("bad");
  ASSERT_TRUE(eventually([&] { return told(second) == 1; }));
  stop(SIGTERM);
  start();
  const auto third = trigger("bad");
  ASSERT_TRUE(eventually([&] { return told(third) == 1; }));
  EXPECT_EQ(lines_of("told").size(), 3U);
}

// A run that waits behind the others of its pipeline waits as well as a task without a slot.
TEST_F(Hooks, TellOfWaitingDeadlinesAndSuccess) {
  write("pipelines/slow.yml",
        "queue_warning: 100ms\ndeadline: 300ms\nhooks: [{on: [queue, deadline, success], command: \"echo $WEIR_EVENT "
        "$WEIR_RUN >> told\"}]\ntasks:\n  one: {command: \"until test -e go; do sleep 0.05; done\"}\n");
  start();
  const auto runs_now = trigger("slow");
  const auto waits = trigger("slow");
  ASSERT_TRUE(eventually([&] { return told("queue " + waits) == 1; }));
  ASSERT_TRUE(eventually([&] { return told("deadline " + runs_now) == 1 && told("deadline " + waits) == 1; }));
  write("go", "");
  ASSERT_TRUE(eventually([&] { return told("success " + runs_now) == 1 && told("success " + waits) == 1; }));
  EXPECT_EQ(lines_of("told").size(), 5U);
  EXPECT_EQ(told("queue " + runs_now), 0U);
}

TEST_F(Hooks, ARunThatTakesTooLongFails) {
  write("pipelines/long.yml",
        "run_timeout: 200ms\ndeadline: 10m\nhooks: [{on: [failure, deadline], command: \"echo $WEIR_EVENT >> told\"}]\n"
        "tasks:\n  one: {command: \"sleep 30\"}\n  two: {needs: [one], command: \"true\"}\n");
  start();
  const auto run = trigger("long");
  ASSERT_TRUE(eventually([&] { return get("/runs/" + run)["state"] == "failed"; }));
  EXPECT_EQ(get("/runs/" + run)["error"], "the run took longer than its timeout: 200 ms");
  ASSERT_TRUE(eventually([&] { return lines_of("told").size() == 1; }));
  EXPECT_EQ(lines_of("told").front(), "failure");
}

TEST_F(Hooks, SendMail) {
  net::MailSink server;
  write("weir.yml", fmt::format("name: served\nsmtp: {{url: \"{}\", from: weir@example.org}}\n", server.url()));
  write("pipelines/bad.yml",
        "hooks: [{on: failure, email: [data@example.org]}]\ntasks:\n  one: {command: \"echo it broke; exit 3\"}\n");
  start();
  const auto run = trigger("bad");
  ASSERT_EQ(server.taken.wait_for(std::chrono::seconds{60}), std::future_status::ready);
  const auto mail = server.taken.get();
  for (const auto& words :
       std::vector<std::string>{"MAIL FROM:<weir@example.org>", "RCPT TO:<data@example.org>", "Subject: bad failed\r\n",
                                "run: " + run, "state: failed", "error: one: the command ended with exit code 3"})
    EXPECT_NE(mail.find(words), std::string::npos) << words << "\n" << mail;
}

}  // namespace
}  // namespace weir
