#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <thread>

#include "services/endpoint.hpp"
#include "services/managed_service.hpp"
#include "services/postgres_data.hpp"
#include "services/postgres_installation.hpp"
#include "services/test_support.hpp"
#include "services/user.hpp"

// Managed PostgreSQL with the server that is installed. Root runs every test; a plain user skips those about root.
namespace weir::services {
namespace {

using namespace std::chrono_literals;
using testing::CollectingLog;
using testing::make_pipe;
using testing::make_spec;
using testing::read_all;
using testing::read_line;
using testing::TemporaryFolder;

constexpr auto kOurs = Supervisor::Lifetime::WithSupervisor;

bool is_root() { return ::geteuid() == 0; }

// Debian's own psql in PATH is a slow wrapper.
std::filesystem::path psql() { return find_postgres_installations().front().folder / "psql"; }

// What psql prints for a statement, through the socket or (as other users must) the port.
enum class Way { Socket, Port };
std::string sql(const ServiceAddress& address, const std::string& statement, Way way = Way::Socket) {
  auto pipe = make_pipe();
  ProcessSpec spec;
  spec.program = psql();
  spec.arguments = {"-XAtqh", way == Way::Socket ? address.unix_socket : address.host,
                    "-p",     fmt::format("{}", address.port),
                    "-U",     address.user,
                    "-d",     address.database,
                    "-c",     statement};
  spec.environment = {{"PGPASSWORD", address.password.reveal()}, {"PGCONNECT_TIMEOUT", "10"}};
  spec.stdout_fd = pipe.writing.get();
  spec.stderr_fd = pipe.writing.get();
  auto process = Process::spawn(spec);
  if (!process.ok()) return process.error().text();
  pipe.writing.reset();
  auto text = read_all(pipe.reading.get());
  process->wait();
  return text.substr(0, text.rfind('\n'));
}

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (find_postgres_installations().empty()) GTEST_SKIP() << "no PostgreSQL server found; set WEIR_POSTGRES_BIN";
  }
  std::unique_ptr<Supervisor> make(Supervisor::Lifetime lifetime = kOurs) {
    return Supervisor::create({spec_}, lifetime, log_);
  }
  ServiceRecord record() const { return read_record(paths_); }
  // Makes the data and leaves one row in it.
  void make_data() {
    const auto address = make()->ensure("shop", {});
    ASSERT_TRUE(address.ok()) << address.error().explain();
  }
  void keep_a_row(const ServiceAddress& address) {
    ASSERT_EQ(sql(address, "create table kept (id int); insert into kept values (7)"), "");
  }

  TemporaryFolder folder_;
  ServiceSpec spec_ = make_spec(ServiceKind::Postgres, "shop", folder_.path());
  ServicePaths paths_{spec_};
  CollectingLog log_;
};

TEST_F(PostgresTest, StartsFromNothingAndStopsInOrder) {
  auto supervisor = make();
  const auto began = std::chrono::steady_clock::now();
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  const auto first = std::chrono::steady_clock::now() - began;
  RecordProperty("initdb_and_start_ms",
                 fmt::format("{}", std::chrono::duration_cast<std::chrono::milliseconds>(first).count()));
  EXPECT_EQ(address->user, "weir");
  EXPECT_EQ(address->database, "shop");
  for (const auto way : {Way::Socket, Way::Port}) {
    EXPECT_EQ(sql(*address, "select current_database() || ' ' || current_user", way), "shop weir");
  }
  auto stranger = *address;
  stranger.password = Secret{"wrong"};
  for (const auto way : {Way::Socket, Way::Port}) {
    EXPECT_NE(sql(stranger, "select 1", way).find("password authentication failed"), std::string::npos);
  }
  for (const auto& [setting, value] :
       std::vector<std::pair<std::string, std::string>>{{"data_checksums", "on"},
                                                        {"wal_level", "logical"},
                                                        {"synchronous_commit", "on"},
                                                        {"fsync", "on"},
                                                        {"server_encoding", "UTF8"},
                                                        {"lc_collate", "C"},
                                                        {"lc_ctype", "C.UTF-8"},
                                                        {"password_encryption", "scram-sha-256"},
                                                        {"listen_addresses", "127.0.0.1"},
                                                        {"TimeZone", "UTC"},
                                                        {"max_wal_size", "4GB"}}) {
    EXPECT_EQ(sql(*address, "show " + setting), value) << setting;
  }
  EXPECT_EQ(sql(*address, "select upper('ä') || (select min(x) from (values ('B'), ('a')) as t(x))"), "ÄB");
  keep_a_row(*address);
  const auto process = record().process;
  supervisor.reset();
  EXPECT_FALSE(is_alive(process));
  EXPECT_NE(read_file(paths_.log)->find("database system is shut down"), std::string::npos);

  supervisor = make();
  const auto again = std::chrono::steady_clock::now();
  const auto second = supervisor->ensure("shop", {});
  ASSERT_TRUE(second.ok()) << second.error().explain();
  RecordProperty(
      "start_ms",
      fmt::format(
          "{}",
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - again).count()));
  EXPECT_EQ(second->port, address->port);
  EXPECT_EQ(second->password, address->password);
  EXPECT_EQ(sql(*second, "select id from kept"), "7");
}

