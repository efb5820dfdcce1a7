// The ClickHouse HTTP interface over the real engine, request by request.

#include <gtest/gtest.h>

#include <thread>

#include "base/file.hpp"
#include "base/json.hpp"
#include "net/clickhouse_frame.hpp"
#include "warehouse/content_coding.hpp"
#include "warehouse/warehouse_process.hpp"

namespace weir::warehouse {
namespace {

using namespace std::string_literals;

class HttpInterfaceLive : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (library_is_there()) process_ = new WarehouseProcess(fresh_folder("http"), {"--durability", "fast"});
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

 private:
  static inline WarehouseProcess* process_ = nullptr;
};

class TextSource final : public net::ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(net::as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), size, buffer.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string read_all(net::ByteSource& source) {
  std::string text;
  std::byte buffer[4096];
  for (;;) {
    const auto got = source.read(buffer);
    EXPECT_TRUE(got.ok()) << got.error().text();
    if (!got.ok() || *got == 0) return text;
    text.append(net::as_text(std::span(buffer, *got)));
  }
}

std::string frames(std::string_view data) {
  std::vector<std::byte> out;
  EXPECT_TRUE(net::append_frame(out, net::as_bytes(data), net::FrameMethod::Lz4).ok());
  return std::string(net::as_text(out));
}

TEST_F(HttpInterfaceLive, AnswersPingsWithoutAPassword) {
  EXPECT_EQ(warehouse().request("GET", "/ping", "").body, "Ok.\n");
  EXPECT_EQ(warehouse().request("GET", "/replicas_status", "").body, "Ok.\n");
  EXPECT_EQ(warehouse().request("GET", "/", "").body, "Ok.\n");
  EXPECT_EQ(warehouse().request("GET", "/nothing", "").status, 404);
}

TEST_F(HttpInterfaceLive, AsksWhoItIs) {
  const auto nobody = warehouse().request("POST", "/", "select 1");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_NE(nobody.header("WWW-Authenticate"), "");
  EXPECT_EQ(nobody.header("X-ClickHouse-Exception-Code"), "194");
  const auto wrong = warehouse().request("POST", "/?user=default&password=wrong", "select 1");
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(wrong.header("X-ClickHouse-Exception-Code"), "516");
  EXPECT_EQ(warehouse().request("POST", "/?user=default&password=s3cret%20word", "select 1").body, "1\n");
  net::Headers basic;
  basic.add("Authorization", "Basic ZGVmYXVsdDpzM2NyZXQgd29yZA==");
  EXPECT_EQ(warehouse().request("POST", "/", "select 1", basic).body, "1\n");
}

TEST_F(HttpInterfaceLive, TellsWhatItDidInHeaders) {
  const auto answer = warehouse().query("select number from numbers(3) format JSONEachRow", "query_id=my-id");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("X-ClickHouse-Query-Id"), "my-id");
  EXPECT_EQ(answer.header("X-ClickHouse-Format"), "JSONEachRow");
  EXPECT_FALSE(answer.header("X-ClickHouse-Timezone").empty());
  EXPECT_FALSE(answer.header("X-ClickHouse-Server-Display-Name").empty());
  EXPECT_EQ(answer.header("Content-Type"), "application/x-ndjson; charset=UTF-8");
  const auto summary = parse_json(answer.header("X-ClickHouse-Summary"));
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ((*summary)["result_rows"], "3");
  EXPECT_EQ((*summary)["read_rows"], "3");
}

TEST_F(HttpInterfaceLive, WritesErrorsAsClickHouseDoes) {
  const auto missing = warehouse().query("select * from nowhere");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("X-ClickHouse-Exception-Code"), "60");
  EXPECT_TRUE(missing.body.starts_with("Code: 60. DB::Exception: ")) << missing.body;
  EXPECT_NE(missing.body.find("(UNKNOWN_TABLE) (version 26."), std::string::npos) << missing.body;
  const auto garbage = warehouse().query("garbage");
  EXPECT_EQ(garbage.status, 400) << garbage.body;  // not `SELECT garbage`
  EXPECT_EQ(garbage.header("X-ClickHouse-Exception-Code"), "62");
}

