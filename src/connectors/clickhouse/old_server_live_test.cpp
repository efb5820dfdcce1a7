// ClickHouse 18.16, the last server that Debian packages: a server that Weir did not write, without the HTTP interface's
// newer headers, Atomic databases, EXCHANGE, Date32, DateTime64 and most settings.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.hpp"
#include "connectors/clickhouse/connector.hpp"
#include "data/text.hpp"
#include "services/process.hpp"

namespace weir::clickhouse {
namespace {

constexpr const char* kProgram = "/usr/sbin/clickhouse-server";

int free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

class OldServer : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(kProgram)) return;
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir_old_clickhouse_{}", ::getpid());
    port_ = free_port();
    for (const auto* name : {"data", "tmp"}) ASSERT_TRUE(make_folder(folder_ / name).ok());
    const auto path = folder_.string();
    ASSERT_TRUE(
        write_file(
            folder_ / "config.xml",
            fmt::format(
                "<yandex><logger><level>warning</level><log>{0}/log</log><errorlog>{0}/errors</errorlog></logger>"
                "<http_port>{1}</http_port><tcp_port>{2}</tcp_port><listen_host>127.0.0.1</listen_host>"
                "<path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path><users_config>users.xml</users_config>"
                "<default_profile>default</default_profile><default_database>default</default_database>"
                "<mark_cache_size>100000000</mark_cache_size><timezone>UTC</timezone></yandex>",
                path, port_, free_port()))
            .ok());
    ASSERT_TRUE(
        write_file(
            folder_ / "users.xml",
            "<yandex><profiles><default></default></profiles><users><default><password>an old word</password>"
            "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default></users>"
            "<quotas><default></default></quotas></yandex>")
            .ok());
    services::ProcessSpec spec;
    spec.program = kProgram;
    spec.arguments = {"--config-file=" + path + "/config.xml"};
    spec.folder = folder_;
    auto process = services::Process::spawn(spec);
    ASSERT_TRUE(process.ok()) << process.error().explain();
    process_ = std::make_unique<services::Process>(std::move(*process));
    auto database = *clickhouse_connector().open_database(context());
    // Until it listens, connections are refused at once.
    for (int i = 0; i < 600 && !database->execute("SELECT 1", {}).ok(); ++i) {
      // The old server tells nobody when it listens.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  static void TearDownTestSuite() {
    process_.reset();
    std::error_code failed;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, failed);
  }
  void SetUp() override {
    if (!process_) GTEST_SKIP() << "no " << kProgram;
  }

  static flow::OpenContext context() {
    flow::OpenContext context;
    context.connection = {
        .name = "old",
        .type = "clickhouse",
        .settings = Settings{Json{{"url", fmt::format("http://127.0.0.1:{}", port_)}, {"password", "an old word"}}}};
    return context;
  }
  std::vector<std::string> rows(const std::string& sql) {
    const auto batches = flow::select_all(*database_, sql, {});
    if (!batches.ok()) return {batches.error().explain()};
    std::vector<std::string> rows;
    for (const auto& batch : *batches) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        std::string text;
        for (const auto& column : batch.columns()) {
          if (!text.empty()) text += " | ";
          text += column.is_null(row) ? "NULL" : data::value_text(column, row);
        }
        rows.push_back(std::move(text));
      }
    }
    return rows;
  }
  Result<flow::Receipt> load(flow::WriteMode mode, std::int64_t first, std::size_t count, const std::string& commit) {
    const auto schema = std::make_shared<const data::Schema>(
        data::Schema{{{"id", data::type_of(data::Kind::Int64), data::Nullable::No},
                      {"name", data::type_of(data::Kind::String), data::Nullable::Yes},
                      {"price", data::decimal(18, 2), data::Nullable::No},
                      {"day", data::type_of(data::Kind::Date), data::Nullable::No}}});
    data::ColumnBuilder ids(schema->fields[0].type);
    data::ColumnBuilder names(schema->fields[1].type);
    data::ColumnBuilder prices(schema->fields[2].type);
    data::ColumnBuilder days(schema->fields[3].type);
    for (std::size_t i = 0; i < count; ++i) {
      ids.append(first + static_cast<std::int64_t>(i));
      names.append_text("name");
      names.set_null(i);
      prices.append(std::int64_t{150});
      days.append(std::int32_t{20'000});
    }
    std::vector<data::Column> columns;
    for (auto* builder : {&ids, &names, &prices, &days}) columns.push_back(builder->finish());
    const flow::WriteRequest request{
        .table = "sales", .schema = schema, .mode = mode, .key = {"id"}, .indexes = {}, .options = {}};
    const auto load = WEIR_TRY(sink_->open(request, {}));
    const auto writer = WEIR_TRY(load->writer({}));
    WEIR_TRY(writer->write(data::Batch(schema, std::move(columns), count), {}));
    WEIR_TRY(writer->finish({}));
    return load->commit(CommitId{commit}, {});
  }

  static inline std::filesystem::path folder_;
  static inline int port_ = 0;
  static inline std::unique_ptr<services::Process> process_;
  std::unique_ptr<flow::Database> database_ = *clickhouse_connector().open_database(context());
  std::unique_ptr<flow::Sink> sink_ = *clickhouse_connector().open_sink(context());
};

TEST_F(OldServer, SelectsItsTypes) {
  EXPECT_EQ(rows("SELECT toInt8(-1) AS a, 'x' AS b, toDecimal64('1.50', 2) AS c, toDateTime('2026-03-01 12:45:00') AS "
                 "d, [1, 2] AS e"),
            std::vector<std::string>{"-1 | x | 1.50 | 2026-03-01 12:45:00 | [1,2]"});
  EXPECT_EQ(rows("SELECT number FROM numbers(3)"), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(rows("SELECT toLowCardinality('a') AS a"), std::vector<std::string>{"a"});
}

TEST_F(OldServer, SaysWhatIsWrong) {
  const auto syntax = database_->execute("SELECT x FROM", {});
  ASSERT_FALSE(syntax.ok());
  EXPECT_EQ(syntax.error().native_code(), "62");
  EXPECT_EQ(syntax.error().code(), Code::InvalidQuery);
  EXPECT_EQ(database_->execute("SELECT * FROM nowhere", {}).error().code(), Code::NotFound);
}

TEST_F(OldServer, ReplacesATable) {
  const auto first = load(flow::WriteMode::Replace, 1, 10, "c1");
  ASSERT_TRUE(first.ok()) << first.error().explain();
  EXPECT_EQ(rows("SELECT count(), sum(price), countIf(name IS NULL), any(day) FROM sales"),
            std::vector<std::string>{"10 | 15.00 | 10 | 2024-10-04"});
  const auto second = load(flow::WriteMode::Replace, 1, 3, "c2");
  ASSERT_TRUE(second.ok()) << second.error().explain();
  EXPECT_EQ(rows("SELECT count() FROM sales"), std::vector<std::string>{"3"});
  EXPECT_EQ(rows("SELECT name FROM system.tables WHERE database = 'default' ORDER BY name"),
            (std::vector<std::string>{"_weir_commits", "sales"}));
}

TEST_F(OldServer, AppendSaysWhichServerItNeeds) {
  const auto append = load(flow::WriteMode::Append, 1, 10, "c3");
  ASSERT_FALSE(append.ok());
  EXPECT_EQ(append.error().code(), Code::Unsupported) << append.error().explain();
}

}  // namespace
}  // namespace weir::clickhouse
