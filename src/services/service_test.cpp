#include "services/service.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "services/endpoint.hpp"
#include "services/managed_service.hpp"
#include "services/postgres_data.hpp"
#include "services/postgres_installation.hpp"
#include "services/test_support.hpp"

// Everything about services that needs no database: the warehouse here is a stand-in (see test_main.cpp).
namespace weir::services {
namespace {

using namespace std::chrono_literals;
using testing::CollectingLog;
using testing::make_pipe;
using testing::make_spec;
using testing::read_line;
using testing::TemporaryFolder;

constexpr auto kOurs = Supervisor::Lifetime::WithSupervisor;
constexpr auto kDetached = Supervisor::Lifetime::Detached;

// Waits until the process is gone: true at once when it is.
bool ends_within(const ProcessIdentity& process, std::chrono::milliseconds timeout) {
  const auto pidfd = open_process(process);
  return !pidfd || wait_readable({pidfd.get()}, timeout).has_value();
}

TEST(PostgresInstallation, ReadsTheServersVersion) {
  const auto debian = parse_postgres_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)");
  EXPECT_EQ(debian.major, 15);
  EXPECT_EQ(debian.version, "15.20");
  EXPECT_EQ(parse_postgres_version("postgres (PostgreSQL) 18beta2").major, 18);
  EXPECT_EQ(parse_postgres_version("bash: postgres: not found").major, 0);
}

TEST(PostgresInstallation, TakesTheNewestUnlessTheDataSaysAnother) {
  const std::vector<PostgresInstallation> installed{{"/pg/17", 17, "17.2"}, {"/pg/15", 15, "15.20"}};
  EXPECT_EQ(choose_postgres(installed, 0, "/data", "shop")->version, "17.2");
  EXPECT_EQ(choose_postgres(installed, 15, "/data", "shop")->version, "15.20");
  const auto error = choose_postgres(installed, 16, "/data", "shop").error();
  EXPECT_EQ(error.code(), Code::Unsupported);
  EXPECT_EQ(
      error.text(),
      "the data of service shop was made by PostgreSQL 16, which is not installed (there is 17.2 in /pg/17, 15.20 in "
      "/pg/15): /data");
  EXPECT_NE(error.hint().find("apt-get install postgresql-16"), std::string::npos);
  EXPECT_EQ(choose_postgres({}, 0, "/data", "shop").error().code(), Code::NotFound);
}

TEST(PostgresInstallation, TheEnvironmentVariableIsTheOnlyPlaceWhenItIsSet) {
  const TemporaryFolder folder;
  ::setenv("WEIR_POSTGRES_BIN", folder.path().c_str(), 1);
  EXPECT_TRUE(find_postgres_installations().empty());
  for (const auto* program : {"initdb", "postgres"}) {
    std::ofstream{folder.path() / program} << "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n";
    std::filesystem::permissions(folder.path() / program, std::filesystem::perms{0755});
  }
  const auto found = find_postgres_installations();
  ::unsetenv("WEIR_POSTGRES_BIN");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].version, "99.1");
  EXPECT_EQ(found[0].folder, folder.path());
}

TEST(PostgresConfiguration, FollowsTheMachine) {
  const auto small = postgres_configuration({std::uint64_t{512} << 20, 1, SharedMemory::Scarce});
  EXPECT_NE(small.find("shared_buffers = 64MB\n"), std::string::npos);
  EXPECT_NE(small.find("dynamic_shared_memory_type = sysv\n"), std::string::npos);
  const auto large = postgres_configuration({std::uint64_t{64} << 30, 4, SharedMemory::Ample});
  EXPECT_NE(large.find("shared_buffers = 1024MB\n"), std::string::npos);
  EXPECT_NE(small.find("max_parallel_workers_per_gather = 0\n"), std::string::npos);
  EXPECT_NE(large.find("max_parallel_workers_per_gather = 3\n"), std::string::npos);
  EXPECT_NE(large.find("synchronous_commit = on\n"), std::string::npos);
  EXPECT_NE(large.find("wal_level = logical\n"), std::string::npos);
}

TEST(Identity, TellsAProcessFromALaterOneWithItsNumber) {
  const auto self = identify(::getpid());
  EXPECT_GT(self.started_ticks, 0U);
  EXPECT_TRUE(is_alive(self));
  EXPECT_FALSE(is_alive({self.pid, self.started_ticks - 1}));
  EXPECT_FALSE(is_alive({}));
}