TEST_F(HttpInterfaceLive, AnEarlyErrorHasAStatusAndALateOneBreaksTheBodyOff) {
  const auto early = warehouse().query("select throwIf(number = 1000) from numbers(2000) format JSON");
  EXPECT_EQ(early.status, 500);
  EXPECT_EQ(early.header("X-ClickHouse-Exception-Code"), "395");
  EXPECT_TRUE(early.body.starts_with("Code: 395.")) << early.body.substr(0, 100);
  const auto late = warehouse().query(
      "select number, throwIf(number = 2000000) from numbers(3000000) settings max_block_size = 10000");
  EXPECT_EQ(late.status, 200);
  EXPECT_FALSE(late.complete);
  EXPECT_NE(late.body.find("Code: 395. DB::Exception: "), std::string::npos);
}

TEST_F(HttpInterfaceLive, HoldsEverythingBackWhenAsked) {
  const auto answer = warehouse().query(
      "select number, throwIf(number = 2000000) from numbers(3000000) settings max_block_size = 10000",
      "wait_end_of_query=1");
  EXPECT_EQ(answer.status, 500);
  EXPECT_TRUE(answer.body.starts_with("Code: 395.")) << answer.body.substr(0, 100);
  const auto large = warehouse().query("select number from numbers(5000000)", "wait_end_of_query=1");
  EXPECT_EQ(large.body.size(), 38'888'890u);
  EXPECT_EQ((*parse_json(large.header("X-ClickHouse-Summary")))["result_rows"], "5000000");
}

TEST_F(HttpInterfaceLive, JoinsTheUrlsQueryAndTheBody) {
  warehouse().value("create or replace table joined (a Int32, b String) engine = MergeTree order by a");
  EXPECT_EQ(warehouse().query("1,\"x\ny\"\n2,z\n", "query=insert%20into%20joined%20format%20CSV").status, 200);
  EXPECT_EQ(warehouse().query("insert into joined format TSV\n3\tq\n").status, 200);
  EXPECT_EQ(warehouse().query("insert into joined values (4, 'v'), (5, concat('a', 'b'));").status, 200);
  EXPECT_EQ(warehouse().value(" order by a", "query=select%20*%20from%20joined"), "1\tx\\ny\n2\tz\n3\tq\n4\tv\n5\tab");
}

TEST_F(HttpInterfaceLive, AGetOnlyReads) {
  const auto get = [&](std::string_view query) {
    return warehouse().request("GET", "/?user=default&password=s3cret+word&query=" + std::string(query), "");
  };
  EXPECT_EQ(get("select+1").body, "1\n");
  EXPECT_EQ(get("show+databases").status, 200);
  for (const auto* query : {"create+table+g+(a+Int8)+engine=Log", "insert+into+g+values+(1)", "drop+database+weir",
                            "kill+query+where+1", "system+reload+config"}) {
    EXPECT_EQ(get(query).header("X-ClickHouse-Exception-Code"), "164") << query;
  }
  EXPECT_EQ(warehouse().query("create table g (a Int8) engine = Log", "readonly=1").status, 500);
}

TEST_F(HttpInterfaceLive, BindsParameters) {
  EXPECT_EQ(warehouse().value("select {a:Int32} + 1, {s:String}, {l:Array(UInt8)}",
                              "param_a=41&param_s=it%27s%5Ct%3B+--&param_l=[1,2]"),
            "42\tit\\'s\\t; --\t[1,2]");
  warehouse().value("create or replace table bound (a Int32) engine = Memory");
  EXPECT_EQ(warehouse().query("insert into {t:Identifier} values (1)", "param_t=bound").status, 200);
  EXPECT_EQ(warehouse().value("select count() from {t:Identifier}", "param_t=bound"), "1");
  EXPECT_EQ(warehouse().query("select {a:Int32}").header("X-ClickHouse-Exception-Code"), "456");
}