TEST_F(PostgresTest, UsersSettingsWinOverOurs) {
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {}).value();
  ASSERT_EQ(sql(address, "alter system set work_mem = '9MB'"), "");
  ASSERT_TRUE(supervisor->stop("shop").ok());
  EXPECT_EQ(sql(supervisor->ensure("shop", {}).value(), "show work_mem"), "9MB");
}

TEST_F(PostgresTest, RootPutsTheDataIntoTheProjectWhenItsUserCanEnter) {
  if (!is_root()) GTEST_SKIP() << "about root";
  make_data();
  EXPECT_EQ(record().data_folder, paths_.data);
  struct stat status {};
  ASSERT_EQ(::stat(paths_.data.c_str(), &status), 0);
  EXPECT_EQ(find_user(status.st_uid)->name, find_user("postgres") ? "postgres" : "nobody");
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(PostgresTest, RootWorksUnderAFolderThatItsUserCannotEnter) {
  if (!is_root()) GTEST_SKIP() << "about root";
  const TemporaryFolder closed{"/root"};
  std::filesystem::permissions(closed.path(), std::filesystem::perms{0700});
  spec_ = make_spec(ServiceKind::Postgres, "shop", closed.path());
  const ServicePaths paths{spec_};
  std::filesystem::path data;
  {
    auto supervisor = make();
    const auto address = supervisor->ensure("shop", {});
    ASSERT_TRUE(address.ok()) << address.error().explain();
    keep_a_row(*address);
    data = read_file(paths.pointer).value();
    EXPECT_EQ(data, std::filesystem::path{"/var/lib/weir"} / path_hash(paths.folder) / "shop");
    EXPECT_EQ(supervisor->status().at(0).data_folder, data);
    EXPECT_EQ(address->unix_socket.find("/tmp/weir-"), 0U);
  }
  {
    auto supervisor = make();
    EXPECT_EQ(sql(supervisor->ensure("shop", {}).value(), "select id from kept"), "7");
  }
  // A copy of the project must not take the original's database.
  const TemporaryFolder copy{"/root"};
  std::filesystem::permissions(copy.path(), std::filesystem::perms{0700});
  std::filesystem::copy(closed.path(), copy.path(), std::filesystem::copy_options::recursive);
  spec_ = make_spec(ServiceKind::Postgres, "shop", copy.path());
  EXPECT_EQ(make()->ensure("shop", {}).error().code(), Code::Conflict);
  // But a project that has moved keeps its database.
  std::filesystem::remove_all(closed.path() / ".weir");
  {
    auto supervisor = make();
    const auto moved = supervisor->ensure("shop", {});
    ASSERT_TRUE(moved.ok()) << moved.error().explain();
    EXPECT_EQ(sql(*moved, "select id from kept"), "7");
  }
  std::filesystem::remove_all(data.parent_path());
  const auto gone = make()->ensure("shop", {});
  EXPECT_EQ(gone.error().code(), Code::NotFound);
  EXPECT_NE(gone.error().text().find("the data of service shop is gone"), std::string::npos);
}

TEST_F(PostgresTest, APlainUserRunsItAndNothingIsLeftWhenTheOwnerIsKilled) {
  // This program once more, as the owner: as nobody when we are root, so from a place that nobody can reach.
  const auto program = folder_.path() / "weir";
  std::filesystem::copy_file(testing::this_program(), program);
  ASSERT_TRUE(make_folder(spec_.state_folder).ok());
  auto pipe = make_pipe();
  ProcessSpec owner_spec;
  owner_spec.program = program;
  owner_spec.arguments = {"own", "postgres", "shop", spec_.state_folder.string()};
  owner_spec.stdout_fd = pipe.writing.get();
  owner_spec.folder = "/";
  if (is_root()) {
    const auto nobody = find_user("nobody").value();
    ASSERT_EQ(::chown(spec_.state_folder.c_str(), nobody.uid, nobody.gid), 0);
    owner_spec.user = "nobody";
  }
  auto owner = Process::spawn(owner_spec);
  ASSERT_TRUE(owner.ok()) << owner.error().text();
  pipe.writing.reset();
  const auto line = read_line(pipe.reading.get());
  const auto json = parse_json(line);
  ASSERT_TRUE(json.ok()) << line << read_all(pipe.reading.get());
  const auto address = address_from(*json);
  keep_a_row(address);
  EXPECT_EQ(record().data_folder, paths_.data);
  struct stat status {};
  ASSERT_EQ(::stat(paths_.data.c_str(), &status), 0);
  EXPECT_EQ(find_user(status.st_uid)->name, is_root() ? "nobody" : find_user(::geteuid())->name);

  const auto server = open_process(record().process);
  ASSERT_TRUE(server);
  owner->signal(SIGKILL);
  owner->wait();
  EXPECT_TRUE(wait_readable({server.get()}, 30s).has_value());
  // Whoever comes next finds the data; root keeps running it as the user that it belongs to.
  auto supervisor = make();
  const auto again = supervisor->ensure("shop", {});
  ASSERT_TRUE(again.ok()) << again.error().explain();
  EXPECT_EQ(sql(*again, "select id from kept"), "7");
}

TEST_F(PostgresTest, TheNextOwnerWaitsForAServerThatIsStillEnding) {
  auto pipe = make_pipe();
  ProcessSpec owner_spec;
  owner_spec.program = testing::this_program();
  owner_spec.arguments = {"own", "postgres", "shop", spec_.state_folder.string()};
  owner_spec.stdout_fd = pipe.writing.get();
  auto owner = Process::spawn(owner_spec);
  ASSERT_TRUE(owner.ok());
  pipe.writing.reset();
  ASSERT_TRUE(parse_json(read_line(pipe.reading.get())).ok());
  keep_a_row(record().address);
  const auto first = record().process;
  owner->stop(0ms, SIGKILL);
  auto supervisor = make();  // at once, while the first server writes its last checkpoint
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  EXPECT_NE(record().process, first);
  EXPECT_EQ(sql(*address, "select id from kept"), "7");
}

TEST_F(PostgresTest, AKilledServerComesBackWithItsData) {
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {}).value();
  keep_a_row(address);
  const auto first = record().process;
  ASSERT_TRUE(end_process(first, SIGKILL, 10s));
  const auto again = supervisor->ensure("shop", {});
  ASSERT_TRUE(again.ok()) << again.error().explain();
  EXPECT_NE(record().process, first);
  EXPECT_EQ(sql(*again, "select id from kept"), "7");
}