TEST(Identity, AProcessThatEndedIsNotAliveEvenBeforeItsParentAsks) {
  ProcessSpec spec;
  spec.program = "sleep";
  spec.arguments = {"60"};
  auto process = Process::spawn(spec);
  ASSERT_TRUE(process.ok());
  const auto identity = identify(process->pid());
  EXPECT_TRUE(is_alive(identity));
  EXPECT_TRUE(end_process(identity, SIGKILL, 10s));
  EXPECT_FALSE(is_alive(identity));
}

TEST(Endpoint, KnowsWhichPortsAreFree) {
  const Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  EXPECT_FALSE(port_is_free(ntohs(address.sin_port)));
  EXPECT_FALSE(port_is_free(0));
  EXPECT_FALSE(port_is_free(70'000));
  EXPECT_TRUE(port_is_free(find_free_port().value()));
}

TEST(Endpoint, TheHashOfAPathNeverChanges) { EXPECT_EQ(path_hash("/work/sales"), "46dae2c3e1d4d834"); }

TEST(Endpoint, TheRunFolderIsInTheProjectUnlessItsPathIsTooLong) {
  const TemporaryFolder folder;
  const auto near = make_spec(ServiceKind::Warehouse, "w", folder.path());
  ASSERT_TRUE(make_folder(near.state_folder / "services").ok());
  const auto run = make_run_folder(near, ::geteuid(), ::getegid()).value();
  EXPECT_EQ(run, near.state_folder / "services" / "w.run");
  struct stat status {};
  ASSERT_EQ(::stat(run.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);

  const auto far = make_spec(ServiceKind::Warehouse, "w", folder.path() / std::string(80, 'x'));
  ASSERT_TRUE(make_folder(far.state_folder / "services").ok());
  const auto elsewhere = make_run_folder(far, ::geteuid(), ::getegid()).value();
  EXPECT_EQ(elsewhere.string().find(fmt::format("/tmp/weir-{}-", ::geteuid())), 0U);
  std::filesystem::remove(elsewhere);
}

TEST(Endpoint, AFolderOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  const TemporaryFolder folder;
  const auto spec = make_spec(ServiceKind::Warehouse, "w", folder.path());
  const auto run = spec.state_folder / "services" / "w.run";
  ASSERT_TRUE(make_folder(run).ok());
  ASSERT_EQ(::chown(run.c_str(), 65534, 65534), 0);
  EXPECT_EQ(make_run_folder(spec, 0, 0).error().code(), Code::AccessDenied);
  EXPECT_TRUE(can_enter(folder.path(), 65534, 65534));
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0700});
  EXPECT_FALSE(can_enter(spec.state_folder, 65534, 65534));
}

TEST(Record, RoundTripsAndIsForItsOwnerOnly) {
  const TemporaryFolder folder;
  const auto spec = make_spec(ServiceKind::Postgres, "shop", folder.path());
  const ServicePaths paths{spec};
  ASSERT_TRUE(make_folder(paths.folder).ok());
  EXPECT_EQ(read_record(paths).state, ServiceState::Stopped);
  ServiceRecord record;
  record.state = ServiceState::Failed;
  record.owner = {12, 34};
  record.process = {56, 78};
  record.address = {"/run", "127.0.0.1", 5433, "weir", Secret{"hunter2"}, "shop"};
  record.data_folder = "/data";
  record.version = "15.20";
  record.detail = "because";
  ASSERT_TRUE(write_record(paths, spec, record).ok());
  const auto read = read_record(paths);
  EXPECT_EQ(read.state, ServiceState::Failed);
  EXPECT_EQ(read.owner, record.owner);
  EXPECT_EQ(read.process, record.process);
  EXPECT_EQ(read.address.port, 5433);
  EXPECT_EQ(read.address.password.reveal(), "hunter2");
  EXPECT_EQ(read.detail, "because");
  EXPECT_EQ(std::filesystem::status(paths.record).permissions(), std::filesystem::perms{0600});
  // Its owner is no more, so whatever the file says it does not run.
  EXPECT_EQ(recorded_status(spec).state, ServiceState::Stopped);

  ASSERT_TRUE(write_file(paths.record, "{\"owner\": 3, \"process\": {\"pid\": \"x\"}, \"address\": []}").ok());
  EXPECT_EQ(read_record(paths).owner.pid, 0);
}

TEST(Log, StartsANewFileWhenItHasGrown) {
  const TemporaryFolder folder;
  const ServicePaths paths{make_spec(ServiceKind::Postgres, "shop", folder.path())};
  ASSERT_TRUE(open_log(paths).ok());
  std::filesystem::resize_file(paths.log, (10 << 20) + 1);
  ASSERT_TRUE(open_log(paths).ok());
  EXPECT_EQ(std::filesystem::file_size(paths.log), 0U);
  EXPECT_EQ(std::filesystem::file_size(paths.log.string() + ".1"), (10U << 20) + 1);
}

class SupervisorTest : public ::testing::Test {
 protected:
  // The services here are this program's own, also where a sanitizer's build is told of another one.
  SupervisorTest() { ::unsetenv("WEIR_WAREHOUSE_PROGRAM"); }

  std::unique_ptr<Supervisor> make(Supervisor::Lifetime lifetime = kOurs) {
    return Supervisor::create({spec_}, lifetime, log_);
  }
  ServiceRecord record() const { return read_record(paths_); }
  void set_behaviour(std::string_view text) const {
    ASSERT_TRUE(make_folder(paths_.data).ok());
    ASSERT_TRUE(write_file(paths_.data / "behaviour", text).ok());
  }
  // Another Weir, as a process, that has the service running when this returns.
  Process make_owner() const {
    auto pipe = make_pipe();
    ProcessSpec owner;
    owner.program = testing::this_program();
    owner.arguments = {"own", "warehouse", spec_.name, spec_.state_folder.string()};
    owner.stdout_fd = pipe.writing.get();
    auto process = Process::spawn(owner).value();
    EXPECT_TRUE(parse_json(read_line(pipe.reading.get())).ok());
    return process;
  }
  // Until the record shows another process than `before`: a restart that nobody asked for.
  ServiceRecord await_successor(const ProcessIdentity& before) const {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    const StopEvent never{std::stop_token{}};
    for (;;) {
      auto now = record();
      if (now.process != before && now.answers(ServiceKind::Warehouse)) return now;
      if (std::chrono::steady_clock::now() > deadline) return {};
      never.wait(5ms);
    }
  }

  TemporaryFolder folder_;
  ServiceSpec spec_ = make_spec(ServiceKind::Warehouse, "lake", folder_.path());
  ServicePaths paths_{spec_};
  CollectingLog log_;
};

TEST_F(SupervisorTest, StartsOnceAndStopsWithItself) {
  auto supervisor = make();
  EXPECT_EQ(supervisor->status().at(0).state, ServiceState::Stopped);
  const auto address = supervisor->ensure("lake", {});
  ASSERT_TRUE(address.ok()) << address.error().text();
  EXPECT_EQ(address->unix_socket, (paths_.folder / "lake.run" / "http.sock").string());
  EXPECT_EQ(address->user, "default");
  EXPECT_EQ(address->password.reveal().size(), 32U);
  const auto process = record().process;
  ASSERT_TRUE(supervisor->ensure("lake", {}).ok());
  EXPECT_EQ(record().process, process);
  const auto status = supervisor->status().at(0);
  EXPECT_EQ(status.state, ServiceState::Running);
  EXPECT_EQ(status.pid, process.pid);
  EXPECT_EQ(status.data_folder, paths_.data);
  EXPECT_EQ(status.address->unix_socket, address->unix_socket);
  EXPECT_EQ(std::filesystem::status(paths_.password).permissions(), std::filesystem::perms{0600});
  EXPECT_EQ(std::filesystem::status(paths_.data).permissions(), std::filesystem::perms{0700});
  supervisor.reset();
  EXPECT_FALSE(is_alive(process));
  EXPECT_EQ(record().state, ServiceState::Stopped);
}

TEST_F(SupervisorTest, NamesWhatItDoesNotManage) {
  const auto error = make()->ensure("lak", {}).error();
  EXPECT_EQ(error.code(), Code::NotFound);
  EXPECT_EQ(error.hint(), "the project's managed services: lake");
}

TEST_F(SupervisorTest, StopsAndStartsAgainWithItsPort) {
  auto supervisor = make();
  spec_.settings["port"] = find_free_port().value();
  auto with_port = make();
  ASSERT_EQ(with_port->ensure("lake", {})->port, spec_.settings["port"].get<int>());
  ASSERT_TRUE(with_port->stop("lake").ok());
  EXPECT_EQ(with_port->status().at(0).state, ServiceState::Stopped);
  ASSERT_TRUE(with_port->stop("lake").ok());  // stopping what does not run changes nothing
  EXPECT_EQ(supervisor->ensure("lake", {})->port, spec_.settings["port"].get<int>());
}

TEST_F(SupervisorTest, ManyThreadsStartItOnce) {
  auto supervisor = make();
  std::vector<std::jthread> threads;
  std::atomic<int> ports = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { ports += supervisor->ensure("lake", {})->port; });
  }
  threads.clear();
  EXPECT_EQ(ports, 4 * record().address.port);
}

