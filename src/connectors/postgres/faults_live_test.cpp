#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

#include "connectors/postgres/live_server.hpp"

// What is left when a server, a connection or this process goes away at the wrong moment.
namespace weir::postgres::live {
namespace {

using data::Kind;
using flow::WriteMode;
using namespace std::chrono_literals;

const data::SchemaPtr& rows_schema() {
  static const auto rows = schema({{"id", data::type_of(Kind::Int64), data::Nullable::Yes}});
  return rows;
}

data::Batch numbers(std::int64_t from, std::size_t count) {
  data::ColumnBuilder builder{data::type_of(Kind::Int64)};
  for (std::size_t i = 0; i < count; ++i) builder.append(from + static_cast<std::int64_t>(i));
  std::vector<data::Column> columns;
  columns.push_back(builder.finish());
  return data::Batch{rows_schema(), std::move(columns), count};
}

flow::WriteRequest request_for(WriteMode mode) {
  flow::WriteRequest request;
  request.table = "faulty";
  request.schema = rows_schema();
  request.mode = mode;
  return request;
}

std::string stages() {
  return value("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_weir\\_stage\\_faulty%' AND relkind = 'r'");
}

// Waits until the server agrees, as it notices the end of a session by itself.
bool becomes(const std::string& sql, const std::string& expected) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (value(sql) == expected) return true;
    // The server tells nobody when a backend is gone.
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

// Stands between a client and the server and, once armed, hides the server's answer to COMMIT: the commit happens, and
// the client sees its connection break.
class ForgetfulProxy {
 public:
  explicit ForgetfulProxy(const Endpoint& server) : server_(server) {
    std::string folder = "/tmp/weir-proxy-XXXXXX";
    endpoint_ = {.folder = mkdtemp(folder.data()), .port = 5432};
    listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(endpoint_);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    listen(listener_.get(), 16);
    accepting_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~ForgetfulProxy() {
    accepting_.request_stop();
    accepting_.join();
    connections_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(endpoint_.folder, ignored);
  }
  const Endpoint& endpoint() const { return endpoint_; }
  void arm() { armed_ = true; }

 private:
  static sockaddr_un address_of(const Endpoint& endpoint) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = endpoint.folder + "/.s.PGSQL." + std::to_string(endpoint.port);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

  void accept_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, 50) <= 0) continue;
      Descriptor client{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      connections_.emplace_back(
          [this, held = std::move(client)](const std::stop_token& stopping) { relay(held, stopping); });
    }
  }

  void relay(const Descriptor& client, const std::stop_token& stop) {
    const Descriptor upstream{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = address_of(server_);
    if (connect(upstream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    bool committing = false;
    std::array<char, 65536> bytes{};
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> sockets{pollfd{.fd = client.get(), .events = POLLIN, .revents = 0},
                                    pollfd{.fd = upstream.get(), .events = POLLIN, .revents = 0}};
      if (poll(sockets.data(), 2, 50) <= 0) continue;
      for (std::size_t i = 0; i < 2; ++i) {
        if (sockets[i].revents == 0) continue;
        const auto count = recv(sockets[i].fd, bytes.data(), bytes.size(), 0);
        if (count <= 0) return;
        const std::string_view text(bytes.data(), static_cast<std::size_t>(count));
        if (i == 1 && committing) return;  // the server has committed; nobody hears of it
        if (i == 0 && armed_ && text.find("COMMIT") != std::string_view::npos) committing = true;
        if (send(sockets[1 - i].fd, bytes.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) != count) return;
      }
    }
  }

  Endpoint server_;
  Endpoint endpoint_;
  Descriptor listener_;
  std::atomic<bool> armed_ = false;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;
};

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    if (server() == nullptr) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    roles_ = open_roles(*server());
    run("DROP TABLE IF EXISTS faulty; CREATE TABLE faulty (id bigint); INSERT INTO faulty VALUES (0)");
  }
  Roles roles_;
};