TEST_F(PostgresTest, ABusySessionOfAKilledServerIsEndedFirst) {
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {}).value();
  // A session that never looks whether its server still lives.
  ProcessSpec session;
  session.program = psql();
  session.arguments = {"-XAtqh",
                       address.unix_socket,
                       "-p",
                       fmt::format("{}", address.port),
                       "-U",
                       "weir",
                       "-d",
                       "shop",
                       "-c",
                       "create function spin() returns void language plpgsql as $$ begin loop end loop; end $$; "
                       "select spin()"};
  session.environment = {{"PGPASSWORD", address.password.reveal()}};
  auto client = Process::spawn(session);
  ASSERT_TRUE(client.ok());
  const StopEvent never{std::stop_token{}};
  for (int i = 0; i < 500 && sql(address,
                                 "select count(*) from pg_stat_activity where query like '%spin()' and pid <> "
                                 "pg_backend_pid() and state = 'active'") != "1";
       ++i) {
    never.wait(10ms);
  }
  ASSERT_TRUE(end_process(record().process, SIGKILL, 10s));
  const auto again = supervisor->ensure("shop", {});
  ASSERT_TRUE(again.ok()) << again.error().explain();
  EXPECT_EQ(sql(*again, "select 1"), "1");
}

TEST_F(PostgresTest, AStalePidFileThatNamesAnotherProgramIsNoHindrance) {
  make_data();
  // A living process with the rights of the server, so that PostgreSQL itself would believe the file.
  ProcessSpec sleeper;
  sleeper.program = "sleep";
  sleeper.arguments = {"60"};
  sleeper.folder = "/";
  if (is_root()) sleeper.user = find_user("postgres") ? "postgres" : "nobody";
  auto stranger = Process::spawn(sleeper);
  ASSERT_TRUE(stranger.ok());
  const auto stale = fmt::format("{}\n{}\n1\n{}\n{}\n127.0.0.1\n  1 1\nready\n", stranger->pid(), paths_.data.string(),
                                 record().address.port, record().address.unix_socket);
  ASSERT_TRUE(write_file(paths_.data / "postmaster.pid", stale).ok());
  const auto socket = socket_file(ServiceKind::Postgres, record().address);
  ASSERT_TRUE(make_folder(socket.parent_path()).ok());
  ASSERT_TRUE(write_file(socket.string() + ".lock", stale).ok());
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  EXPECT_EQ(sql(*address, "select 1"), "1");
  EXPECT_FALSE(stranger->wait(0ms).has_value());  // and the stranger is left alone
}

