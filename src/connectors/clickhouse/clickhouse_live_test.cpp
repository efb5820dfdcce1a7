#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "connectors/clickhouse/live_server.hpp"
#include "data/text.hpp"
#include "flow/dialect_cases.hpp"

namespace weir::clickhouse {
namespace {

using testing::LiveServer;

class ClickhouseLive : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(LiveServer::instance().ready());
    database_ = *connector_.open_database(LiveServer::instance().context());
    source_ = *connector_.open_source(LiveServer::instance().context());
    sink_ = *connector_.open_sink(LiveServer::instance().context());
    table_ = std::string{"t_"} + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  void run(const std::string& sql) {
    const auto done = database_->execute(sql, {});
    ASSERT_TRUE(done.ok()) << sql << "\n" << done.error().explain();
  }
  // Rows as text, fields separated by " | ".
  std::vector<std::string> rows(const std::string& sql) {
    const auto batches = flow::select_all(*database_, sql, {});
    if (!batches.ok()) {
      ADD_FAILURE() << sql << "\n" << batches.error().explain();
      return {};
    }
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
  std::string value(const std::string& sql) {
    const auto all = rows(sql);
    return all.size() == 1 ? all[0] : fmt::format("{} rows", all.size());
  }

  flow::Connector connector_ = clickhouse_connector();
  std::unique_ptr<flow::Database> database_;
  std::unique_ptr<flow::Source> source_;
  std::unique_ptr<flow::Sink> sink_;
  std::string table_;
};

using Strings = std::vector<std::string>;

TEST_F(ClickhouseLive, ReadsTypesThatOnlyTheirTextStandsFor) {
  EXPECT_EQ(rows("SELECT 1 AS a, "
                 "toInt256('12345678901234567890123456789012345678901234567890123456789012345678901234567') AS b"),
            Strings{"1 | 12345678901234567890123456789012345678901234567890123456789012345678901234567"});
  EXPECT_EQ(rows("SELECT [1, 'x']::Array(Variant(UInt8, String)) AS v, 7::Dynamic AS d"), Strings{"[1,'x'] | 7"});
  EXPECT_EQ(rows("SELECT '{\"a\":{\"b\":[1,2]}}'::JSON AS j"), Strings{"{\"a\":{\"b\":[1,2]}}"});
}

TEST_F(ClickhouseLive, KeepsTheZoneThatRevisionZeroLeavesOut) {
  const auto reader =
      database_->select("SELECT toDateTime(0, 'Europe/Moscow') AS t, toDateTime(0, 'UTC') AS u", {}, {});
  ASSERT_TRUE(reader.ok()) << reader.error().explain();
  EXPECT_EQ((*reader)->schema()->text(), "t timestamp(s, Europe/Moscow) not null, u timestamp(s, UTC) not null");
}

TEST_F(ClickhouseLive, EmptyResultsHaveTheirSchema) {
  const auto reader = database_->select("SELECT number AS n, NULL::Nullable(Date) AS d FROM numbers(0);", {}, {});
  ASSERT_TRUE(reader.ok()) << reader.error().explain();
  EXPECT_EQ((*reader)->schema()->text(), "n uint64 not null, d date");
  EXPECT_FALSE((*reader)->next({})->has_value());
}

TEST_F(ClickhouseLive, ClassifiesErrors) {
  const auto code = [&](const std::string& sql) {
    const auto done = database_->execute(sql, {});
    return done.ok() ? std::string{"ok"} : std::string{name(done.error().code())} + " " + done.error().native_code();
  };
  EXPECT_EQ(code("SELECT FROM WHERE"), "invalid_query 62");
  EXPECT_EQ(code("SELECT * FROM no_such_table"), "not_found 60");
  EXPECT_EQ(code("SELECT nothing_there"), "invalid_query 47");
  EXPECT_EQ(code("SELECT CAST('x' AS UInt8)"), "type_mismatch 6");
  EXPECT_EQ(code("SELECT throwIf(1)"), "invalid_query 395");
  EXPECT_EQ(code("SELECT sleepEachRow(0.2) FROM numbers(10) SETTINGS max_execution_time = 1, max_block_size = 1"),
            "timed_out 159");
  EXPECT_EQ(code("SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000"),
            "resource_exhausted 241");
}

TEST_F(ClickhouseLive, AnErrorInTheMiddleOfAResultIsAnErrorAndNeverAnEnd) {
  auto reader = database_->select("SELECT throwIf(number = 3000000) AS x, toString(number) AS y FROM numbers(10000000)",
                                  {.batch_rows = 10'000, .batch_bytes = 8U << 20}, {});
  Result<void> outcome;
  std::size_t seen = 0;
  while (reader.ok()) {
    auto delivery = (*reader)->next({});
    if (!delivery.ok()) {
      outcome = std::move(delivery).error();
      break;
    }
    if (!delivery->has_value()) break;
    seen += (*delivery)->batch.rows();
  }
  if (!reader.ok()) outcome = std::move(reader).error();
  ASSERT_FALSE(outcome.ok()) << seen;
  EXPECT_EQ(outcome.error().native_code(), "395") << outcome.error().explain();
}

TEST_F(ClickhouseLive, AStopEndsALongQueryWithinASecond) {
  std::stop_source source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto done = database_->execute("SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))",
                                       source.get_token());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::Cancelled);
  stopper.join();
}

TEST_F(ClickhouseLive, ComputesWhatEveryDialectComputes) {
  const auto& dialect = database_->dialect();
  for (const auto& test : flow::kCanonicalCases) {
    const auto type = data::parse_type(test.type);
    ASSERT_TRUE(type.has_value()) << test.type;
    const auto nullable = dialect.type_name(*type, data::Nullable::Yes);
    const auto value_sql = test.canonical ? fmt::format("CAST({} AS {})", dialect.literal(test.value), nullable)
                                          : fmt::format("CAST(NULL AS {})", nullable);
    const auto sql = fmt::format("SELECT {} AS c FROM (SELECT {} AS x)", dialect.canonical("x", *type), value_sql);
    EXPECT_EQ(value(sql), test.canonical ? std::string{*test.canonical} : "NULL")
        << test.type << " " << test.value << "\n"
        << sql;
  }
  for (const auto& test : flow::digest_cases()) {
    Strings parts;
    for (const auto& text : test.canonical) {
      parts.push_back(text ? dialect.literal(*text) : "CAST(NULL AS Nullable(String))");
    }
    EXPECT_EQ(value("SELECT " + dialect.digest(parts) + " AS d"), std::to_string(test.digest));
  }
  for (const auto& test : flow::kBucketCases) {
    EXPECT_EQ(value(fmt::format("SELECT {} AS b", dialect.bucket(fmt::format("toInt64({})", test.digest), test.count))),
              std::to_string(test.bucket));
  }
}

TEST_F(ClickhouseLive, DialectExpressions) {
  const auto& dialect = database_->dialect();
  const std::string from = " FROM (SELECT arrayJoin([1, 1, 2, NULL]) AS x, toString(x) AS s)";
  EXPECT_EQ(value("SELECT " + dialect.count_if("x = 1") + from), "2");
  const Strings one{"x"};
  const Strings two{"x", "s"};
  EXPECT_EQ(value("SELECT " + dialect.count_distinct(one) + from), "2");
  EXPECT_EQ(value("SELECT " + dialect.count_distinct(two) + from), "3");
  EXPECT_EQ(value("SELECT " + dialect.matches("'a.b+c'", "^a\\.b\\+") + " AS m"), "1");
  EXPECT_EQ(value("SELECT " + dialect.exact_sum("number") + " AS s FROM numbers(0)"), "0");
  EXPECT_EQ(value("SELECT " + dialect.exact_sum("toInt64(9223372036854775807)") + " AS s FROM numbers(3)"),
            "27670116110564327421");
  EXPECT_EQ(value("SELECT round(" + dialect.age_seconds("now() - 60") + ") BETWEEN 59 AND 61 AS a"), "1");
}

// ---- loads

data::SchemaPtr sales_schema() {
  return std::make_shared<const data::Schema>(data::Schema{{
      {"id", data::type_of(data::Kind::Int64), data::Nullable::No},
      {"region", data::type_of(data::Kind::String), data::Nullable::Yes},
      {"amount", data::decimal(18, 2), data::Nullable::No},
      {"day", data::type_of(data::Kind::Date), data::Nullable::Yes},
      {"at", data::timestamp(data::TimeUnit::Micro, "UTC"), data::Nullable::No},
  }});
}

data::Batch sales(const data::SchemaPtr& schema, std::int64_t first, std::size_t count, std::string_view region) {
  std::vector<data::ColumnBuilder> builders;
  for (const auto& field : schema->fields) builders.emplace_back(field.type);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = first + static_cast<std::int64_t>(i);
    builders[0].append(id);
    if (id % 10 == 0) {
      builders[1].append_null();
    } else {
      builders[1].append_text(region);
    }
    builders[2].append(id * 100 + 50);
    builders[3].append(static_cast<std::int32_t>(20'000 + id % 3));
    builders[4].append(std::int64_t{1'700'000'000'000'000} + id);
  }
  std::vector<data::Column> columns;
  for (auto& builder : builders) columns.push_back(builder.finish());
  return {schema, std::move(columns), count};
}

class ClickhouseLoads : public ClickhouseLive {
 protected:
  flow::WriteRequest request(flow::WriteMode mode, Json options = Json::object()) {
    return {.table = table_,
            .schema = sales_schema(),
            .mode = mode,
            .key = {"id"},
            .indexes = {},
            .options = Settings{options}};
  }
  Result<flow::Receipt> load(const flow::WriteRequest& request, const std::vector<data::Batch>& batches,
                             std::string commit) {
    const auto load = WEIR_TRY(sink_->open(request, {}));
    const auto writer = WEIR_TRY(load->writer({}));
    for (const auto& batch : batches) WEIR_TRY(writer->write(batch, {}));
    WEIR_TRY(writer->finish({}));
    return load->commit(CommitId{std::move(commit)}, {});
  }
  void expect_loaded(const flow::WriteRequest& what, const std::vector<data::Batch>& batches, const std::string& commit,
                     std::uint64_t rows) {
    const auto receipt = load(what, batches, commit);
    ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
    EXPECT_EQ(receipt->rows, rows);
    EXPECT_EQ(receipt->commit.text(), commit);
    const auto found = sink_->find(what, CommitId{commit}, {});
    ASSERT_TRUE(found.ok()) << found.error().explain();
    EXPECT_EQ(*found, *receipt);
  }
  std::string tables() {
    return value(
        "SELECT toString(arraySort(groupArray(name))) AS t FROM system.tables WHERE database = currentDatabase() AND "
        "startsWith(name, '" +
        table_ + "')");
  }
  std::string only_table() { return "['" + table_ + "']"; }
};

TEST_F(ClickhouseLoads, ReplaceShowsTheOldTableOrTheNew) {
  const auto schema = sales_schema();
  expect_loaded(request(flow::WriteMode::Replace), {sales(schema, 1, 1000, "North")}, table_ + "-1", 1000);
  EXPECT_EQ(value("SELECT count(), sum(amount), countIf(region IS NULL), min(day) FROM " + table_),
            "1000 | 501000.00 | 100 | 2024-10-04");
  const auto again = sink_->open(request(flow::WriteMode::Replace), {});
  ASSERT_TRUE(again.ok()) << again.error().explain();
  auto writer = *(*again)->writer({});
  ASSERT_TRUE(writer->write(sales(schema, 1, 5, "South"), {}).ok());
  ASSERT_TRUE(writer->finish({}).ok());
  EXPECT_EQ(value("SELECT count() FROM " + table_), "1000");
  ASSERT_TRUE((*again)->commit(CommitId{table_ + "-2"}, {}).ok());
  EXPECT_EQ(value("SELECT count() FROM " + table_), "5");
}

TEST_F(ClickhouseLoads, ReplaceKeepsTheDefinitionOfTheUser) {
  run("CREATE TABLE " + table_ +
      " (id Int64, region LowCardinality(Nullable(String)), amount Decimal(18, 2), day Nullable(Date), "
      "at DateTime64(6, 'UTC')) ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id");
  expect_loaded(request(flow::WriteMode::Replace), {sales(sales_schema(), 1, 100, "North")}, table_ + "-1", 100);
  EXPECT_EQ(
      value("SELECT partition_key FROM system.tables WHERE database = currentDatabase() AND name = '" + table_ + "'"),
      "id % 2");
  EXPECT_EQ(value("SELECT count(), uniqExact(region) FROM " + table_), "100 | 1");
  // A type that does not hold the new rows changes, the layout stays.
  run("ALTER TABLE " + table_ + " MODIFY COLUMN at DateTime('UTC')");
  expect_loaded(request(flow::WriteMode::Replace), {sales(sales_schema(), 1, 10, "North")}, table_ + "-2", 10);
  EXPECT_EQ(
      value("SELECT partition_key FROM system.tables WHERE database = currentDatabase() AND name = '" + table_ + "'"),
      "id % 2");
  EXPECT_EQ(value("SELECT max(at) FROM " + table_), "2023-11-14 22:13:20.000010Z");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, AppendHappensOnceForOneCommit) {
  const auto schema = sales_schema();
  expect_loaded(request(flow::WriteMode::Append), {sales(schema, 1, 1000, "North"), sales(schema, 1, 1000, "North")},
                table_ + "-1", 2000);
  expect_loaded(request(flow::WriteMode::Append), {sales(schema, 1, 10, "North")}, table_ + "-2", 10);
  EXPECT_EQ(value("SELECT count() FROM " + table_), "2010");
  expect_loaded(request(flow::WriteMode::Append), {sales(schema, 1, 10, "North")}, table_ + "-2", 10);
  EXPECT_EQ(value("SELECT count() FROM " + table_), "2010");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, AppendIntoSeveralPartitions) {
  run("CREATE TABLE " + table_ +
      " (id Int64, region Nullable(String), amount Decimal(18, 2), day Nullable(Date32), "
      "at DateTime64(6, 'UTC'), extra String DEFAULT 'x') ENGINE = MergeTree PARTITION BY id % 7 ORDER BY id");
  expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 1, 1000, "North")}, table_ + "-1", 1000);
  EXPECT_EQ(value("SELECT count(), any(extra), uniqExact(id) FROM " + table_), "1000 | x | 1000");
}

TEST_F(ClickhouseLoads, MergeUpsertsAndDeletesByKey) {
  const auto schema = sales_schema();
  expect_loaded(request(flow::WriteMode::Merge), {sales(schema, 1, 10, "North")}, table_ + "-1", 10);
  auto deleted = sales(schema, 3, 2, "gone").with_changes({data::Change::Delete, data::Change::Delete});
  expect_loaded(request(flow::WriteMode::Merge),
                {sales(schema, 9, 5, "South"), std::move(deleted), sales(schema, 9, 1, "East")}, table_ + "-2", 8);
  EXPECT_EQ(rows("SELECT id, region FROM " + table_ + " ORDER BY id"),
            (Strings{"1 | North", "2 | North", "5 | North", "6 | North", "7 | North", "8 | North", "9 | East",
                     "10 | NULL", "11 | South", "12 | South", "13 | South"}));
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, ALoadWithoutCommitLeavesNothing) {
  {
    const auto load = sink_->open(request(flow::WriteMode::Append), {});
    ASSERT_TRUE(load.ok()) << load.error().explain();
    auto writer = *(*load)->writer({});
    ASSERT_TRUE(writer->write(sales(sales_schema(), 1, 10, "North"), {}).ok());
  }
  EXPECT_EQ(value("SELECT count() FROM " + table_), "0");
  EXPECT_EQ(tables(), only_table());
  EXPECT_FALSE(sink_->find(request(flow::WriteMode::Append), CommitId{"never"}, {})->has_value());
}

TEST_F(ClickhouseLoads, ParallelWritersFillOneLoad) {
  const auto schema = sales_schema();
  const auto load = sink_->open(request(flow::WriteMode::Append), {});
  ASSERT_TRUE(load.ok()) << load.error().explain();
  std::vector<std::thread> threads;
  for (int part = 0; part < 4; ++part) {
    threads.emplace_back([&, part] {
      auto writer = *(*load)->writer({});
      for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(writer->write(sales(schema, part * 100'000 + i * 1000, 1000, "North"), {}).ok());
      EXPECT_TRUE(writer->finish({}).ok());
    });
  }
  for (auto& thread : threads) thread.join();
  const auto receipt = (*load)->commit(CommitId{table_ + "-1"}, {});
  ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
  EXPECT_EQ(receipt->rows, 20'000U);
  EXPECT_EQ(value("SELECT count(), uniqExact(id) FROM " + table_), "20000 | 20000");
}

TEST_F(ClickhouseLoads, ATableWithoutTheColumnIsTheUsersMistake) {
  run("CREATE TABLE " + table_ + " (id Int64) ENGINE = MergeTree ORDER BY id");
  const auto load = sink_->open(request(flow::WriteMode::Append), {});
  ASSERT_FALSE(load.ok());
  EXPECT_EQ(load.error().code(), Code::TypeMismatch);
  EXPECT_EQ(load.error().fault(), Fault::User);
}

TEST_F(ClickhouseLoads, ValuesThatDoNotFitStopTheLoad) {
  run("CREATE TABLE " + table_ +
      " (id Int8, region String, amount Decimal(18, 2), day Nullable(Date), at DateTime64(6, 'UTC')) "
      "ENGINE = MergeTree ORDER BY id");
  const auto too_large = load(request(flow::WriteMode::Append), {sales(sales_schema(), 1, 1000, "North")}, "x");
  ASSERT_FALSE(too_large.ok());
  EXPECT_EQ(too_large.error().code(), Code::TypeMismatch) << too_large.error().explain();
  EXPECT_EQ(value("SELECT count() FROM " + table_), "0");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, OptionsShapeTheTable) {
  expect_loaded(request(flow::WriteMode::Replace, {{"engine", "ReplacingMergeTree"},
                                                   {"order_by", {"day", "id"}},
                                                   {"partition_by", {"toYYYYMM(day)"}},
                                                   {"settings", {{"index_granularity", 1024}}}}),
                {sales(sales_schema(), 1, 10, "North")}, table_ + "-1", 10);
  EXPECT_EQ(value("SELECT engine, sorting_key, partition_key FROM system.tables WHERE database = currentDatabase() AND "
                  "name = '" +
                  table_ + "'"),
            "ReplacingMergeTree | day, id | toYYYYMM(day)");
}

// ---- what a kill or a lost answer leaves: the tables and rows that each step has made, and nobody who cleans up

class ClickhouseFaults : public ClickhouseLoads {
 protected:
  // A staging table with ten rows of a process that is no more, and a target with the rows 1..5.
  void SetUp() override {
    ClickhouseLoads::SetUp();
    expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 1, 5, "old")}, table_ + "-0", 5);
    staging_ = table_ + "__weir_staging_" + dead_owner();
    run("CREATE TABLE " + staging_ + " AS " + table_);
    run("INSERT INTO " + staging_ + " SELECT number + 100, 'new', 1, NULL, 0 FROM numbers(10)");
  }
  // The machine's part of an owner is that of a living one; the process id was never given out.
  std::string dead_owner() {
    const auto load = *sink_->open(request(flow::WriteMode::Append), {});
    const auto name = value("SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '" +
                            table_ + "__weir_staging_')");
    const auto owner = name.substr((table_ + "__weir_staging_").size());
    return owner.substr(0, owner.find('_')) + "_4194305_1_dead";
  }
  void prepare(std::string_view method, const std::string& proof) {
    run(fmt::format(
        "INSERT INTO _weir_commits (commit, target, method, staging, proof, rows, done, at) SELECT '{}-1', '{}', '{}', "
        "'{}', '{}', 10, 0, now64(6)",
        table_, table_, method, staging_, proof));
  }
  std::string hashes() {
    return value(
        "SELECT hash_of_all_files FROM system.parts WHERE database = currentDatabase() AND active AND table = '" +
        staging_ + "'");
  }
  std::string uuid() {
    return value("SELECT toString(uuid) AS u FROM system.tables WHERE database = currentDatabase() AND name = '" +
                 staging_ + "'");
  }
  std::optional<flow::Receipt> find() {
    const auto found = sink_->find(request(flow::WriteMode::Append), CommitId{table_ + "-1"}, {});
    EXPECT_TRUE(found.ok()) << found.error().explain();
    return found.ok() ? *found : std::nullopt;
  }
  std::string count() { return value("SELECT count() FROM " + table_); }
  // The next load of the table, which also tidies up.
  void load_again() {
    expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 500, 1, "again")}, table_ + "-2", 1);
  }