TEST_F(SupervisorTest, TwoSupervisorsShareOneService) {
  auto first = make();
  auto second = make();
  ASSERT_TRUE(first->ensure("lake", {}).ok());
  const auto process = record().process;
  EXPECT_EQ(second->ensure("lake", {})->unix_socket, record().address.unix_socket);
  EXPECT_EQ(record().process, process);
  EXPECT_EQ(second->status().at(0).state, ServiceState::Running);
  const auto refused = second->stop("lake");
  EXPECT_EQ(refused.error().code(), Code::Conflict);
  second.reset();
  EXPECT_TRUE(is_alive(process));
  second = make();
  first.reset();
  EXPECT_FALSE(is_alive(process));
  EXPECT_TRUE(second->ensure("lake", {}).ok());  // nobody owns it any more, so the second does
  EXPECT_NE(record().process, process);
}

TEST_F(SupervisorTest, AServiceThatIsKilledComesBack) {
  auto supervisor = make();
  ASSERT_TRUE(supervisor->ensure("lake", {}).ok());
  const auto first = record().process;
  ASSERT_TRUE(end_process(first, SIGKILL, 10s));
  ASSERT_TRUE(supervisor->ensure("lake", {}).ok());
  const auto second = record().process;
  EXPECT_NE(second, first);
  // Also when nobody asks: the watcher does it.
  ASSERT_TRUE(end_process(second, SIGKILL, 10s));
  const auto third = await_successor(second);
  EXPECT_EQ(third.state, ServiceState::Running);
  EXPECT_NE(log_.text().find("service lake has ended (killed by signal 9 (Killed)): starting it again"),
            std::string::npos);
}