TEST_F(HttpInterfaceLive, ChecksSettings) {
  EXPECT_EQ(warehouse().value("select getSetting('max_block_size')", "max_block_size=77"), "77");
  EXPECT_EQ(warehouse().query("select 1", "max_blok_size=77").header("X-ClickHouse-Exception-Code"), "115");
  const auto bad = warehouse().query("select 1", "max_block_size=many");
  EXPECT_GE(bad.status, 400);
  EXPECT_NE(bad.body.find("max_block_size"), std::string::npos) << bad.body;
  EXPECT_EQ(warehouse().value("select 1"), "1");
}

TEST_F(HttpInterfaceLive, KnowsDatabasesAndFormats) {
  EXPECT_EQ(warehouse().value("select currentDatabase()"), "weir");
  EXPECT_EQ(warehouse().value("select currentDatabase()", "database=default"), "default");
  // Connections that wait for requests are in the database of the last ones, and are used once.
  for (int round = 0; round < 3; ++round) {
    for (int request = 0; request < 5; ++request) {
      EXPECT_EQ(warehouse().value("select currentDatabase()", "database=system"), "system");
      EXPECT_EQ(warehouse().value("set max_block_size = 7"), "");
      EXPECT_NE(warehouse().value("select getSetting('max_block_size')"), "7");
    }
    for (int request = 0; request < 5; ++request) EXPECT_EQ(warehouse().value("select currentDatabase()"), "weir");
    EXPECT_EQ(warehouse().query("select 1", "database=nope").header("X-ClickHouse-Exception-Code"), "81");
    EXPECT_EQ(warehouse().query("select 1", "database=nope").header("X-ClickHouse-Exception-Code"), "81");
  }
  EXPECT_EQ(warehouse().query("select 1", "database=nope").header("X-ClickHouse-Exception-Code"), "81");
  EXPECT_EQ(warehouse().value("select 1 as a", "default_format=JSONEachRow"), "{\"a\":1}");
  EXPECT_EQ(warehouse().value("select 1 as a format CSV", "default_format=JSONEachRow"), "1");
  EXPECT_EQ(warehouse().value("show tables from system like 'one'", "default_format=JSONEachRow"),
            "{\"name\":\"one\"}");
  EXPECT_EQ(warehouse().query("select 1 format Nope").header("X-ClickHouse-Exception-Code"), "73");
}

TEST_F(HttpInterfaceLive, KeepsSessions) {
  EXPECT_EQ(warehouse().query("create temporary table mine (a Int8)", "session_id=s1").status, 200);
  EXPECT_EQ(warehouse().query("insert into mine values (7)", "session_id=s1").status, 200);
  EXPECT_EQ(warehouse().value("select a from mine", "session_id=s1"), "7");
  EXPECT_EQ(warehouse().query("select a from mine", "session_id=s2").status, 404);
  EXPECT_EQ(warehouse().query("select a from mine").status, 404);
  // SET stays, a setting in the URL does not.
  EXPECT_EQ(warehouse().query("set max_block_size = 11", "session_id=s1").status, 200);
  EXPECT_EQ(warehouse().value("select getSetting('max_block_size')", "session_id=s1&max_block_size=12"), "12");
  EXPECT_EQ(warehouse().value("select getSetting('max_block_size')", "session_id=s1"), "11");
  EXPECT_EQ(warehouse().value("select getSetting('max_joined_block_size_rows')",
                              "session_id=s1&max_joined_block_size_rows=12"),
            "12");
  EXPECT_NE(warehouse().value("select getSetting('max_joined_block_size_rows')", "session_id=s1"), "12");
  EXPECT_EQ(warehouse().query("select 1", "session_id=unheard&session_check=1").header("X-ClickHouse-Exception-Code"),
            "372");
  // Expires.
  EXPECT_EQ(warehouse().query("select 1", "session_id=brief&session_timeout=0").status, 200);
  EXPECT_EQ(warehouse().query("select 1", "session_id=brief&session_check=1").header("X-ClickHouse-Exception-Code"),
            "372");
}

