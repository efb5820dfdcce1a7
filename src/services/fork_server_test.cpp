#include "services/fork_server.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>

#include "services/test_support.hpp"

namespace weir::services {
namespace {

using std::chrono::milliseconds;

class ForkServerTest : public ::testing::Test {
 protected:
  ForkServerTest() : folder_(), output_(::open((folder_.path() / "out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    ProcessSpec spec;
    spec.program = testing::this_program();
    spec.arguments = {"fork-server"};
    spec.stderr_fd = STDERR_FILENO;
    server_ = ForkServer::start(std::move(spec)).value();
  }

  struct Child {
    Process process;
    Channel channel;
  };
  Child fork(const std::string& order) {
    auto [channel, end] = Channel::make_pair().value();
    auto process = server_->fork(end.get(), output_.get()).value();
    end.reset();
    EXPECT_TRUE(channel.send(order).ok());
    return {std::move(process), std::move(channel)};
  }

  testing::TemporaryFolder folder_;
  Descriptor output_;
  std::unique_ptr<ForkServer> server_;
};

TEST_F(ForkServerTest, TellsHowItsChildrenEnd) {
  EXPECT_TRUE(fork("exit 0").process.wait().ok());
  EXPECT_EQ(fork("exit 7").process.wait().code, 7);
  EXPECT_EQ(fork("abort").process.wait().signal, SIGABRT);
  EXPECT_GT(fork("exit 0").process.wait().memory_bytes_max, 100'000U);
}

TEST_F(ForkServerTest, ChildrenAreProcessesOfTheirOwn) {
  auto child = fork("who");
  const auto answer = child.channel.receive().value().value();
  std::istringstream words{answer};
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  words >> pid >> parent >> session;
  EXPECT_EQ(pid, child.process.pid());
  EXPECT_NE(parent, ::getpid());
  EXPECT_EQ(session, pid);
  EXPECT_TRUE(child.process.wait().ok());
  EXPECT_FALSE(child.channel.receive().value());
  fork("print hello").process.wait();
  EXPECT_EQ(read_file(folder_.path() / "out").value(), "hello");
}

TEST_F(ForkServerTest, ChildrenCanBeSignalled) {
  auto child = fork("wait");
  EXPECT_FALSE(child.process.wait(milliseconds{50}));
  child.process.signal(SIGTERM);
  EXPECT_EQ(child.process.wait().signal, SIGTERM);
  {
    auto forgotten = fork("wait");
    child = std::move(forgotten);
  }
  EXPECT_EQ(child.process.stop(milliseconds{10}, SIGUSR1).signal, SIGUSR1);
}

TEST_F(ForkServerTest, ManyAtOnce) {
  std::vector<Child> children;
  for (int i = 0; i < 50; ++i) children.push_back(fork("exit " + std::to_string(i)));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(children[static_cast<std::size_t>(i)].process.wait().code, i);
}

TEST_F(ForkServerTest, ChildrenDieWithTheServer) {
  auto child = fork("wait");
  EXPECT_GT(child.process.pid(), 0);
  server_.reset();
  EXPECT_EQ(child.process.wait().signal, SIGKILL);
  EXPECT_FALSE(child.channel.receive().value());
}

}  // namespace
}  // namespace weir::services
