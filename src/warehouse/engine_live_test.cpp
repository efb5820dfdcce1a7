// The engine's traps, each as it was measured: an upgrade of libchdb shows here what has changed.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/file.hpp"
#include "net/clickhouse_frame.hpp"
#include "warehouse/warehouse_process.hpp"

namespace weir::warehouse {
namespace {

using namespace std::chrono_literals;

class EngineLive : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (library_is_there()) {
      process_ = new WarehouseProcess(fresh_folder("engine"), {"--durability", "fast", "--memory-bytes-max",
                                                               "2000000000", "--statements-max", "8"});
    }
  }
  static void TearDownTestSuite() {
    delete process_;
    process_ = nullptr;
  }

 protected:
  void SetUp() override {
    if (process_ == nullptr) GTEST_SKIP() << "no libchdb: set WEIR_CHDB_LIBRARY";
  }
  static WarehouseProcess& warehouse() { return *process_; }
  static void wait_until_running() {
    for (int i = 0; i < 1000; ++i) {
      if (warehouse().value("select count() from system.processes") != "1") return;
    }
    ADD_FAILURE() << "the statement does not run";
  }
  // Until no statement but the question itself runs; how long that took.
  static std::chrono::milliseconds wait_until_idle() {
    const auto begin = std::chrono::steady_clock::now();
    while (warehouse().value("select count() from system.processes") != "1" &&
           std::chrono::steady_clock::now() - begin < 20s) {
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  }

 private:
  static inline WarehouseProcess* process_ = nullptr;
};

// chdb_stream_query makes every chunk a document of its own and breaks totals.
TEST_F(EngineLive, AResultIsOneDocument) {
  const auto text = warehouse().value(
      "select number % 3 as k, count() as c from numbers(3000) group by k with totals "
      "order by k format JSONCompact settings output_format_json_quote_64bit_integers = 0");
  EXPECT_NE(text.find("\"totals\": [0, 3000]"), std::string::npos) << text;
  EXPECT_NE(text.find("\"rows\": 3"), std::string::npos) << text;
  const auto large = warehouse().value(
      "select number from numbers(400000) format CSVWithNames "
      "settings max_block_size = 1000");
  EXPECT_EQ(std::count(large.begin(), large.end(), '"'), 2);
  EXPECT_EQ(std::count(large.begin(), large.end(), '\n'), 400'000);
}

// Data given inline to chdb_query end at a blank line, and the rest runs as SQL.
TEST_F(EngineLive, DataNeverRunAsSql) {
  warehouse().value("create or replace table victim (a String) engine = MergeTree order by a");
  warehouse().value("insert into victim format TSV\nkept\n\n\nDROP TABLE victim;\n");
  EXPECT_EQ(warehouse().value("select count(), countIf(a = '') from victim"), "4\t2");
  warehouse().query("insert into victim values ('x');\n\nDROP TABLE victim");
  EXPECT_EQ(warehouse().query("select count() from victim").status, 200);
  warehouse().query("insert into victim values ('x')\n\n; DROP TABLE victim");
  EXPECT_EQ(warehouse().query("select count() from victim").status, 200);
}

TEST_F(EngineLive, BinaryDataArriveUnchanged) {
  warehouse().value("create or replace table bytes (a String) engine = Memory");
  std::string all = "insert into bytes format RowBinary\n";
  all += std::string("\x80\x02", 2);
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(warehouse().query(all).status, 200);
  EXPECT_EQ(
      warehouse().value("select hex(a) = arrayStringConcat(arrayMap(x -> hex(toUInt8(x)), range(256))) from bytes"),
      "1");
}

// The engine's own INSERT … SELECT … FROM input() reports success and writes 0 rows.
TEST_F(EngineLive, InputWritesItsRows) {
  warehouse().value("create or replace table from_input (a Int32) engine = MergeTree order by a");
  EXPECT_EQ(warehouse()
                .query("insert into from_input select a * 2 from input('a Int32') where a > 1 format TSV\n1\n2\n3\n")
                .status,
            200);
  EXPECT_EQ(warehouse().value("select groupArray(a) from (select a from from_input order by a)"), "[4,6]");
}

TEST_F(EngineLive, AFailedInsertLeavesNothingOfItsBlock) {
  warehouse().value("create or replace table half (a Int32) engine = MergeTree order by a");
  std::string rows = "insert into half format CSV\n";
  for (int i = 0; i < 100'000; ++i) rows += std::to_string(i) + "\n";
  const auto failed = warehouse().query(rows + "not a number\n");
  EXPECT_EQ(failed.status, 400) << failed.body;
  EXPECT_NE(failed.body.find("row 100001"), std::string::npos) << failed.body;
  EXPECT_EQ(warehouse().value("select count() from half"), "0");
}

TEST_F(EngineLive, ReportsWrittenRows) {
  warehouse().value("create or replace table written (a Int32) engine = MergeTree order by a");
  const auto answer = warehouse().query("insert into written format TSV\n1\n2\n3\n");
  EXPECT_NE(answer.header("X-ClickHouse-Summary").find("\"written_rows\":\"3\""), std::string::npos);
}

// Retries are at-least-once; with a window and a token the second one changes nothing.
TEST_F(EngineLive, TokensDeduplicateWhereThereIsAWindow) {
  warehouse().value(
      "create or replace table tokens (a Int32) engine = MergeTree order by a "
      "settings non_replicated_deduplication_window = 100");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(warehouse().query("insert into tokens format TSV\n1\n2\n", "insert_deduplication_token=t1").status, 200);
  }
  EXPECT_EQ(warehouse().value("select count() from tokens"), "2");
  EXPECT_EQ(warehouse().query("insert into tokens format TSV\n1\n2\n", "insert_deduplication_token=t2").status, 200);
  EXPECT_EQ(warehouse().value("select count() from tokens"), "4");
}

// A client that leaves stops its statement, whatever kind it is; by itself a query ran on for minutes.
TEST_F(EngineLive, AStatementEndsWhenItsClientLeaves) {
  warehouse().value("create or replace table slow (a UInt64) engine = Memory");
  for (const auto* sql :
       {"select sum(sipHash64(number)) from numbers(1000000000000)", "select number from numbers(1000000000000)",
        "insert into slow select sleepEachRow(1) from numbers(1000) settings max_block_size = 1",
        "select sleepEachRow(1) from numbers(1000) settings max_block_size = 1"}) {
    {
      const auto connection = warehouse().begin(sql);
      wait_until_running();
    }
    EXPECT_LT(wait_until_idle(), 5s) << sql;
  }
}

TEST_F(EngineLive, ASlowReaderHoldsTheQueryBack) {
  const auto connection = warehouse().begin("select number, number, number from numbers(1000000000) format RowBinary");
  wait_until_running();
  const auto rows = [] {
    return warehouse().value("select read_rows from system.processes where query like '%Row' || 'Binary%'");
  };
  // It gets stuck at the buffers between us; where that is depends on the machine.
  std::string before;
  auto after = rows();
  while (before != after) {
    before = after;
    // The engine tells nobody when a cancelled insert has stopped adding rows.
    std::this_thread::sleep_for(300ms);
    after = rows();
  }
  EXPECT_LT(std::stoull(after), 100'000'000u);
}

TEST_F(EngineLive, MemoryLimitsFailTheQueryAlone) {
  const auto answer = warehouse().query("select groupArray(number) from numbers(1000000000)");
  EXPECT_EQ(answer.header("X-ClickHouse-Exception-Code"), "241") << answer.body;
  EXPECT_EQ(warehouse().value("select 1"), "1");
}

TEST_F(EngineLive, SeveralStatementsAreRefused) {
  EXPECT_EQ(warehouse().query("create table two (a Int8) engine = Log; select 1").header("X-ClickHouse-Exception-Code"),
            "62");
  EXPECT_EQ(warehouse().value("exists two"), "0");
}

// Together the gate and the rights of users.xml: nothing of the machine, no other servers.
TEST_F(EngineLive, NothingOutsideOfTheWarehouseIsReached) {
  for (const auto* sql :
       {"select file('/etc/passwd')",
        "select * apply(file) from (select '/etc/passwd')",
        "select arrayMap(file, ['/etc/passwd'])",
        "select * from file('/etc/passwd', 'LineAsString')",
        "select 1 into outfile '/tmp/weir_outfile'",
        "insert into t from infile '/etc/passwd' format TSV",
        "select * from url('http://127.0.0.1:1/', 'CSV', 'a Int8')",
        "select * from remote('127.0.0.1', 'system', 'one')",
        "select * from postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
        "select * from sqlite('/tmp/x.db', 't')",
        "select * from eval('select 1')",
        "create table u (a Int8) engine = URL('http://127.0.0.1:1/', CSV)",
        "create table f (a Int8) engine = File(CSV)",
        "create database q engine = SQLite('/tmp/x.db')",
        "create database p engine = PostgreSQL('127.0.0.1:1', 'a', 'b', 'c')",
        "create table e (a Int8) engine = EmbeddedRocksDB(0, '/tmp/weir_rocks') primary key a",
        "create dictionary d (a UInt64) primary key a source(http(url 'http://127.0.0.1:1/')) layout(flat())",
        "backup database weir to File('/tmp/weir_backup')",
        "system shutdown",
        "system kill",
        "set role admin",
        "grant file on *.* to default"}) {
    const auto answer = warehouse().query(sql);
    EXPECT_EQ(answer.header("X-ClickHouse-Exception-Code"), "497") << sql << ": " << answer.body;
  }
  EXPECT_GE(warehouse().query("create user u").status, 400);
  EXPECT_GE(warehouse().query("attach table a from '/etc' (a Int8) engine = Log").status, 400);
  EXPECT_EQ(warehouse().query("select {f:Identifier}('/etc/passwd')", "param_f=file").status, 400);
  EXPECT_EQ(warehouse().query("with file as f select arrayMap(f, ['/etc/passwd'])").status, 404);
  EXPECT_EQ(warehouse().value("select 1"), "1");
}

// By itself `default` is an overlay of the machine's files, and dropping it fails and deletes its tables.
TEST_F(EngineLive, DefaultIsAnOrdinaryDatabase) {
  EXPECT_EQ(warehouse().value("select engine from system.databases where name in ('default', 'weir')"),
            "Atomic\nAtomic");
  EXPECT_GE(warehouse().query("select * from `/etc/passwd`", "database=default").status, 400);
  warehouse().value("create table default.kept (a Int8) engine = MergeTree order by a");
  EXPECT_EQ(warehouse().value("exists default.kept"), "1");
}

// Without one of these the engine opens no connection any more, or knows nothing of itself.
TEST_F(EngineLive, ItsOwnDatabasesStay) {
  warehouse().value("create or replace table default.stays (a Int8) engine = MergeTree order by a");
  warehouse().value("create or replace table weir.stays (a Int8) engine = MergeTree order by a");
  for (const auto* sql :
       {"drop database default", "drop database if exists `default` sync", "detach database default",
        "detach database default permanently", "rename database default to other", "drop database weir",
        "rename database weir to other", "drop database system", "drop table system.one",
        "drop database information_schema", "drop database INFORMATION_SCHEMA", "drop database _local"}) {
    const auto answer = warehouse().query(sql);
    EXPECT_EQ(answer.header("X-ClickHouse-Exception-Code"), "497") << sql << ": " << answer.body;
  }
  EXPECT_EQ(warehouse().query("drop database {d:Identifier}", "param_d=default").status, 403);
  // More than the connections that are kept ready.
  for (int i = 0; i < 40; ++i) EXPECT_EQ(warehouse().value("exists default.stays"), "1");
  EXPECT_EQ(warehouse().value("exists weir.stays"), "1");
  warehouse().value("drop table default.stays");
  warehouse().value("create database mine");
  warehouse().value("create table mine.t (a Int8) engine = MergeTree order by a");
  warehouse().value("rename database mine to yours");
  warehouse().value("drop database yours");
  EXPECT_EQ(warehouse().value("select count() from system.databases where name in ('mine', 'yours')"), "0");
}

// They tell where in memory and on disk the engine's code lies.
TEST_F(EngineLive, IntrospectionStaysOff) {
  for (const auto* sql : {"select demangle('_Z3foov')", "select addressToSymbol(toUInt64(1))",
                          "select addressToLine(toUInt64(1))", "select addressToLineWithInlines(toUInt64(1))"}) {
    EXPECT_EQ(warehouse().query(sql).header("X-ClickHouse-Exception-Code"), "497") << sql;
    EXPECT_EQ(warehouse().query(sql, "allow_introspection_functions=1").header("X-ClickHouse-Exception-Code"), "497")
        << sql;
  }
}

// async_insert runs synchronously: what was answered is there, and what is wrong is said.
TEST_F(EngineLive, AsynchronousInsertsAreThereWhenTheyAreAnswered) {
  warehouse().value("create or replace table later (a Int8) engine = MergeTree order by a");
  const auto* const asynchronous = "async_insert=1&wait_for_async_insert=0&async_insert_busy_timeout_ms=60000";
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(warehouse().query(fmt::format("insert into later values ({})", i), asynchronous).status, 200);
    EXPECT_EQ(warehouse().value("select count(), max(a) from later"), fmt::format("{}\t{}", i + 1, i));
  }
  EXPECT_EQ(warehouse().query("insert into later values ('x')", asynchronous).status, 400);
  EXPECT_EQ(warehouse().value("select count() from later"), "5");
}

// A client that leaves in the middle of its data: whole blocks of them may stay, never a part of one.
TEST_F(EngineLive, ACutOffInsertLeavesWholeBlocks) {
  constexpr int kBlockRows = 1000;
  warehouse().value("create or replace table cut (a Int32) engine = MergeTree order by a");
  // Announces twice what it sends, and waits until the warehouse has done with it.
  const auto cut_off = [](const std::string& settings, int rows) {
    std::string sql = fmt::format("insert into cut settings {} format TSV\n", settings);
    for (int a = 0; a < rows; ++a) sql += fmt::format("{}\n", a);
    const auto connection = warehouse().begin_part(sql, sql.size() * 2);
    ::shutdown(connection.get(), SHUT_WR);
    char answer[4096];
    while (::read(connection.get(), answer, sizeof answer) > 0) {
    }
  };
  cut_off(
      "max_insert_block_size = 1000, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0, "
      "input_format_parallel_parsing = 0",
      10'500);
  EXPECT_LT(wait_until_idle(), 5s);
  const auto rows = std::stoi(warehouse().value("select count() from cut"));
  EXPECT_EQ(rows % kBlockRows, 0) << rows;
  EXPECT_LE(rows, 10'000);
  EXPECT_EQ(warehouse().value(fmt::format("select countIf(a >= {0}), uniqExact(a) from cut", rows)),
            fmt::format("0\t{}", rows));
  // What is less than a block is not there at all.
  warehouse().value("truncate table cut");
  cut_off("max_insert_block_size = 1000000", 10'500);
  EXPECT_EQ(warehouse().value("select count() from cut"), "0");
  warehouse().value("insert into cut values (7)");
  EXPECT_EQ(warehouse().value("select count(), sum(a) from cut"), "1\t7");
}

TEST_F(EngineLive, StatementsWaitForTheirTurn) {
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int i = 0; i < 24; ++i) {
    clients.emplace_back([&] { good += warehouse().query("select sleep(0.2)").status == 200; });
  }
  int most = 0;
  for (auto& client : clients) {
    most = std::max(most, static_cast<int>(std::stoi(warehouse().value("select count() from system.processes"))));
    client.join();
  }
  EXPECT_EQ(good, 24);
  EXPECT_LE(most, 8);
}

TEST_F(EngineLive, ManyClientsAtOnceGetTheirOwnRows) {
  warehouse().value("create or replace table many (client Int32, n Int32) engine = MergeTree order by (client, n)");
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_EQ(warehouse().query(fmt::format("insert into many values ({}, {})", i, n)).status, 200);
        EXPECT_EQ(warehouse().value(fmt::format("select count() from many where client = {}", i)),
                  std::to_string(n + 1));
        EXPECT_GE(warehouse().query("select broken").status, 400);
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(warehouse().value("select count(), uniqExact(client, n) from many"), "160\t160");
}

// ClickHouse's own checksums prove our hash and frames: a .bin file of a part is such frames.
TEST_F(EngineLive, ClickHouseWritesTheFramesThatWeRead) {
  warehouse().value(
      "create or replace table framed (a String) engine = MergeTree order by tuple() "
      "settings min_bytes_for_wide_part = 0, min_compress_block_size = 65536");
  warehouse().value("insert into framed select toString(cityHash64(number)) from numbers(200000)");
  const auto path = warehouse().value("select path from system.parts where table = 'framed' and active");
  std::size_t decoded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() != ".bin") continue;
    const auto bytes = read_file(entry.path()).value();
    class Source final : public net::ByteSource {
     public:
      explicit Source(std::string_view text) : text_(text) {}
      Result<std::size_t> read(std::span<std::byte> buffer) override {
        const auto size = std::min(buffer.size(), text_.size());
        std::copy_n(net::as_bytes(text_).begin(), size, buffer.begin());
        text_.remove_prefix(size);
        return size;
      }

     private:
      std::string_view text_;
    } source(bytes);
    net::FrameDecoder decoder(source);
    std::vector<std::byte> buffer(1 << 16);
    for (;;) {
      const auto got = decoder.read(buffer);
      ASSERT_TRUE(got.ok()) << got.error().text();
      if (*got == 0) break;
      decoded += *got;
    }
  }
  EXPECT_GT(decoded, 3'000'000u);
}

// What the product stands on.
TEST_F(EngineLive, TheFeaturesThatWeNeedWork) {
  const auto run = [&](std::string_view sql) { warehouse().value(sql); };
  run("create or replace table raw (k Int32, v Int32, ver UInt32) engine = ReplacingMergeTree(ver) order by k");
  run("create table agg (k Int32, s Int64) engine = SummingMergeTree order by k");
  run("create table agg2 (s Int64) engine = SummingMergeTree order by tuple()");
  run("create materialized view mv1 to agg as select k, sum(v) as s from raw group by k");
  run("create materialized view mv2 to agg2 as select sum(s) as s from agg");
  run("insert into raw values (1, 10, 1), (2, 20, 1), (1, 11, 2)");
  EXPECT_EQ(warehouse().value("select sum(v) from raw final"), "31");
  EXPECT_EQ(warehouse().value("select sum(s) from agg2"), "41");
  run("create table next empty as raw");
  run("insert into next values (9, 90, 1)");
  run("exchange tables raw and next");
  EXPECT_EQ(warehouse().value("select sum(v) from raw"), "90");
  run("create table parts (p Int32, a Int32) engine = MergeTree partition by p order by a");
  run("create table staged empty as parts");
  run("insert into parts values (1, 1), (2, 2)");
  run("insert into staged values (1, 100)");
  run("alter table parts replace partition 1 from staged");
  EXPECT_EQ(warehouse().value("select sum(a) from parts"), "102");
  run("delete from parts where a = 2");
  EXPECT_EQ(warehouse().value("select sum(a) from parts"), "100");
  EXPECT_EQ(warehouse().value("select '{\"a\": {\"b\": 7}}'::JSON.a.b"), "7");
  run("create materialized view refreshed refresh every 1 second engine = MergeTree order by tuple() as select now() "
      "as t");
  EXPECT_EQ(warehouse().value("select rank() over (order by number desc) from numbers(3) order by number limit 1"),
            "3");
}

}  // namespace
}  // namespace weir::warehouse