TEST_F(PostgresTest, APortInUseIsReplacedAndToldAbout) {
  const Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in taken{};
  taken.sin_family = AF_INET;
  taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof taken;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&taken), length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&taken), &length), 0);
  spec_.settings["port"] = ntohs(taken.sin_port);
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  EXPECT_NE(address->port, ntohs(taken.sin_port));
  EXPECT_EQ(record().address.port, address->port);
  EXPECT_EQ(sql(*address, "select 1", Way::Port), "1");
  EXPECT_NE(log_.text().find(fmt::format("port {} of service shop is in use", ntohs(taken.sin_port))),
            std::string::npos);
}

TEST_F(PostgresTest, DataOfAVersionThatIsNotInstalledIsExplained) {
  make_data();
  ASSERT_TRUE(write_file(paths_.data / "PG_VERSION", "9\n").ok());
  const auto error = make()->ensure("shop", {}).error();
  EXPECT_EQ(error.code(), Code::Unsupported);
  EXPECT_NE(error.text().find("was made by PostgreSQL 9, which is not installed"), std::string::npos) << error.text();
}

TEST_F(PostgresTest, ALostPasswordIsReplaced) {
  make_data();
  const auto before = read_file(paths_.password).value();
  std::filesystem::remove(paths_.password);
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  EXPECT_NE(address->password.reveal(), before);
  EXPECT_EQ(sql(*address, "select 1"), "1");
  EXPECT_EQ(read_file(paths_.log)->find(address->password.reveal()), std::string::npos);
}

TEST_F(PostgresTest, AHalfMadeDatabaseIsMadeAnew) {
  ASSERT_TRUE(make_folder(paths_.data.string() + ".new/base").ok());
  ASSERT_TRUE(write_file(paths_.data.string() + ".new/PG_VERSION", "15\n").ok());
  make_data();
  EXPECT_FALSE(std::filesystem::exists(paths_.data.string() + ".new"));
}

TEST_F(PostgresTest, LinksInTheDataFolderAreNotFollowed) {
  make_data();
  const auto victim = folder_.path() / "victim";
  ASSERT_TRUE(write_file(victim, "precious").ok());
  for (const auto* name : {"weir.conf", "weir.new"}) {
    std::filesystem::remove(paths_.data / name);
    std::filesystem::create_symlink(victim, paths_.data / name);
  }
  auto supervisor = make();
  const auto address = supervisor->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  EXPECT_EQ(read_file(victim).value(), "precious");
  EXPECT_EQ(sql(*address, "show wal_level"), "logical");
}

TEST_F(PostgresTest, ASettingThatStopsItFromStartingIsQuoted) {
  make_data();
  ASSERT_TRUE(write_file(paths_.data / "postgresql.auto.conf", "shared_buffers = 'lots'\n").ok());
  const auto error = make()->ensure("shop", {}).error();
  EXPECT_EQ(error.code(), Code::Unavailable);
  EXPECT_NE(error.text().find("invalid value for parameter \"shared_buffers\": \"lots\""), std::string::npos)
      << error.text();
}

TEST_F(PostgresTest, TwoSupervisorsShareOne) {
  auto first = make();
  auto second = make();
  const auto address = first->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  const auto process = record().process;
  EXPECT_EQ(sql(second->ensure("shop", {}).value(), "select 1"), "1");
  EXPECT_EQ(record().process, process);
  second.reset();
  EXPECT_TRUE(is_alive(process));
}

