// The small parts of the warehouse, without the engine.

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "base/file.hpp"
#include "base/json.hpp"
#include "net/query_string.hpp"
#include "warehouse/admission.hpp"
#include "warehouse/cancellation.hpp"
#include "warehouse/chdb.hpp"
#include "warehouse/clickhouse_error.hpp"
#include "warehouse/query_log.hpp"
#include "warehouse/query_tag.hpp"
#include "warehouse/request_options.hpp"
#include "warehouse/server_config.hpp"

namespace weir::warehouse {
namespace {

using namespace std::chrono_literals;

class NoBody final : public net::ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte>) override { return std::size_t{0}; }
};

class RequestOptionsTest : public testing::Test {
 protected:
  net::IncomingRequest request(std::string_view method, std::string_view query, net::Headers headers = {}) {
    return {.method = std::string(method),
            .target = {},
            .path = "/",
            .query = net::parse_query(query),
            .headers = std::move(headers),
            .body = body_,
            .peer = {},
            .gone = {}};
  }
  EngineFacts facts_{.version = "1",
                     .timezone = "UTC",
                     .host_name = "h",
                     .settings = {"max_threads", "readonly", "enable_http_compression"}};
  NoBody body_;
};

TEST_F(RequestOptionsTest, SortsParametersFromSettings) {
  const auto options = parse_request_options(
      request("POST",
              "query=select%201&param_x=a%09b&max_threads=3&database=d&session_id=s&session_timeout=10&"
              "session_check=1&compress=1&decompress=1&client_protocol_version=54460&user=u&password=p"),
      facts_);
  ASSERT_TRUE(options.ok()) << options.error().text();
  EXPECT_EQ(options->query, "select 1");
  EXPECT_EQ(options->parameters, (Parameters{{"x", "a\tb"}}));
  EXPECT_EQ(options->settings.size(), 1u);
  EXPECT_EQ(options->database, "d");
  EXPECT_EQ(options->session_id, "s");
  EXPECT_EQ(options->session_timeout, 10s);
  EXPECT_EQ(options->session_check, Sessions::Check::MustExist);
  EXPECT_TRUE(options->compress);
  EXPECT_TRUE(options->decompress);
  EXPECT_EQ(options->protocol_version, 54460);
  EXPECT_FALSE(options->read_only);
  EXPECT_EQ(options->default_format, "TabSeparated");
  EXPECT_EQ(options->query_id.size(), 36u);
}

TEST_F(RequestOptionsTest, RefusesUnknownSettingsAndSillyTimeouts) {
  EXPECT_EQ(parse_request_options(request("POST", "max_treads=3"), facts_).error().native_code(), "115");
  EXPECT_EQ(parse_request_options(request("POST", "session_timeout=3601"), facts_).error().native_code(), "374");
  EXPECT_EQ(parse_request_options(request("POST", "session_timeout=x"), facts_).error().native_code(), "374");
}

TEST_F(RequestOptionsTest, GetAndReadonlyOnlyRead) {
  EXPECT_TRUE(parse_request_options(request("GET", ""), facts_)->read_only);
  EXPECT_TRUE(parse_request_options(request("POST", "readonly=2"), facts_)->read_only);
  EXPECT_FALSE(parse_request_options(request("POST", "readonly=0"), facts_)->read_only);
}

TEST_F(RequestOptionsTest, TakesCodingsFromHeaders) {
  net::Headers headers;
  headers.add("Accept-Encoding", "gzip");
  headers.add("Content-Encoding", "zstd");
  const auto options = parse_request_options(request("POST", "", headers), facts_);
  EXPECT_EQ(options->accepted_coding, ContentCoding::Gzip);
  EXPECT_EQ(options->body_coding, ContentCoding::Zstd);
  EXPECT_EQ(parse_request_options(request("POST", "enable_http_compression=0", headers), facts_)->accepted_coding,
            std::nullopt);
  net::Headers brotli;
  brotli.add("Content-Encoding", "br");
  EXPECT_EQ(parse_request_options(request("POST", "", brotli), facts_).error().code(), Code::Unsupported);
}

