// Parquet files through the real embedded ClickHouse. What pyarrow reads of them and writes for us: tests/parquet.
#include "connectors/clickhouse/parquet.hpp"

#include <fstream>

#include "base/file.hpp"
#include "connectors/clickhouse/live_test.hpp"
#include "connectors/clickhouse/staging.hpp"

namespace weir::clickhouse {
namespace {

using testing::ClickhouseLive;
using testing::LiveServer;
using testing::Strings;

struct TypeCase {
  std::string type;
  std::vector<std::string> values;
  std::string read_as = {};  // the type that comes back; empty: the same
  std::vector<std::string> read_values = {};
};

// Extreme values of every type of docs/types.md.
std::vector<TypeCase> type_cases() {
  return {
      {"bool", {"true", "false"}},
      {"int8", {"-128", "127"}},
      {"int16", {"-32768", "32767"}},
      {"int32", {"-2147483648", "2147483647"}},
      {"int64", {"-9223372036854775808", "9223372036854775807"}},
      {"uint8", {"0", "255"}},
      {"uint16", {"0", "65535"}},
      {"uint32", {"0", "4294967295"}},
      {"uint64", {"0", "18446744073709551615"}},
      {"float32", {"0.1", "nan", "-inf", "3.4028235e+38"}},
      {"float64", {"0.1", "nan", "inf", "5e-324"}},
      {"decimal(9,2)", {"9999999.99", "-0.01"}},
      {"decimal(18,0)", {"999999999999999999", "-999999999999999999"}},
      {"decimal(38,10)", {"9999999999999999999999999999.9999999999", "-0.0000000001"}},
      {"decimal(76,38)",
       {"99999999999999999999999999999999999999.99999999999999999999999999999999999999",
        "-1.00000000000000000000000000000000000000"}},
      {"date", {"0001-01-01", "1970-01-01", "9999-12-31"}},
      {"time(s)", {"12:45:00", "00:00:00"}, "time(us)", {"12:45:00.000000", "00:00:00.000000"}},
      {"time(us)", {"23:59:59.999999", "00:00:00.000000"}},
      {"time(ns)", {"23:59:59.999999999"}},
      {"timestamp(s)", {"2026-03-01 12:45:00"}, "timestamp(ms)", {"2026-03-01 12:45:00.000"}},
      {"timestamp(ms)", {"0001-01-01 00:00:00.000", "9999-12-31 23:59:59.999"}},
      {"timestamp(us)", {"0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"}},
      {"timestamp(ns)", {"1677-09-22 00:00:00.000000001", "2262-04-11 00:00:00.999999999"}},
      {"timestamp(us, UTC)", {"1969-12-31 23:59:59.999999Z", "9999-12-31 23:59:59.999999Z"}},
      {"timestamp(ms, Europe/Moscow)", {"2026-03-01 09:45:00.250Z"}, "timestamp(ms, UTC)"},
      {"interval", {"P1Y2M3DT4H5M6.5S"}, "string"},
      {"string", {"", "Привет, 'мир' \\ 🌍", std::string(100'000, 'x')}},
      {"binary", {"\\x", "\\x00ff0a"}},
      {"uuid", {"61f0c404-5cb3-11e7-907b-a6006ad3dba0", "00000000-0000-0000-0000-000000000000"}},
      {"json", {R"({"a": [1, 2.50, null]})", "7"}},
      {"list<int32>", {"[1,null,-3]", "[]"}},
      {"list<list<string>>", {R"([["a",""],[]])"}, "list<list<string> not null>"},
      {"list<timestamp(us)>", {R"(["2026-03-01 12:45:00.000001"])"}},
      {"list<date>", {R"(["0001-01-01",null])"}},
      {"struct<a int32, b string>", {R"({"a":1,"b":"x"})"}},
  };
}

bool is_nested(const data::Type& type) { return type.kind == data::Kind::List || type.kind == data::Kind::Struct; }

class ParquetLive : public ClickhouseLive {
 protected:
  void SetUp() override {
    ClickhouseLive::SetUp();
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir_parquet_{}", ::getpid());
    std::filesystem::create_directories(folder_);
    file_ = folder_ / (table_ + ".parquet");
  }
  void TearDown() override {
    EXPECT_EQ(staging_tables(), "0");
    std::filesystem::remove_all(folder_);
  }

  std::string staging_tables() {
    return value(
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '_weir_parquet')");
  }
  Result<void> write(const data::SchemaPtr& schema, const std::vector<data::Batch>& batches) {
    const auto writer = WEIR_TRY(engine_.write(file_, schema, {}));
    for (const auto& batch : batches) WEIR_TRY(writer->write(batch, {}));
    return writer->finish({});
  }
  // Rows as text; the schema is left in read_schema_.
  Result<Strings> read(const std::vector<std::string>& columns = {}) {
    const auto reader = WEIR_TRY(engine_.read(file_, columns, {}, {}));
    read_schema_ = *reader->schema();
    Strings rows;
    while (const auto delivery = WEIR_TRY(reader->next({}))) {
      for (std::size_t row = 0; row < delivery->batch.rows(); ++row) {
        std::string text;
        for (const auto& column : delivery->batch.columns()) {
          if (!text.empty()) text += " | ";
          text += column.is_null(row) ? "NULL" : data::value_text(column, row);
        }
        rows.push_back(std::move(text));
      }
    }
    return rows;
  }
  static data::SchemaPtr schema(std::vector<data::Field> fields) {
    return std::make_shared<const data::Schema>(data::Schema{std::move(fields)});
  }
  // Rows first … first + count - 1: the number and its text.
  static data::Batch numbers(const data::SchemaPtr& schema, std::int64_t first, std::size_t count) {
    std::vector<data::ColumnBuilder> builders;
    for (const auto& field : schema->fields) builders.emplace_back(field.type);
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = first + static_cast<std::int64_t>(i);
      builders[0].append(number);
      builders[1].append_text(fmt::format("row {}", number));
    }
    std::vector<data::Column> columns;
    for (auto& builder : builders) columns.push_back(builder.finish());
    return {schema, std::move(columns), count};
  }
  data::SchemaPtr number_schema() {
    return schema({{"id", data::type_of(data::Kind::Int64), data::Nullable::No},
                   {"text", data::type_of(data::Kind::String), data::Nullable::Yes}});
  }

  ParquetEngine engine_{LiveServer::instance().context()};
  std::filesystem::path folder_;
  std::filesystem::path file_;
  data::Schema read_schema_;
};

TEST_F(ParquetLive, EveryTypeComesBack) {
  for (const auto& test : type_cases()) {
    SCOPED_TRACE(test.type);
    const auto type = *data::parse_type(test.type);
    const auto nullable = is_nested(type) ? data::Nullable::No : data::Nullable::Yes;
    const auto fields = schema({{"v", type, nullable}});
    data::ColumnBuilder builder{type};
    auto expected = test.read_values.empty() ? test.values : test.read_values;
    for (const auto& text : test.values) ASSERT_TRUE(data::append_parsed(builder, text).ok()) << text;
    if (nullable == data::Nullable::Yes) {
      builder.append_null();
      expected.emplace_back("NULL");
    }
    const auto rows = builder.rows();
    const auto written = write(fields, {data::Batch{fields, {builder.finish()}, rows}});
    ASSERT_TRUE(written.ok()) << written.error().explain();
    const auto found = read();
    ASSERT_TRUE(found.ok()) << found.error().explain();
    EXPECT_EQ(*found, expected);
    EXPECT_EQ(read_schema_.fields[0].type.text(), test.read_as.empty() ? test.type : test.read_as);
    EXPECT_EQ(read_schema_.fields[0].nullable, nullable);
    const auto described = engine_.describe(file_, {});
    ASSERT_TRUE(described.ok());
    EXPECT_EQ(*described, read_schema_);
  }
}

TEST_F(ParquetLive, TwoMillionRowsKeepTheirOrderInRowGroupsOfTheirOwn) {
  const auto fields = number_schema();
  const auto writer = engine_.write(file_, fields, {});
  ASSERT_TRUE(writer.ok()) << writer.error().explain();
  constexpr std::int64_t kRows = 2'000'000;
  constexpr std::size_t kBatch = 50'000;
  for (std::int64_t first = 0; first < kRows; first += kBatch)
    ASSERT_TRUE((*writer)->write(numbers(fields, first, kBatch), {}).ok());
  const auto finished = (*writer)->finish({});
  ASSERT_TRUE(finished.ok()) << finished.error().explain();

  const auto reader = engine_.read(file_, {}, {.batch_rows = 10'000, .batch_bytes = 1U << 20}, {});
  ASSERT_TRUE(reader.ok()) << reader.error().explain();
  std::int64_t expected = 0;
  std::size_t largest = 0;
  while (true) {
    const auto delivery = (*reader)->next({});
    ASSERT_TRUE(delivery.ok()) << delivery.error().explain();
    if (!*delivery) break;
    const auto& batch = (*delivery)->batch;
    largest = std::max(largest, batch.memory_bytes());
    for (std::size_t row = 0; row < batch.rows(); ++row, ++expected) {
      ASSERT_EQ(batch.column(0).values<std::int64_t>()[row], expected);
      if (expected % 1000 == 0) {
        ASSERT_EQ(batch.column(1).text(row), fmt::format("row {}", expected));
      }
    }
  }
  EXPECT_EQ(expected, kRows);
  EXPECT_LE(largest, std::size_t{4} << 20);
  EXPECT_GE((*reader)->bytes_read(), std::filesystem::file_size(file_) * 9 / 10);
}

TEST_F(ParquetLive, ReadsTheColumnsThatAreNamedAndFilesWithoutRows) {
  ASSERT_TRUE(write(number_schema(), {numbers(number_schema(), 1, 3)}).ok());
  EXPECT_EQ(*read({"text"}), (Strings{"row 1", "row 2", "row 3"}));
  EXPECT_EQ(*read({"text", "id"}), (Strings{"row 1 | 1", "row 2 | 2", "row 3 | 3"}));
  EXPECT_EQ(read({"txt"}).error().code(), Code::NotFound);
  ASSERT_TRUE(write(number_schema(), {}).ok());
  EXPECT_EQ(*read(), Strings{});
  EXPECT_EQ(read_schema_, *number_schema());
}

TEST_F(ParquetLive, FilesThatAreNotWholeAreTheUsersFault) {
  ASSERT_TRUE(write(number_schema(), {numbers(number_schema(), 1, 1000)}).ok());
  const auto whole = *read_file(file_);
  const auto expect = [&](std::string_view bytes, std::string_view message) {
    ASSERT_TRUE(write_file(file_, bytes).ok());
    const auto found = read();
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code(), Code::InvalidData) << found.error().explain();
    EXPECT_EQ(found.error().fault(), Fault::User);
    EXPECT_EQ(found.error().message(), fmt::format("{}: {}", message, file_.string()));
    EXPECT_EQ(engine_.describe(file_, {}).error().message(), found.error().message());
  };
  expect("id,text\n1,a\n2,b\n", "not a Parquet file");
  expect("", "not a Parquet file");
  expect(std::string_view{whole}.substr(0, whole.size() / 2), "the Parquet file is cut off or damaged");
  expect(std::string_view{whole}.substr(0, whole.size() - 1), "the Parquet file is cut off or damaged");
  auto bent = whole;
  const auto length =
      static_cast<std::uint8_t>(bent[bent.size() - 8]) | static_cast<std::uint8_t>(bent[bent.size() - 7]) << 8;
  bent.replace(bent.size() - 8 - static_cast<std::size_t>(length), 40, std::string(40, '\xFF'));
  ASSERT_TRUE(write_file(file_, bent).ok());
  EXPECT_FALSE(read().ok());
  // Pages of noise: the server finds it, and no row of a chunk comes out before it has.
  auto noise = whole;
  noise.replace(40, 400, std::string(400, '\x5A'));
  ASSERT_TRUE(write_file(file_, noise).ok());
  EXPECT_FALSE(read().ok());
  std::filesystem::remove(file_);
  EXPECT_EQ(read().error().code(), Code::NotFound);
}

TEST_F(ParquetLive, WhatAKilledProcessLeftIsRemoved) {
  // The owner is this machine's, its process is gone.
  auto owner = make_owner();
  const auto pid = fmt::format("_{}_", ::getpid());
  owner.replace(owner.find(pid), pid.size(), "_999999999_");
  run("CREATE TABLE _weir_parquet__weir_staging_" + owner + " (a Int8) ENGINE = MergeTree ORDER BY a");
  const auto alive = "_weir_parquet__weir_staging_" + make_owner();
  run("CREATE TABLE " + alive + " (a Int8) ENGINE = MergeTree ORDER BY a");
  ASSERT_TRUE(write(number_schema(), {numbers(number_schema(), 1, 3)}).ok());
  EXPECT_EQ(staging_tables(), "1");
  run("DROP TABLE " + alive);
}

TEST_F(ParquetLive, AStopEndsTheRead) {
  ASSERT_TRUE(write(number_schema(), {numbers(number_schema(), 1, 1000)}).ok());
  const auto reader = engine_.read(file_, {}, {}, {});
  ASSERT_TRUE(reader.ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ((*reader)->next(stop.get_token()).error().code(), Code::Cancelled);
}

}  // namespace
}  // namespace weir::clickhouse