TEST_F(PostgresTest, ADetachedServerOutlivesUsUntilItIsStopped) {
  const auto address = make(Supervisor::Lifetime::Detached)->ensure("shop", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  const auto process = record().process;
  EXPECT_EQ(sql(*address, "select 1"), "1");
  const auto status = make()->status().at(0);
  EXPECT_EQ(status.state, ServiceState::Running);
  EXPECT_EQ(status.pid, process.pid);
  ASSERT_TRUE(make()->stop("shop").ok());
  EXPECT_FALSE(is_alive(process));
}

TEST_F(PostgresTest, SeveralDatabasesStartAtOnce) {
  auto second = make_spec(ServiceKind::Postgres, "we \"ird", folder_.path());
  auto supervisor = Supervisor::create({spec_, second}, kOurs, log_);
  const auto started = supervisor->ensure_all({});
  ASSERT_TRUE(started.ok()) << started.error().explain();
  EXPECT_EQ(sql(*supervisor->status().at(1).address, "select current_database()"), "we \"ird");
}

// The real warehouse, in the real `weir`.
class WarehouseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(WEIR_BINARY)) GTEST_SKIP() << "no " << WEIR_BINARY << ": build the target weir";
    spec_.weir_binary = WEIR_BINARY;
  }
  std::unique_ptr<Supervisor> make(Supervisor::Lifetime lifetime = kOurs) {
    return Supervisor::create({spec_}, lifetime, log_);
  }
  // What the warehouse answers to a statement over HTTP.
  static std::string sql(const ServiceAddress& address, const std::string& statement) {
    auto pipe = make_pipe();
    ProcessSpec spec;
    spec.program = "curl";
    spec.arguments = {"-s",
                      "--unix-socket",
                      address.unix_socket,
                      "-u",
                      address.user + ":" + address.password.reveal(),
                      "--data-binary",
                      statement,
                      "http://localhost/"};
    spec.stdout_fd = pipe.writing.get();
    auto process = Process::spawn(spec);
    if (!process.ok()) return process.error().text();
    pipe.writing.reset();
    auto text = read_all(pipe.reading.get());
    process->wait();
    return text.substr(0, text.rfind('\n'));
  }

  TemporaryFolder folder_;
  ServiceSpec spec_ = make_spec(ServiceKind::Warehouse, "lake", folder_.path());
  ServicePaths paths_{spec_};
  CollectingLog log_;
};

TEST_F(WarehouseTest, StartsAnswersComesBackAndStops) {
  auto supervisor = make();
  const auto began = std::chrono::steady_clock::now();
  const auto address = supervisor->ensure("lake", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  RecordProperty(
      "warehouse_start_ms",
      fmt::format(
          "{}",
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count()));
  EXPECT_EQ(sql(*address, "select 1 + 1"), "2");
  EXPECT_EQ(sql(*address, "create table kept (id Int32) engine = MergeTree order by id"), "");
  EXPECT_EQ(sql(*address, "insert into kept values (7)"), "");
  const auto first = read_record(paths_).process;
  ASSERT_TRUE(end_process(first, SIGKILL, 10s));
  const auto again = supervisor->ensure("lake", {});
  ASSERT_TRUE(again.ok()) << again.error().explain();
  EXPECT_EQ(sql(*again, "select id from kept"), "7");
  EXPECT_EQ(again->port, address->port);
  const auto second = read_record(paths_).process;
  supervisor.reset();
  EXPECT_FALSE(is_alive(second));
}

TEST_F(WarehouseTest, IsSharedAndSaysWhatStopsIt) {
  auto first = make();
  const auto address = first->ensure("lake", {});
  ASSERT_TRUE(address.ok()) << address.error().explain();
  auto second = make();
  EXPECT_EQ(sql(second->ensure("lake", {}).value(), "select 3"), "3");
  // Another project that was pointed at the same data.
  auto stranger = make_spec(ServiceKind::Warehouse, "other", folder_.path());
  stranger.weir_binary = WEIR_BINARY;
  std::filesystem::create_directory_symlink(paths_.data, ServicePaths{stranger}.data);
  const auto refused = Supervisor::create({stranger}, kOurs, log_)->ensure("other", {});
  EXPECT_NE(refused.error().text().find("another warehouse process has this data folder open"), std::string::npos)
      << refused.error().text();
}

}  // namespace
}  // namespace weir::services