TEST_F(RequestOptionsTest, FindsCredentialsInTheirThreePlaces) {
  net::Headers own;
  own.add("X-ClickHouse-User", "a");
  own.add("X-ClickHouse-Key", "b");
  EXPECT_EQ(find_credentials(request("GET", "user=x&password=y", own))->password, "b");
  net::Headers basic;
  basic.add("Authorization", "Basic ZGVmYXVsdDpzOmVjcmV0");  // default:s:ecret
  EXPECT_EQ(find_credentials(request("GET", "", basic))->user, "default");
  EXPECT_EQ(find_credentials(request("GET", "", basic))->password, "s:ecret");
  EXPECT_EQ(find_credentials(request("GET", "user=x&password=y"))->password, "y");
  EXPECT_FALSE(find_credentials(request("GET", "query=1")).has_value());
}

TEST(ClickHouseError, HasTheFormThatClientsParse) {
  const auto engine = parse_engine_error("Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE)");
  EXPECT_EQ(engine.native_code(), "60");
  EXPECT_EQ(engine.code(), Code::NotFound);
  EXPECT_EQ(clickhouse_error_text(engine, "26.7"),
            "Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE) (version 26.7)\n");
  const auto versioned = parse_engine_error("Code: 27. DB::Exception: x. (Y) (version 26.7.2.1)\n");
  EXPECT_EQ(clickhouse_error_text(versioned, "26.7.2.1"), "Code: 27. DB::Exception: x. (Y) (version 26.7.2.1)\n");
  const auto ours = Error::user(Code::AccessDenied, "no. (ACCESS_DENIED)");
  EXPECT_EQ(clickhouse_error_text(ours, "26.7"), "Code: 497. DB::Exception: no. (ACCESS_DENIED) (version 26.7)\n");
}

TEST(ClickHouseError, MapsToHttp) {
  EXPECT_EQ(http_status_of(62), 400);
  EXPECT_EQ(http_status_of(194), 401);
  EXPECT_EQ(http_status_of(516), 403);
  EXPECT_EQ(http_status_of(60), 404);
  EXPECT_EQ(http_status_of(159), 408);
  EXPECT_EQ(http_status_of(241), 500);
  EXPECT_EQ(http_status_of(48), 501);
  EXPECT_EQ(http_status_of(202), 503);
}

TEST(QueryTag, CannotBeBrokenByAnId) {
  EXPECT_EQ(tag_statement("select 1 -- x", "t", "a*/ drop '1"), "select 1 -- x\n/*weir:t id:a%2a%2f%20drop%20%271*/");
  EXPECT_EQ(matches_tag("abcd"), "position(query, 'ab' || 'cd') > 0");
}

TEST(QueryTag, RewritesKillById) {
  EXPECT_EQ(rewrite_kill("kill query where query_id = 'x-1'"),
            "KILL QUERY WHERE position(query, 'id:x' || '-1*/') > 0 ASYNC");
  EXPECT_EQ(rewrite_kill("KILL QUERY WHERE query_id='x-1' SYNC"),
            "KILL QUERY WHERE position(query, 'id:x' || '-1*/') > 0 ASYNC");
  EXPECT_EQ(rewrite_kill("KILL QUERY WHERE query_id='x-1' TEST"),
            "KILL QUERY WHERE position(query, 'id:x' || '-1*/') > 0 TEST");
  EXPECT_EQ(rewrite_kill("kill query where user = 'default'"), std::nullopt);
  EXPECT_EQ(rewrite_kill("select 1"), std::nullopt);
}