  std::string staging_;
};

TEST_F(ClickhouseFaults, KilledBeforePrepare) {
  EXPECT_FALSE(find().has_value());
  load_again();
  EXPECT_EQ(count(), "6");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseFaults, MovePreparedAndNotBegun) {
  prepare("move", hashes());
  EXPECT_FALSE(find().has_value());
  load_again();
  EXPECT_FALSE(find().has_value());
  EXPECT_EQ(count(), "6");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseFaults, MoveDoneAndItsAnswerLost) {
  prepare("move", hashes());
  run("ALTER TABLE " + staging_ + " MOVE PARTITION ID 'all' TO TABLE " + table_);
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "15");
  load_again();
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "16");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseFaults, MoveDoneAndNobodyAskedBeforeTheNextLoad) {
  prepare("move", hashes());
  run("ALTER TABLE " + staging_ + " MOVE PARTITION ID 'all' TO TABLE " + table_);
  load_again();
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "16");
}

TEST_F(ClickhouseFaults, MoveWhoseServerDiedWithThePartsInBothTables) {
  prepare("move", hashes());
  run("ALTER TABLE " + table_ + " ATTACH PARTITION ALL FROM " + staging_);
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "15");
}

TEST_F(ClickhouseFaults, ExchangePreparedAndNotDone) {
  prepare("exchange", uuid());
  EXPECT_FALSE(find().has_value());
  load_again();
  EXPECT_FALSE(find().has_value());
  EXPECT_EQ(count(), "6");
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseFaults, ExchangeDoneAndItsAnswerLost) {
  prepare("exchange", uuid());
  run("EXCHANGE TABLES " + staging_ + " AND " + table_);
  load_again();
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "11");
  EXPECT_EQ(tables(), only_table());
}

