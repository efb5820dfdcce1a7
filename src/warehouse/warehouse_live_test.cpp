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
#include "warehouse/warehouse_process.hpp"

namespace weir::warehouse {
namespace {

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
      return acknowledged.size() >= static_cast<std::size_t>(20 * (round + 1));
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