TEST_F(HttpInterfaceLive, OneRequestOfASessionAtATime) {
  std::thread busy([&] {
    // Either may be the first; whoever is too early tries again.
    while (warehouse().query("select sleep(2)", "session_id=busy").status != 200) {
    }
  });
  std::string code;
  for (int i = 0; i < 5000 && code != "373"; ++i) {
    code = warehouse().query("select 1", "session_id=busy").header("X-ClickHouse-Exception-Code");
  }
  EXPECT_EQ(code, "373");
  busy.join();
}

// Bytes of a failed result must not begin the next one on a kept connection.
TEST_F(HttpInterfaceLive, NothingOfAFailedResultLeaksIntoTheNext) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(warehouse()
                  .query("select number, throwIf(number = 5000) from numbers(10000) format JSON "
                         "settings max_block_size = 1000",
                         "session_id=leak")
                  .status,
              500);
    EXPECT_EQ(warehouse().value("select 1", "session_id=leak"), "1");
    EXPECT_EQ(warehouse().query("show create table nowhere", "session_id=leak").status, 500);
    EXPECT_EQ(warehouse().value("show databases like 'weir'", "session_id=leak"), "weir");
  }
}

TEST_F(HttpInterfaceLive, SpeaksClickHousesFrames) {
  const auto answer = warehouse().query("select number from numbers(300000)", "compress=1");
  TextSource source(answer.body);
  net::FrameDecoder decoder(source);
  const auto text = read_all(decoder);
  EXPECT_TRUE(text.starts_with("0\n1\n2\n"));
  EXPECT_TRUE(text.ends_with("\n299999\n"));
  const auto error = warehouse().query("select * from nowhere", "compress=1");
  TextSource error_source(error.body);
  net::FrameDecoder error_decoder(error_source);
  EXPECT_TRUE(read_all(error_decoder).starts_with("Code: 60."));
  warehouse().value("create or replace table framed (a Int32) engine = Memory");
  EXPECT_EQ(
      warehouse().query(frames("1\n2\n") + frames("3\n"), "decompress=1&query=insert+into+framed+format+TSV").status,
      200);
  EXPECT_EQ(warehouse().query(frames("insert into framed format TSV\n4\n"), "decompress=1").status, 200);
  EXPECT_EQ(warehouse().value("select sum(a) from framed"), "10");
  auto damaged = frames("5\n");
  damaged[3] = static_cast<char>(damaged[3] ^ 1);
  const auto refused = warehouse().query(damaged, "decompress=1&query=insert+into+framed+format+TSV");
  EXPECT_EQ(refused.status, 400) << refused.body;
  EXPECT_EQ(warehouse().value("select sum(a) from framed"), "10");
}

TEST_F(HttpInterfaceLive, SpeaksContentCodings) {
  warehouse().value("create or replace table coded (a Int32) engine = Memory");
  int rows = 0;
  for (const auto coding : {ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Zstd, ContentCoding::Lz4}) {
    net::Headers accepts;
    accepts.add("Accept-Encoding", std::string(name(coding)));
    const auto answer = warehouse().query("select number from numbers(300000)", "enable_http_compression=1", accepts);
    EXPECT_EQ(answer.header("Content-Encoding"), name(coding));
    TextSource source(answer.body);
    const auto decoder = make_content_decoder(coding, source);
    EXPECT_TRUE(read_all(*decoder).ends_with("\n299999\n")) << name(coding);

    class Collector final : public net::ByteSink {
     public:
      Result<void> write(std::span<const std::byte> bytes) override {
        text.append(net::as_text(bytes));
        return {};
      }
      Result<void> finish() override { return {}; }
      std::string text;
    } collector;
    const auto encoder = make_content_encoder(coding, collector);
    ASSERT_TRUE(encoder->write(net::as_bytes("1\n2\n")).ok());
    ASSERT_TRUE(encoder->finish().ok());
    net::Headers coded;
    coded.add("Content-Encoding", std::string(name(coding)));
    EXPECT_EQ(warehouse().query(collector.text, "query=insert+into+coded+format+TSV", coded).status, 200);
    rows += 2;
  }
  EXPECT_EQ(warehouse().value("select count() from coded"), std::to_string(rows));
}

