#include "dbt/process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>
#include <vector>

namespace weir::dbt {
namespace {

using namespace std::chrono_literals;

services::ProcessSpec shell(const std::string& script) {
  services::ProcessSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  return spec;
}

TEST(RunProgram, HandsOverTheLinesOfBothStreams) {
  std::vector<std::string> lines;
  const auto status = run_program(
      shell("echo one; echo two >&2; printf three; exit 3"), [&](std::string_view line) { lines.emplace_back(line); },
      {}, 1s);
  ASSERT_TRUE(status.ok()) << status.error().explain();
  EXPECT_EQ(status->code, 3);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(RunProgram, LongOutputArrivesWhole) {
  std::size_t bytes = 0;
  std::size_t count = 0;
  const auto status = run_program(
      shell("i=0; while [ $i -lt 3000 ]; do printf '%0200d\\n' $i; i=$((i+1)); done"),
      [&](std::string_view line) { bytes += line.size(), ++count; }, {}, 1s);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(count, 3000u);
  EXPECT_EQ(bytes, 600'000u);
}

// dbt cancels its queries upon SIGINT.
TEST(RunProgram, AStopInterruptsIt) {
  std::stop_source stop;
  std::vector<std::string> lines;
  const auto status = run_program(
      shell("trap 'echo interrupted; exit 7' INT; echo ready; while :; do read x < /dev/null; done"),
      [&](std::string_view line) {
        lines.emplace_back(line);
        if (line == "ready") stop.request_stop();
      },
      stop.get_token(), 60s);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->code, 7);
  EXPECT_EQ(lines.back(), "interrupted");
}

TEST(RunProgram, WhoDoesNotListenIsKilledAfterTheGracePeriodWithItsChildren) {
  std::stop_source stop;
  std::string child;
  const auto status = run_program(
      shell("trap '' INT; sleep 1000 & echo $!; wait"),
      [&](std::string_view line) {
        child = line;
        stop.request_stop();
      },
      stop.get_token(), 50ms);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->signal, SIGKILL);
  ASSERT_FALSE(child.empty());
  // The kernel needs a moment to take the killed child away; nobody here is its parent.
  const auto pid = static_cast<pid_t>(std::stol(child));
  const auto is_gone = [&] {
    std::string state;
    if (FILE* file = std::fopen(fmt::format("/proc/{}/stat", pid).c_str(), "r")) {
      char text[256] = {};
      if (std::fgets(text, sizeof text, file) != nullptr) state = text;
      std::fclose(file);
    }
    return state.empty() || state.find(") Z") != std::string::npos;
  };
  for (int i = 0; i < 1000 && !is_gone(); ++i) std::this_thread::yield();
  EXPECT_TRUE(is_gone() || ::kill(pid, 0) != 0);
}

TEST(RunProgram, AGrandchildThatKeepsTheOutputOpenIsNotWaitedFor) {
  const auto status = run_program(
      shell("sleep 1000 & echo done"), [](std::string_view) {}, {}, 1s);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->code, 0);
}

TEST(RunProgram, AMissingProgramIsAnError) {
  services::ProcessSpec spec;
  spec.program = "/nowhere/dbt";
  EXPECT_FALSE(run_program(
                   spec, [](std::string_view) {}, {}, 1s)
                   .ok());
}

}  // namespace
}  // namespace weir::dbt