TEST_F(Faults, ABackendThatIsKilledDuringCopyLeavesTheTableAsItWas) {
  for (const auto mode : {WriteMode::Append, WriteMode::Replace, WriteMode::Merge}) {
    auto request = request_for(mode);
    if (mode == WriteMode::Merge) request.key = {"id"};
    {
      const auto load = roles_.sink->open(request, {}).value();
      const auto writer = load->writer({}).value();
      ASSERT_TRUE(writer->write(numbers(1, 100'000), {}).ok());
      ASSERT_TRUE(becomes("SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'COPY%FROM STDIN%'", "t"));
      run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%FROM STDIN%'");
      Result<void> written;
      for (int i = 0; written.ok() && i < 100; ++i) written = writer->write(numbers(1, 100'000), {});
      if (written.ok()) written = writer->finish({});
      ASSERT_FALSE(written.ok());
      EXPECT_EQ(written.error().code(), Code::Unavailable) << written.error().text();
      EXPECT_EQ(written.error().retry(), Retry::Reconnect);
    }
    EXPECT_EQ(value("SELECT string_agg(id::text, ',') FROM faulty"), "0");
    EXPECT_EQ(stages(), "0");
  }
}

TEST_F(Faults, ALostAnswerToCommitIsFoundOut) {
  for (const auto mode : {WriteMode::Append, WriteMode::Replace}) {
    run("DROP TABLE IF EXISTS faulty; CREATE TABLE faulty (id bigint)");
    const CommitId commit{mode == WriteMode::Append ? "lost-append" : "lost-replace"};
    ForgetfulProxy proxy{*server()};
    const auto roles = open_roles(proxy.endpoint());
    const auto load = roles.sink->open(request_for(mode), {}).value();
    const auto writer = load->writer({}).value();
    ASSERT_TRUE(writer->write(numbers(1, 1000), {}).ok());
    ASSERT_TRUE(writer->finish({}).ok());
    EXPECT_EQ(roles_.sink->find(request_for(mode), commit, {}).value(), std::nullopt);
    proxy.arm();
    const auto committed = load->commit(commit, {});
    ASSERT_FALSE(committed.ok());
    EXPECT_EQ(committed.error().code(), Code::Unavailable) << committed.error().text();
    EXPECT_EQ(roles_.sink->find(request_for(mode), commit, {}).value(), (flow::Receipt{commit, 1000}));
    EXPECT_EQ(value("SELECT count(*) FROM faulty"), "1000");
    // An attempt that does not ask first changes nothing either.
    const auto again = live::load(*roles_.sink, request_for(mode), {numbers(1, 1000)}, commit.text());
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(value("SELECT count(*) FROM faulty"), "1000");
  }
}

TEST_F(Faults, TheNextLoadRemovesWhatAKilledProcessLeft) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const auto child = fork();
  if (child == 0) {
    const auto roles = open_roles(*server());
    auto load = roles.sink->open(request_for(WriteMode::Replace), {});
    auto writer = load.value()->writer({});
    if (writer.ok() && writer.value()->write(numbers(1, 50'000), {}).ok() && write(ready[1], "x", 1) == 1) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(stages(), "1");
  {
    // It lives: another load of the table leaves its stage alone.
    const auto load = roles_.sink->open(request_for(WriteMode::Replace), {}).value();
    EXPECT_EQ(stages(), "2");
  }
  EXPECT_EQ(stages(), "1");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  ASSERT_TRUE(becomes("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0"))
      << "the server notices that the child is gone";
  EXPECT_EQ(value("SELECT string_agg(id::text, ',') FROM faulty"), "0");
  EXPECT_EQ(stages(), "1");
  const auto receipt = load(*roles_.sink, request_for(WriteMode::Replace), {numbers(5, 2)}, "after-kill");
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(stages(), "0");
  EXPECT_EQ(value("SELECT string_agg(id::text, ',') FROM faulty"), "5,6");
}

TEST_F(Faults, AStopEndsEveryWaitWithinASecond) {
  const auto expect_cancelled_soon = [](const auto& call) {
    std::stop_source source;
    std::jthread stopping([&] {
      // The call should be waiting by then; when it is not, it is cancelled even sooner
      std::this_thread::sleep_for(100ms);
      source.request_stop();
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto error = call(source.get_token());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1100ms);
    EXPECT_EQ(error.code(), Code::Cancelled) << error.text();
  };
  expect_cancelled_soon(
      [&](std::stop_token stop) { return roles_.database->execute("SELECT pg_sleep(60)", stop).error(); });
  expect_cancelled_soon([&](std::stop_token stop) {
    // The server answers once it has a row.
    const auto reader = roles_.database->select("SELECT pg_sleep(60)", {}, stop);
    return reader.ok() ? Error::bug("opened") : reader.error();
  });
  expect_cancelled_soon([&](std::stop_token stop) {
    const auto reader = roles_.database
                            ->select("SELECT repeat('x', 10000), pg_sleep(n / 10 * 10) FROM generate_series(1, 20) n",
                                     {.batch_rows = 1}, {})
                            .value();
    while (true) {
      const auto delivery = reader->next(stop);
      if (!delivery.ok()) return delivery.error();
      if (!*delivery) return Error::bug("ended");
    }
  });
  ASSERT_TRUE(
      becomes("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND query NOT LIKE "
              "'%pg_stat_activity%' AND state = 'active'",
              "0"))
      << "the server was told to stop";
  const auto load = roles_.sink->open(request_for(WriteMode::Append), {}).value();
  auto holder = connect();
  run(holder, "BEGIN");
  run(holder, "LOCK TABLE faulty");
  expect_cancelled_soon([&](std::stop_token stop) {
    const auto writer = load->writer(stop);
    return writer.ok() ? Error::bug("opened") : writer.error();
  });
}

TEST_F(Faults, PartitionsShareASnapshot) {
  run("DROP TABLE IF EXISTS wide; CREATE TABLE wide AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, "
      "20000) n; ANALYZE wide");
  flow::ReadRequest request;
  request.stream = "wide";
  request.columns = {"n"};
  const auto described = roles_.source->describe(request, {}).value();
  EXPECT_EQ(described.rows_estimate, 20000U);
  const auto partitions = roles_.source->partitions(request, 4, {}).value();
  ASSERT_EQ(partitions.size(), 4U);
  run("DELETE FROM wide WHERE n % 2 = 0; INSERT INTO wide SELECT n, '' FROM generate_series(100000, 150000) n; UPDATE "
      "wide SET n = -n");
  std::vector<std::int64_t> seen;
  for (const auto& partition : partitions) {
    const auto before = seen.size();
    const auto reader = roles_.source->open(request, partition, std::nullopt, {}).value();
    while (const auto delivery = reader->next({}).value()) {
      const auto* values = delivery->batch.column(0).values<std::int32_t>();
      seen.insert(seen.end(), values, values + delivery->batch.rows());
    }
    EXPECT_GT(seen.size(), before + 3000);
  }
  std::ranges::sort(seen);
  ASSERT_EQ(seen.size(), 20000U);
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], static_cast<std::int64_t>(i + 1));
  // Another source cannot tell what this one's partitions mean once it is gone.
  roles_.source.reset();
  const auto other = open_roles(*server());
  const auto open_late = [&] { return other.source->open(request, partitions[0], std::nullopt, {}); };
  // The server ends the session that exported the snapshot a moment after its client has left.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  auto late = open_late();
  while (late.ok() && std::chrono::steady_clock::now() < until) late = open_late();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::Conflict) << late.error().text();
  run("DROP TABLE wide");
}

TEST_F(Faults, WhatCannotBeReachedSaysWhoHasToAct) {
  auto nobody = *server();
  nobody.port = 1;
  const auto refused = open_roles(nobody).source->discover({});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_EQ(refused.error().fault(), Fault::External);
  EXPECT_NE(refused.error().hint(), "");

  const auto open_with = [](const char* key, const char* setting) {
    auto json = settings(*server()).values();
    json[key] = setting;
    flow::OpenContext opened;
    opened.connection = {.name = "shop", .type = "postgres", .settings = Settings{json}};
    return postgres_connector().open_source(opened).value()->discover({}).error();
  };
  EXPECT_EQ(open_with("user", "stranger").code(), Code::AccessDenied);
  EXPECT_EQ(open_with("user", "stranger").native_code(), "28000");
  EXPECT_EQ(open_with("database", "nowhere").code(), Code::NotFound);

  flow::ReadRequest missing;
  missing.stream = "crm.nothing";
  const auto described = roles_.source->describe(missing, {});
  ASSERT_FALSE(described.ok());
  EXPECT_EQ(described.error().message(), "there is no such table or view: crm.nothing");
  EXPECT_EQ(described.error().code(), Code::NotFound);
}

TEST_F(Faults, DiscoverListsTablesAndViews) {
  run("DROP SCHEMA IF EXISTS d CASCADE; CREATE SCHEMA d; CREATE TABLE d.t (b text, a int PRIMARY KEY); CREATE VIEW d.v "
      "AS SELECT a FROM d.t");
  std::string found;
  const auto streams = roles_.source->discover({});
  ASSERT_TRUE(streams.ok()) << streams.error().text();
  for (const auto& stream : *streams) {
    if (stream.name.starts_with("d.") || stream.name == "faulty")
      found +=
          stream.name + " (" + stream.schema.text() + ")" + (stream.key.empty() ? "" : " key " + stream.key[0]) + "\n";
  }
  EXPECT_EQ(found, "d.t (b string, a int32 not null) key a\nd.v (a int32)\nfaulty (id int64)\n");
  run("DROP SCHEMA d CASCADE");
}

}  // namespace
}  // namespace weir::postgres::live