TEST_F(SupervisorTest, ASocketThatIsGoneIsMadeAgain) {
  auto supervisor = make();
  const auto address = supervisor->ensure("lake", {}).value();
  std::filesystem::remove(address.unix_socket);
  EXPECT_TRUE(supervisor->ensure("lake", {}).ok());
  EXPECT_TRUE(std::filesystem::exists(address.unix_socket));
}

TEST_F(SupervisorTest, NothingIsLeftWhenTheOwnerIsKilled) {
  auto owner = make_owner();
  const auto process = record().process;
  EXPECT_TRUE(is_alive(process));
  auto supervisor = make();
  ASSERT_TRUE(supervisor->ensure("lake", {}).ok());
  EXPECT_EQ(record().process, process);
  owner.signal(SIGKILL);
  owner.wait();
  EXPECT_TRUE(ends_within(process, 10s));
  EXPECT_TRUE(supervisor->ensure("lake", {}).ok());
  EXPECT_EQ(record().owner, identify(::getpid()));
}

TEST_F(SupervisorTest, AStartThatFailsSaysWhyAndLeavesTheServiceToOthers) {
  set_behaviour("fail");
  auto supervisor = make();
  const auto error = supervisor->ensure("lake", {}).error();
  EXPECT_EQ(error.code(), Code::Unavailable);
  EXPECT_EQ(error.text(), "warehouse lake did not start: exit code 1: the disk is on fire (starting service lake)");
  EXPECT_EQ(error.hint(), "see " + paths_.log.string());
  const auto status = supervisor->status().at(0);
  EXPECT_EQ(status.state, ServiceState::Failed);
  EXPECT_EQ(status.detail, "warehouse lake did not start: exit code 1: the disk is on fire");
  set_behaviour("work");
  EXPECT_TRUE(make()->ensure("lake", {}).ok());
}