// ---- sources and models

TEST_F(ClickhouseLive, PartitionsAreDisjointAndWhole) {
  run("CREATE TABLE " + table_ +
      " ENGINE = MergeTree ORDER BY id AS SELECT toInt64(number * 3) - 1000 AS id, toString(number) AS s FROM "
      "numbers(3000000)");
  flow::ReadRequest request{.stream = table_, .query = {}, .columns = {"id"}, .options = {}, .limits = {}};
  const auto partitions = source_->partitions(request, 4, {});
  ASSERT_TRUE(partitions.ok()) << partitions.error().explain();
  EXPECT_EQ(partitions->size(), 4U);
  std::size_t total = 0;
  std::int64_t sum = 0;
  for (const auto& partition : *partitions) {
    auto reader = source_->open(request, partition, std::nullopt, {});
    ASSERT_TRUE(reader.ok()) << reader.error().explain();
    EXPECT_EQ((*reader)->schema()->text(), "id int64 not null");
    std::size_t own = 0;
    while (true) {
      auto delivery = (*reader)->next({});
      ASSERT_TRUE(delivery.ok()) << delivery.error().explain();
      if (!delivery->has_value()) break;
      const auto& batch = (*delivery)->batch;
      for (std::size_t i = 0; i < batch.rows(); ++i) sum += batch.column(0).values<std::int64_t>()[i];
      own += batch.rows();
    }
    EXPECT_GT(own, 300'000U);
    total += own;
  }
  EXPECT_EQ(total, 3'000'000U);
  EXPECT_EQ(sum, 3LL * (3'000'000LL * 2'999'999 / 2) - 1000LL * 3'000'000);
}

TEST_F(ClickhouseLive, DescribesAndDiscovers) {
  run("CREATE TABLE " + table_ +
      " (id Int64, m UInt8 MATERIALIZED 1, n Nullable(DateTime('UTC'))) ENGINE = MergeTree ORDER BY id");
  flow::ReadRequest request{.stream = table_, .query = {}, .columns = {}, .options = {}, .limits = {}};
  const auto stream = source_->describe(request, {});
  ASSERT_TRUE(stream.ok()) << stream.error().explain();
  EXPECT_EQ(stream->schema.text(), "id int64 not null, n timestamp(s, UTC)");
  const auto info = database_->describe(flow::parse_relation(table_), {});
  ASSERT_TRUE(info.ok() && info->has_value());
  EXPECT_EQ((*info)->native_types, (Strings{"Int64", "Nullable(DateTime('UTC'))"}));
  EXPECT_EQ((*info)->key, Strings{"id"});
  EXPECT_FALSE(database_->describe({"", "not_there"}, {})->has_value());
  const auto all = source_->discover({});
  ASSERT_TRUE(all.ok()) << all.error().explain();
  const auto found =
      std::find_if(all->begin(), all->end(), [&](const flow::Stream& candidate) { return candidate.name == table_; });
  ASSERT_NE(found, all->end());
  EXPECT_EQ(found->schema, stream->schema);
  request.stream = "not_there";
  EXPECT_EQ(source_->describe(request, {}).error().code(), Code::NotFound);
}

class ClickhouseModels : public ClickhouseLive {
 protected:
  void build(flow::Materialized materialized, const std::string& select, Json config = Json::object(),
             std::vector<std::string> unique_key = {}, std::string strategy = {}) {
    flow::Materialization what;
    what.target = {"", table_};
    what.materialized = materialized;
    what.select = select;
    what.existing = *database_->describe(what.target, {});
    what.config = std::move(config);
    what.unique_key = std::move(unique_key);
    what.strategy = std::move(strategy);
    const auto script = database_->dialect().materialize(what);
    ASSERT_TRUE(script.ok()) << script.error().explain();
    const auto done = database_->execute(*script, {});
    ASSERT_TRUE(done.ok()) << done.error().explain();
  }
  Strings content() { return rows("SELECT * FROM " + table_ + " ORDER BY ALL"); }
  std::string leftovers() {
    return value(
        "SELECT toString(count()) AS c FROM system.tables WHERE database = currentDatabase() AND "
        "startsWith(name, '" +
        table_ + "__weir_')");
  }
};

TEST_F(ClickhouseModels, ViewsAndTablesReplaceEachOther) {
  build(flow::Materialized::View, "SELECT 1 AS x");
  EXPECT_EQ(content(), Strings{"1"});
  build(flow::Materialized::Table, "SELECT number AS x FROM numbers(3);", {{"order_by", "x"}});
  EXPECT_EQ(content(), (Strings{"0", "1", "2"}));
  build(flow::Materialized::Table, "SELECT 7 AS x, NULL::Nullable(Int8) AS y",
        {{"order_by", {"x", "y"}}, {"engine", "MergeTree()"}});
  EXPECT_EQ(content(), Strings{"7 | NULL"});
  build(flow::Materialized::View, "SELECT 2 AS x");
  EXPECT_EQ(content(), Strings{"2"});
  EXPECT_EQ(leftovers(), "0");
}

TEST_F(ClickhouseModels, IncrementalStrategies) {
  const Json config{{"order_by", "id"}, {"partition_by", "p"}};
  build(flow::Materialized::Incremental, "SELECT number AS id, number % 2 AS p, 'a' AS s FROM numbers(4)", config,
        {"id"});
  EXPECT_EQ(content(), (Strings{"0 | 0 | a", "1 | 1 | a", "2 | 0 | a", "3 | 1 | a"}));
  build(flow::Materialized::Incremental, "SELECT 'b' AS s, number AS id, number % 2 AS p FROM numbers(3, 2)", config,
        {"id"});
  EXPECT_EQ(content(), (Strings{"0 | 0 | a", "1 | 1 | a", "2 | 0 | a", "3 | 1 | b", "4 | 0 | b"}));
  build(flow::Materialized::Incremental, "SELECT 9 AS id, 1 AS p, 'c' AS s", config, {}, "append");
  EXPECT_EQ(content().back(), "9 | 1 | c");
  build(flow::Materialized::Incremental, "SELECT 5 AS id, 0 AS p, 'd' AS s", config, {}, "insert_overwrite");
  EXPECT_EQ(content(), (Strings{"1 | 1 | a", "3 | 1 | b", "5 | 0 | d", "9 | 1 | c"}));
  EXPECT_EQ(leftovers(), "0");
}

TEST_F(ClickhouseModels, MaterializedViewFillsItsTable) {
  run("CREATE TABLE " + table_ + "_in (x Int64) ENGINE = MergeTree ORDER BY x");
  run("INSERT INTO " + table_ + "_in SELECT 1");
  const auto select = "SELECT x * 10 AS y FROM " + table_ + "_in";
  build(flow::Materialized::MaterializedView, select, {{"order_by", "y"}});
  run("INSERT INTO " + table_ + "_in SELECT 2");
  EXPECT_EQ(content(), (Strings{"10", "20"}));
  build(flow::Materialized::MaterializedView, "SELECT x * 100 AS y FROM " + table_ + "_in", {{"order_by", "y"}});
  run("INSERT INTO " + table_ + "_in SELECT 3");
  EXPECT_EQ(content(), (Strings{"10", "20", "300"}));
}

// ---- every type there and back

TEST_F(ClickhouseLoads, TypesSurviveTheRoundTrip) {
  const auto type = [](std::string_view text) { return *data::parse_type(text); };
  const std::vector<std::pair<std::string, Strings>> cases{
      {"bool", {"true", "false"}},
      {"int8", {"-128", "127"}},
      {"int16", {"-32768"}},
      {"int32", {"-2147483648"}},
      {"int64", {"-9223372036854775808", "9223372036854775807"}},
      {"uint8", {"255"}},
      {"uint16", {"65535"}},
      {"uint32", {"4294967295"}},
      {"uint64", {"18446744073709551615"}},
      {"float32", {"1.5", "nan", "-inf"}},
      {"float64", {"5e-324", "1.7976931348623157e+308", "-0.1"}},
      {"decimal(9,2)", {"-9999999.99"}},
      {"decimal(18,0)", {"999999999999999999"}},
      {"decimal(38,10)", {"-1234567890123456789012345678.0123456789"}},
      {"decimal(76,38)", {"12345678901234567890123456789012345678.12345678901234567890123456789012345678"}},
      {"date", {"1900-01-01", "2299-12-31"}},
      {"time(us)", {"00:00:00", "23:59:59.999999"}},
      {"time(s)", {"12:00:00"}},
      {"timestamp(us)", {"1900-01-01 00:00:00", "2299-12-31 23:59:59.999999"}},
      {"timestamp(ns, UTC)", {"2026-03-01 12:45:00.123456789Z"}},
      {"timestamp(ms, Europe/Moscow)", {"1969-12-31 23:59:59.999Z"}},
      {"timestamp(s)", {"2026-03-01 12:45:00"}},
      {"string", {"", "Привет 🌍 'x' \\ \n"}},
      {"uuid", {"61f0c404-5cb3-11e7-907b-a6006ad3dba0"}},
      {"interval", {"P1Y2M3DT4H5M6.5S"}},
      {"json", {"{\"a\": [1, 2]}"}},
      {"list<int32>", {"[1,null,3]", "[]"}},
      {"struct<a int8 not null, b string>", {"{\"a\":1,\"b\":null}"}},
      {"list<list<string not null> not null>", {"[[\"x\"],[]]"}},
  };
  for (const auto& [text, values] : cases) {
    run("DROP TABLE IF EXISTS " + table_);  // a replaced table keeps types that hold the rows
    const auto kind = type(text);
    const bool nested = kind.kind == data::Kind::List || kind.kind == data::Kind::Struct;
    data::ColumnBuilder builder(kind);
    Strings expected;
    for (const auto& value_text : values) {
      const auto parsed = data::append_parsed(builder, value_text);
      ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.error().text();
    }
    if (!nested) builder.append_null();
    const auto rows_count = builder.rows();
    std::vector<data::Column> columns;
    columns.push_back(builder.finish());
    for (std::size_t row = 0; row < rows_count; ++row) {
      expected.push_back(columns[0].is_null(row) ? "NULL" : data::value_text(columns[0], row));
    }
    const auto schema = std::make_shared<const data::Schema>(
        data::Schema{{{"v", kind, nested ? data::Nullable::No : data::Nullable::Yes}}});
    flow::WriteRequest what{
        .table = table_, .schema = schema, .mode = flow::WriteMode::Replace, .key = {}, .indexes = {}, .options = {}};
    const auto receipt = load(what, {data::Batch(schema, std::move(columns), rows_count)}, table_ + text);
    ASSERT_TRUE(receipt.ok()) << text << ": " << receipt.error().explain();
    EXPECT_EQ(rows("SELECT v FROM " + table_), expected) << text;
    const auto back =
        source_->describe({.stream = table_, .query = {}, .columns = {}, .options = {}, .limits = {}}, {});
    ASSERT_TRUE(back.ok());
    if (kind.kind != data::Kind::Interval && kind.kind != data::Kind::Json) {
      EXPECT_EQ(back->schema.fields[0].type.text(), kind.text());
    }
  }
}

TEST_F(ClickhouseLive, CompressedBothWays) {
  auto database = *connector_.open_database(LiveServer::instance().context({{"compression", "lz4"}}));
  const auto batches =
      flow::select_all(*database, "SELECT number AS n, toString(number) AS s FROM numbers(200000)", {});
  ASSERT_TRUE(batches.ok()) << batches.error().explain();
  std::size_t total = 0;
  for (const auto& batch : *batches) total += batch.rows();
  EXPECT_EQ(total, 200'000U);
  auto sink = *connector_.open_sink(LiveServer::instance().context({{"compression", "lz4"}}));
  const auto load = sink->open({.table = table_,
                                .schema = sales_schema(),
                                .mode = flow::WriteMode::Replace,
                                .key = {},
                                .indexes = {},
                                .options = {}},
                               {});
  ASSERT_TRUE(load.ok()) << load.error().explain();
  {
    auto writer = *(*load)->writer({});
    ASSERT_TRUE(writer->write(sales(sales_schema(), 0, 50'000, "North"), {}).ok());
    const auto finished = writer->finish({});
    ASSERT_TRUE(finished.ok()) << finished.error().explain();
  }
  ASSERT_TRUE((*load)->commit(CommitId{table_}, {}).ok());
  EXPECT_EQ(value("SELECT count(), sum(id) FROM " + table_), "50000 | 1249975000");
}

TEST_F(ClickhouseLive, WrongPasswordAndNoServer) {
  if (std::getenv("WEIR_TEST_CLICKHOUSE_URL") == nullptr) {
    auto database = *connector_.open_database(LiveServer::instance().context({{"password", "surely-wrong"}}));
    const auto denied = database->execute("SELECT 1", {});
    ASSERT_FALSE(denied.ok());
    EXPECT_EQ(denied.error().code(), Code::AccessDenied) << denied.error().explain();
    EXPECT_EQ(denied.error().explain().find("surely-wrong"), std::string::npos);
  }
  auto nowhere = *connector_.open_database(
      LiveServer::instance().context({{"unix_socket", ""}, {"url", "http://u:hidden@127.0.0.1:1"}}));
  const auto refused = nowhere->execute("SELECT 1", {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_EQ(refused.error().explain().find("hidden"), std::string::npos);
}

}  // namespace
}  // namespace weir::clickhouse