TEST(Admission, LetsInAsManyAsThereAreAndRefusesWhenTheQueueIsFull) {
  Admission admission(1, 1);
  auto first = std::make_unique<Admission::Place>(std::move(admission.enter({})).value());
  std::mutex mutex;
  std::condition_variable changed;
  bool entered = false;
  std::thread waiter([&] {
    const auto second = admission.enter({});
    EXPECT_TRUE(second.ok());
    const std::lock_guard lock(mutex);
    entered = true;
    changed.notify_all();
  });
  // Full as soon as the waiter waits; until then this one would wait in its place, so it gives up at once.
  for (;;) {
    std::stop_source impatient;
    impatient.request_stop();
    const auto third = admission.enter(impatient.get_token());
    ASSERT_FALSE(third.ok());
    if (third.error().native_code() == "202") break;
    std::this_thread::yield();
  }
  EXPECT_FALSE(entered);
  first.reset();
  waiter.join();
  EXPECT_TRUE(entered);
}

TEST(Cancellation, KillsAgainUntilTheStatementHasEnded) {
  std::mutex mutex;
  std::condition_variable changed;
  std::multiset<std::string> killed;
  Cancellation cancellation([&](const std::string& tag) {
    const std::lock_guard lock(mutex);
    killed.insert(tag);
    changed.notify_all();
  });
  std::stop_source stop;
  const Cancellation::Watch other(cancellation, {});
  std::string tag;
  {
    const Cancellation::Watch watch(cancellation, stop.get_token());
    tag = watch.tag();
    EXPECT_FALSE(watch.cancelled());
    stop.request_stop();
    EXPECT_TRUE(watch.cancelled());
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return killed.count(tag) >= 3; }));
  }
  EXPECT_NE(other.tag(), tag);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(killed.count(other.tag()), 0u);
}

TEST(QueryLog, RotatesOnce) {
  const auto file = std::filesystem::path(testing::TempDir()) / "weir_query_log_test.jsonl";
  const auto older = std::filesystem::path(file.string() + ".1");
  std::filesystem::remove(file);
  std::filesystem::remove(older);
  const auto log = std::move(QueryLog::open(file, 1000)).value();
  for (int i = 0; i < 20; ++i) {
    log->write({.began = {},
                .took = 5us,
                .query_id = std::to_string(i),
                .query = "select 1",
                .error_code = 0,
                .statistics = {}});
  }
  EXPECT_LE(std::filesystem::file_size(file), 1000u);
  EXPECT_LE(std::filesystem::file_size(older), 1000u);
  const auto text = read_file(file).value();
  const auto last = parse_json(std::string_view(text).substr(text.rfind("{\"event_time")));
  ASSERT_TRUE(last.ok());
  EXPECT_EQ((*last)["query_id"], "19");
}

TEST(ServerConfig, GrantsOnlyWhatIsAskedFor) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "weir_server_config_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder / "store/metadata");
  std::filesystem::create_directory_symlink("/nowhere", folder / "store/metadata/default");
  EngineSettings settings;
  settings.data_folder = folder;
  ASSERT_TRUE(prepare_engine(settings).ok());
  EXPECT_FALSE(std::filesystem::is_symlink(folder / "store/metadata/default"));
  EXPECT_TRUE(std::filesystem::exists(folder / "store/metadata/default.sql"));
  EXPECT_EQ(read_file(folder / "users.xml")->find("POSTGRES"), std::string::npos);
  EXPECT_NE(read_file(folder / "config.xml")->find("<fsync_after_insert>1<"), std::string::npos);
  settings.sources = {"postgres"};
  settings.durability = Durability::Fast;
  ASSERT_TRUE(prepare_engine(settings).ok());
  EXPECT_NE(read_file(folder / "users.xml")->find("GRANT POSTGRES ON *.*"), std::string::npos);
  EXPECT_NE(read_file(folder / "config.xml")->find("<fsync_after_insert>0<"), std::string::npos);
  settings.sources = {"floppy"};
  EXPECT_EQ(prepare_engine(settings).error().code(), Code::InvalidArgument);
}

TEST(Chdb, SaysWhereALibraryIsMissing) {
  const auto missing = Chdb::load("/nowhere/libchdb.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), Code::Unavailable);
  EXPECT_NE(missing.error().hint().find("WEIR_CHDB_LIBRARY"), std::string::npos);
}

}  // namespace
}  // namespace weir::warehouse
