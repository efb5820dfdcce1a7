#include "services/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "services/test_support.hpp"

namespace weir::services {
namespace {

using namespace std::chrono_literals;

using testing::make_pipe;
using testing::read_all;
using testing::read_line;

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", std::move(script)};
  return spec;
}

// What the script prints.
std::string output_of(ProcessSpec spec) {
  auto pipe = make_pipe();
  spec.stdout_fd = pipe.writing.get();
  auto process = Process::spawn(spec);
  EXPECT_TRUE(process.ok()) << process.error().text();
  pipe.writing.reset();
  auto text = read_all(pipe.reading.get());
  process->wait();
  return text;
}

TEST(Process, TellsItsExitCodeAndPeakMemory) {
  auto process = Process::spawn(shell("exit 3"));
  ASSERT_TRUE(process.ok());
  const auto status = process->wait();
  EXPECT_EQ(status.code, 3);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.text(), "exit code 3");
  EXPECT_GT(status.memory_bytes_max, 100'000U);
  EXPECT_EQ(process->wait(0ms)->code, 3);  // asking again gives the same answer
}

TEST(Process, TellsTheSignalThatEndedIt) {
  auto process = Process::spawn(shell("kill -9 $$"));
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(process->wait().text(), "killed by signal 9 (Killed)");
}

TEST(Process, AProgramThatIsMissingIsNamed) {
  ProcessSpec spec;
  spec.program = "/nowhere/initdb";
  EXPECT_EQ(Process::spawn(spec).error().text(), "starting program: /nowhere/initdb: No such file or directory");
  spec.program = "weir-no-such-program";
  EXPECT_EQ(Process::spawn(spec).error().text(), "starting program: weir-no-such-program: it is in no folder of PATH");
  auto in_folder = shell("true");
  in_folder.folder = "/nowhere";
  EXPECT_EQ(Process::spawn(in_folder).error().text(),
            "starting program: /bin/sh: entering folder /nowhere: No such file or directory");
  auto as_user = shell("true");
  as_user.user = "weir-no-such-user";
  EXPECT_EQ(Process::spawn(as_user).error().code(), Code::NotFound);
}

TEST(Process, AddsToOurEnvironmentAndEntersTheFolder) {
  ::setenv("WEIR_PROCESS_TEST", "ours", 1);
  ::setenv("WEIR_PROCESS_TEST_KEPT", "kept", 1);
  auto spec = shell("echo $WEIR_PROCESS_TEST $WEIR_PROCESS_TEST_KEPT; pwd");
  spec.environment = {{"WEIR_PROCESS_TEST", "theirs"}};
  spec.folder = "/";
  EXPECT_EQ(output_of(spec), "theirs kept\n/\n");
}

TEST(Process, FindsItsProgramInPath) {
  ProcessSpec spec;
  spec.program = "echo";
  spec.arguments = {"hello"};
  EXPECT_EQ(output_of(spec), "hello\n");
}

TEST(Process, InheritsWhatIsMappedAndNothingElse) {
  // Left open on purpose, without close-on-exec: the child must not get it.
  const Descriptor leaked{::open("/dev/null", O_RDONLY)};
  auto left = make_pipe();
  auto right = make_pipe();
  auto spec = shell("echo left >&3; echo right >&4; ls /proc/self/fd | tr '\\n' ' '");
  // Swapped numbers: a target that is another mapping's source.
  Descriptor three{::dup2(left.writing.get(), 203)};
  Descriptor four{::dup2(right.writing.get(), 204)};
  spec.inherited = {{203, 204}, {204, 203}, {203, 3}, {204, 4}};
  // ls itself opens the folder that it lists, as the first free number.
  EXPECT_EQ(output_of(spec), "0 1 2 203 204 3 4 5 ");
  three.reset();
  four.reset();
  left.writing.reset();
  right.writing.reset();
  EXPECT_EQ(read_all(left.reading.get()), "left\n");
  EXPECT_EQ(read_all(right.reading.get()), "right\n");
}

TEST(Process, ReadsItsInputFromADescriptorMappedToZero) {
  auto pipe = make_pipe();
  ASSERT_EQ(::write(pipe.writing.get(), "text", 4), 4);
  pipe.writing.reset();
  auto spec = shell("cat");
  spec.inherited = {{pipe.reading.get(), 0}};
  EXPECT_EQ(output_of(spec), "text");
  EXPECT_EQ(output_of(shell("cat")), "");  // else /dev/null
}

TEST(Process, StartsWithDefaultSignalsAndAnEmptyMask) {
  auto* const before = std::signal(SIGPIPE, SIG_IGN);
  const auto text = output_of(shell("grep -E '^Sig(Blk|Ign):' /proc/self/status"));
  std::signal(SIGPIPE, before);
  EXPECT_EQ(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, HasItsOwnSessionUnlessAskedOtherwise) {
  const auto script = "cut -d' ' -f6 /proc/$$/stat";
  EXPECT_NE(output_of(shell(script)), fmt::format("{}\n", ::getsid(0)));
  auto ours = shell(script);
  ours.session = ProcessSpec::Session::Ours;
  EXPECT_EQ(output_of(ours), fmt::format("{}\n", ::getsid(0)));
}

TEST(Process, RunsAsAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  auto spec = shell("id -un; id -gn");
  spec.user = "nobody";
  spec.folder = "/";
  EXPECT_EQ(output_of(spec), "nobody\nnogroup\n");
}

TEST(Process, WaitGivesUpAfterItsTimeout) {
  auto process = Process::spawn(shell("exec sleep 60"));
  ASSERT_TRUE(process.ok());
  EXPECT_FALSE(process->wait(20ms).has_value());
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait().signal, SIGTERM);
}

TEST(Process, StopIsGentleFirst) {
  auto pipe = make_pipe();
  auto spec = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
  spec.stdout_fd = pipe.writing.get();
  auto process = Process::spawn(spec);
  ASSERT_TRUE(process.ok());
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  EXPECT_EQ(process->stop(10s, SIGTERM).code, 7);
}

TEST(Process, StopEscalatesAndTakesTheGroupAlong) {
  auto pipe = make_pipe();
  auto spec = shell("trap '' TERM; sleep 60 & echo ready; wait");
  spec.stdout_fd = pipe.writing.get();
  auto process = Process::spawn(spec);
  pipe.writing.reset();
  ASSERT_TRUE(process.ok());
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  EXPECT_EQ(process->stop(30ms, SIGTERM).signal, SIGKILL);
  EXPECT_EQ(read_all(pipe.reading.get()), "");  // ends when the last holder of the pipe, the sleep, is gone
}

TEST(Process, DestroyingOneEndsIt) {
  auto pipe = make_pipe();
  {
    auto spec = shell("echo $$; exec sleep 60");
    spec.stdout_fd = pipe.writing.get();
    auto process = Process::spawn(spec);
    ASSERT_TRUE(process.ok());
    EXPECT_EQ(read_line(pipe.reading.get()), fmt::format("{}", process->pid()));
  }
  pipe.writing.reset();
  EXPECT_EQ(read_all(pipe.reading.get()), "");
}

TEST(Process, OutlivesTheThreadThatAskedForIt) {
  std::optional<Process> process;
  std::thread{[&] {
    auto spawned = Process::spawn(shell("exec sleep 60"));
    ASSERT_TRUE(spawned.ok());
    process.emplace(std::move(spawned).value());
  }}.join();
  EXPECT_FALSE(process->wait(50ms).has_value());
}

// Nobody tells the child to end when its parent is killed, and it ends.
TEST(Process, DiesWithItsParent) {
  auto pipe = make_pipe();
  ProcessSpec spec;
  spec.program = testing::this_program();
  spec.arguments = {"parent-of-sleep"};
  spec.stdout_fd = pipe.writing.get();
  auto parent = Process::spawn(spec);
  ASSERT_TRUE(parent.ok()) << parent.error().text();
  pipe.writing.reset();
  const pid_t child = std::stoi(read_line(pipe.reading.get()));
  const Descriptor watched{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
  ASSERT_TRUE(watched);
  pollfd waiting{watched.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 0);
  parent->signal(SIGKILL);
  EXPECT_EQ(parent->wait().signal, SIGKILL);
  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
}

TEST(Process, SpawnsFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        auto process = Process::spawn(shell(fmt::format("exit {}", thread * 10 + i)));
        if (process.ok() && process->wait().code == thread * 10 + i) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 40);
}

TEST(Process, SpawningIsCheap) {
  ProcessSpec spec;
  spec.program = "/bin/true";
  const auto start = std::chrono::steady_clock::now();
  constexpr int kSpawns = 50;
  for (int i = 0; i < kSpawns; ++i) ASSERT_TRUE(Process::spawn(spec).value().wait().ok());
  const std::chrono::duration<double, std::milli> each = (std::chrono::steady_clock::now() - start) / kSpawns;
  RecordProperty("spawn_and_wait_ms", fmt::format("{:.3f}", each.count()));
  EXPECT_LT(each.count(), 50) << "milliseconds a spawn";  // generous: the machine may be busy
}

TEST(Channel, CarriesMessagesBothWays) {
  auto [ours, end] = Channel::make_pair().value();
  Channel theirs{std::move(end)};
  const std::string binary{"a\0b", 3};
  ASSERT_TRUE(ours.send("").ok());
  ASSERT_TRUE(ours.send(binary).ok());
  ASSERT_TRUE(theirs.send("answer").ok());
  EXPECT_EQ(theirs.receive().value(), "");
  EXPECT_EQ(theirs.receive().value(), binary);
  EXPECT_EQ(ours.receive().value(), "answer");
}

TEST(Channel, CarriesAMessageLargerThanTheSocketsBuffer) {
  auto [ours, end] = Channel::make_pair().value();
  Channel theirs{std::move(end)};
  std::string large(5 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i % 26);
  std::jthread sender{[&, &ours = ours] { EXPECT_TRUE(ours.send(large).ok()); }};
  EXPECT_EQ(theirs.receive().value(), large);
}

TEST(Channel, KeepsMessagesOfSeveralSendersApart) {
  auto [ours, end] = Channel::make_pair().value();
  Channel theirs{std::move(end)};
  std::vector<std::jthread> senders;
  for (char letter = 'a'; letter < 'e'; ++letter) {
    senders.emplace_back([letter, &ours = ours] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(ours.send(std::string(20'000, letter)).ok());
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto message = theirs.receive().value().value();
    ASSERT_EQ(message, std::string(20'000, message[0]));
  }
}

TEST(Channel, EndsWhenTheOtherSideCloses) {
  auto [ours, end] = Channel::make_pair().value();
  // A length of 10 and only 3 bytes: the writer died in the middle.
  ASSERT_EQ(::write(end.get(), "\x0a\0\0\0abc", 7), 7);
  end.reset();
  EXPECT_EQ(ours.receive().value(), std::nullopt);
  EXPECT_EQ(ours.send("anybody?").error().code(), Code::Unavailable);
}

TEST(Channel, RefusesAnAbsurdLength) {
  auto [ours, end] = Channel::make_pair().value();
  ASSERT_EQ(::write(end.get(), "\xff\xff\xff\xff", 4), 4);
  EXPECT_EQ(ours.receive().error().text(), "a message announces more than a channel allows: 4294967295 bytes");
  EXPECT_FALSE(ours.send(std::string(Channel::kMessageBytesMax + 1, 'x')).ok());
}

TEST(Channel, ReachesAChildProcess) {
  auto [ours, end] = Channel::make_pair().value();
  ProcessSpec spec;
  spec.program = "cat";
  spec.inherited = {{end.get(), 0}};
  spec.stdout_fd = end.get();
  auto process = Process::spawn(spec);
  ASSERT_TRUE(process.ok());
  end.reset();
  ASSERT_TRUE(ours.send("through cat and back").ok());
  EXPECT_EQ(ours.receive().value(), "through cat and back");
  process->signal(SIGKILL);
  EXPECT_EQ(ours.receive().value(), std::nullopt);
}

}  // namespace
}  // namespace weir::services