TEST_F(HttpInterfaceLive, SpeaksTheNativeRevisionThatIsAsked) {
  const std::string sql =
      "select number as n, toString(number) as s, [number, 1] as a, map('k', number) as m, "
      "toLowCardinality(toString(number % 3)) as l, if(number % 2 = 0, null, number) as u, (number, 'x') as t, "
      "toDecimal128(number, 3) as d, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') as z, "
      "array(toLowCardinality(toNullable('q'))) as al, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') as id "
      "from numbers(100000) settings max_block_size = 30000";
  const auto plain = warehouse().query(sql + " format Native").body;
  const auto framed = warehouse().query(sql + " format Native", "client_protocol_version=54460").body;
  // Per block its BlockInfo, per column one byte.
  const auto blocks = (framed.size() - plain.size()) / (8 + 11);
  EXPECT_EQ(framed.size() - plain.size(), blocks * (8 + 11));
  EXPECT_GE(blocks, 4u);
  EXPECT_TRUE(framed.starts_with("\x01\0\x02\xff\xff\xff\xff\0"s));
  // Clients send revision 0 whatever they ask for, as clickhouse-go does.
  warehouse().value("create or replace table native_back engine = Memory empty as " + sql);
  EXPECT_EQ(
      warehouse().query(plain, "client_protocol_version=54460&query=insert+into+native_back+format+Native").status,
      200);
  EXPECT_EQ(warehouse().value("select count(), sum(cityHash64(*)) from native_back"),
            warehouse().value("select count(), sum(cityHash64(*)) from (" + sql + ")"));
  // A client that only knows BlockInfo gets revision 0 and falls back by itself.
  EXPECT_EQ(warehouse().query("select 1 format Native", "client_protocol_version=54405").body,
            warehouse().query("select 1 format Native").body);
}

TEST_F(HttpInterfaceLive, KillsByTheIdThatTheClientChose) {
  std::thread killer([&] {
    for (int i = 0; i < 200; ++i) {
      const auto killed = warehouse().query("KILL QUERY WHERE query_id = 'long one' SYNC");
      EXPECT_EQ(killed.status, 200) << killed.body;
      if (!killed.body.empty()) return;
      // Nothing tells when the other query has begun.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ADD_FAILURE() << "the statement was never found";
  });
  const auto answer =
      warehouse().query("select sleepEachRow(1) from numbers(60) settings max_block_size = 1", "query_id=long+one");
  killer.join();
  EXPECT_EQ(answer.header("X-ClickHouse-Exception-Code"), "394") << answer.body;
}

TEST_F(HttpInterfaceLive, LogsStatementsButNoCredentials) {
  warehouse().value("select 'found in the log'", "query_id=logged-1");
  warehouse().query("select * from postgresql('h', 'd', 't', 'u', 'hush-hush')", "query_id=logged-2");
  const auto path = warehouse().data_folder() / "queries.jsonl";
  auto log = read_file(path).value();
  for (int i = 0; i < 500 && log.find("logged-2") == std::string::npos; ++i) {
    // A line is written behind the answer, and nothing tells when.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    log = read_file(path).value();
  }
  EXPECT_NE(log.find("found in the log"), std::string::npos);
  EXPECT_NE(log.find("logged-2"), std::string::npos);
  EXPECT_EQ(log.find("hush-hush"), std::string::npos);
  EXPECT_EQ(log.find(kTestPassword), std::string::npos);
}

}  // namespace
}  // namespace weir::warehouse