TEST_F(SupervisorTest, DataThatAnotherProgramHoldsIsToldAbout) {
  set_behaviour("work");
  const auto held = claim(paths_.data / "held");
  ASSERT_TRUE(held.ok() && *held);
  EXPECT_EQ(make()->ensure("lake", {}).error().message(),
            "warehouse lake did not start: exit code 3: another process holds the data");
}

TEST_F(SupervisorTest, AStartCanBeCancelled) {
  set_behaviour("silent");
  auto supervisor = make();
  std::stop_source source;
  std::jthread canceller{[&] {
    while (record().state != ServiceState::Starting) std::this_thread::yield();
    source.request_stop();
  }};
  EXPECT_EQ(supervisor->ensure("lake", source.get_token()).error().code(), Code::Cancelled);
}

TEST_F(SupervisorTest, ARelativeStateFolderIsOurs) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  spec_.state_folder = ".weir";
  const auto address = make(kDetached)->ensure("lake", {});
  std::filesystem::current_path(before);
  ASSERT_TRUE(address.ok()) << address.error().text();
  EXPECT_EQ(address->unix_socket, (paths_.folder / "lake.run" / "http.sock").string());
  spec_.state_folder = folder_.path() / ".weir";
  EXPECT_TRUE(make()->stop("lake").ok());
}

TEST_F(SupervisorTest, AMissingProgramIsNamed) {
  spec_.weir_binary = "/nowhere/weir";
  EXPECT_EQ(make()->ensure("lake", {}).error().text(),
            "starting program: /nowhere/weir: No such file or directory (starting service lake)");
}

TEST_F(SupervisorTest, EnsureAllStartsSeveral) {
  auto second = make_spec(ServiceKind::Warehouse, "pond", folder_.path());
  auto supervisor = Supervisor::create({spec_, second}, kOurs, log_);
  ASSERT_TRUE(supervisor->ensure_all({}).ok());
  for (const auto& status : supervisor->status()) EXPECT_EQ(status.state, ServiceState::Running) << status.name;
}

TEST_F(SupervisorTest, ADetachedServiceOutlivesUsUntilItIsStopped) {
  ASSERT_TRUE(make(kDetached)->ensure("lake", {}).ok());
  const auto process = record().process;
  const auto keeper = record().owner;
  EXPECT_TRUE(is_alive(process));
  EXPECT_NE(keeper, identify(::getpid()));
  EXPECT_EQ(read_keeper(paths_), keeper);
  EXPECT_EQ(make(kDetached)->ensure("lake", {})->unix_socket, record().address.unix_socket);
  EXPECT_EQ(record().process, process);
  {
    auto sharing = make();
    ASSERT_TRUE(sharing->ensure("lake", {}).ok());
    EXPECT_EQ(record().process, process);
  }
  ASSERT_TRUE(end_process(process, SIGKILL, 10s));
  EXPECT_NE(await_successor(process).state, ServiceState::Stopped);  // it is watched
  ASSERT_TRUE(make()->stop("lake").ok());
  EXPECT_FALSE(is_alive(keeper));
  EXPECT_EQ(make()->status().at(0).state, ServiceState::Stopped);
}

TEST_F(SupervisorTest, AKeeperTakesOverFromAnOwnerThatEnds) {
  auto owner = make_owner();
  const auto process = record().process;
  ASSERT_TRUE(make(kDetached)->ensure("lake", {}).ok());
  EXPECT_EQ(record().process, process);
  owner.stop(0ms, SIGKILL);
  const auto successor = await_successor(process);
  EXPECT_EQ(successor.owner, read_keeper(paths_));
  ASSERT_TRUE(make()->stop("lake").ok());
}

TEST_F(SupervisorTest, AKeeperThatCannotStartItsServicePassesTheErrorOn) {
  set_behaviour("fail");
  const auto error = make(kDetached)->ensure("lake", {}).error();
  EXPECT_EQ(error.code(), Code::Unavailable);
  EXPECT_EQ(error.text(), "warehouse lake did not start: exit code 1: the disk is on fire (starting service lake)");
  EXPECT_FALSE(is_alive(read_keeper(paths_)));
}

}  // namespace
}  // namespace weir::services
