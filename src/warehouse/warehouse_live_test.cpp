// The warehouse as a process: how it starts, shares, stops and dies.

#include "warehouse/warehouse.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/file.hpp"
#include "warehouse/chdb.hpp"
#include "warehouse/warehouse_process.hpp"

namespace weir::warehouse {
namespace {

// A sanitizer has handlers of its own for a crash.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

class WarehouseLive : public testing::Test {
 protected:
  void SetUp() override {
    if (!library_is_there()) GTEST_SKIP() << "no libchdb: set WEIR_CHDB_LIBRARY";
  }
};

TEST_F(WarehouseLive, ASecondProcessOnTheSameFolderIsTurnedAway) {
  const WarehouseProcess first(fresh_folder("second"));
  const auto [code, said] = WarehouseProcess::run_to_end(first.data_folder());
  EXPECT_EQ(code, 3);
  EXPECT_NE(said.find("another warehouse process has this data folder open"), std::string::npos) << said;
  EXPECT_EQ(first.value("select 1"), "1");
}

TEST_F(WarehouseLive, RunsInASessionOfItsOwnAndStopsInOrder) {
  WarehouseProcess process(fresh_folder("stop"));
  EXPECT_EQ(::getsid(process.pid()), process.pid());
  EXPECT_EQ(process.value("create table t (a Int8) engine = MergeTree order by a"), "");
  EXPECT_EQ(process.value("create table default.t (a Int8) engine = MergeTree order by a"), "");
  EXPECT_EQ(process.value("insert into t values (1)"), "");
  EXPECT_EQ(process.value("insert into default.t values (2)"), "");
  const auto folder = process.data_folder();
  EXPECT_EQ(process.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(process.socket()));
  const WarehouseProcess again(folder);
  EXPECT_EQ(again.value("select (select a from t), (select a from default.t)"), "1\t2");
}

TEST_F(WarehouseLive, StopsWhileAQueryRuns) {
  WarehouseProcess process(fresh_folder("busy"));
  const auto connection = process.begin("select sleepEachRow(1) from numbers(1000) settings max_block_size = 1");
  while (process.value("select count() from system.processes") == "1") {
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(process.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(WarehouseLive, SaysWhyItCannotStart) {
  const auto folder = fresh_folder("blocked");
  ASSERT_TRUE(write_file(folder, "a file where the folder should be").ok());
  const auto [code, said] = WarehouseProcess::run_to_end(folder);
  EXPECT_EQ(code, 3);
  EXPECT_NE(said.find(folder.filename().string()), std::string::npos) << said;
  std::filesystem::remove(folder);
}

// kill -9 while several clients insert: what was acknowledged is there, of every batch all or nothing.
TEST_F(WarehouseLive, KeepsWhatItAcknowledgedWhenItIsKilled) {
  constexpr int kBatchRows = 1000;
  auto folder = fresh_folder("killed");
  std::atomic<int> next_batch = 0;
  std::mutex mutex;
  std::vector<int> acknowledged;
  for (int round = 0; round < 3; ++round) {
    WarehouseProcess process(folder);
    process.value("create table if not exists batches (batch Int32, n Int32) engine = MergeTree order by (batch, n)");
    std::atomic<bool> killed = false;
    std::vector<std::thread> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back([&] {
        while (!killed) {
          const int batch = next_batch++;
          std::string sql = "insert into batches format TSV\n";
          for (int n = 0; n < kBatchRows; ++n) sql += fmt::format("{}\t{}\n", batch, n);
          net::HttpRequest request;
          request.method = "POST";
          request.url = "http://localhost/";
          request.unix_socket = process.socket();
          request.headers.add("X-ClickHouse-User", "default");
          request.headers.add("X-ClickHouse-Key", std::string(kTestPassword));
          net::HttpClient client;
          const auto answer = client.fetch(request, sql, {});
          if (!answer.ok() || answer->first.status != 200) continue;
          const std::lock_guard lock(mutex);
          acknowledged.push_back(batch);
        }
      });
    }
    // Some batches in, others under way.
    const auto enough = [&] {
      const std::lock_guard lock(mutex);
      return acknowledged.size() >= static_cast<std::size_t>(round + 1) * 20;
    };
    while (!enough()) std::this_thread::yield();
    process.kill();
    killed = true;
    for (auto& client : clients) client.join();
  }
  const WarehouseProcess process(folder);
  EXPECT_EQ(process.value("select count() from (select batch, count() as c, sum(n) as s from batches group by batch) "
                          "where c != 1000 or s != 499500"),
            "0");
  std::string list;
  for (const int batch : acknowledged) list += fmt::format("{}{}", list.empty() ? "" : ",", batch);
  EXPECT_EQ(process.value(fmt::format("select uniqExact(batch) from batches where batch in ({})", list)),
            std::to_string(acknowledged.size()));
}

// The engine's handlers cover the signals of a crash and of the terminal, and its loading blocks SIGPIPE.
TEST_F(WarehouseLive, SignalsAreTheProcesssOwn) {
  WarehouseProcess process(fresh_folder("signals"));
  EXPECT_EQ(process.value("select sum(number) from numbers(1000)"), "499500");
  const auto status = read_file(fmt::format("/proc/{}/status", process.pid())).value();
  const auto mask = [&](const std::string& name) {
    return std::stoull(status.substr(status.find(name + ":") + name.size() + 1), nullptr, 16);
  };
  const auto bit = [](int signal) { return 1ULL << (signal - 1); };
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGTSTP, SIGSYS}) {
    EXPECT_TRUE(kIsSanitized || (mask("SigCgt") & bit(signal)) == 0) << signal;
    EXPECT_EQ(mask("SigBlk") & bit(signal), 0U) << signal;
  }
  EXPECT_EQ(mask("SigIgn") & bit(SIGPIPE), bit(SIGPIPE));
  EXPECT_EQ(mask("SigBlk") & bit(SIGPIPE), 0U);
  // Clients that leave in the middle of their answers end nothing but them.
  for (int i = 0; i < 20; ++i) process.begin("select number from numbers(1000000000)");
  EXPECT_EQ(process.value("select 1"), "1");
  ::kill(process.pid(), SIGPIPE);
  EXPECT_EQ(process.value("select 2"), "2");
  // A crash is the signal's own, so that who watches sees it.
  if (kIsSanitized) return;
  ::kill(process.pid(), SIGSEGV);
  EXPECT_EQ(process.wait(), -SIGSEGV);
}

// A bad value of a setting gives no connection, an unknown name is passed over: why ours are checked before (ChecksSettings).
TEST_F(WarehouseLive, ABadSettingOpensNothing) {
  if (kIsSanitized) GTEST_SKIP() << "the engine is loaded into this very process";
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the library does not live through a fork
  const auto connect = [](const std::string& setting) {
    const auto library = Chdb::load(Chdb::default_library());
    if (!library.ok()) ::_exit(99);
    const auto connection = library->connect({"--path=" + fresh_folder("setting").string(), setting});
    ::_exit(connection.ok() ? 0 : connection.error().code() == Code::Unavailable ? 3 : 98);
  };
  EXPECT_EXIT(connect("--max_threads=4"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(connect("--max_threads=many"), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(connect("--no_such_setting=1"), testing::ExitedWithCode(0), "");
}

TEST_F(WarehouseLive, TakesEnoughDescriptors) {
  const WarehouseProcess process(fresh_folder("descriptors"));
  const auto limits = read_file(fmt::format("/proc/{}/limits", process.pid())).value();
  const auto line = limits.substr(limits.find("Max open files"));
  std::string soft;
  std::string hard;
  std::istringstream(line.substr(14)) >> soft >> hard;
  EXPECT_EQ(soft, hard);
}

}  // namespace
}  // namespace weir::warehouse
