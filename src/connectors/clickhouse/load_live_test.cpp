#include <thread>

#include "connectors/clickhouse/live_test.hpp"

namespace weir::clickhouse {
namespace {

using testing::ClickhouseLive;
using testing::LiveServer;
using testing::Strings;

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
  flow::WriteRequest request(flow::WriteMode mode, const Json& options = Json::object()) {
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

// Equal rows make parts of equal hashes, by which a move that was cut off is known.
TEST_F(ClickhouseLoads, TheSameRowsAreAppendedByEveryCommit) {
  for (int i = 1; i <= 3; ++i) {
    expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 1, 10, "North")},
                  fmt::format("{}-{}", table_, i), 10);
    EXPECT_EQ(value("SELECT count() FROM " + table_), std::to_string(10 * i));
  }
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, AppendReachesMaterialisedViews) {
  expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 1, 5, "early")}, table_ + "-1", 5);
  run(fmt::format("CREATE MATERIALIZED VIEW {0}_view ENGINE = MergeTree ORDER BY id AS SELECT id, region FROM {0}",
                  table_));
  expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 6, 10, "late")}, table_ + "-2", 10);
  expect_loaded(request(flow::WriteMode::Append), {sales(sales_schema(), 6, 10, "late")}, table_ + "-2", 10);
  EXPECT_EQ(value("SELECT count() FROM " + table_), "15");
  EXPECT_EQ(value(fmt::format("SELECT count(), uniqExact(id), min(id) FROM {}_view", table_)), "10 | 10 | 6");
  run(fmt::format("DROP TABLE {}_view SYNC", table_));
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
                {sales(schema, 9, 5, "South"), std::move(deleted), sales(schema, 9, 1, "East")}, table_ + "-2", 6);
  EXPECT_EQ(rows("SELECT id, region FROM " + table_ + " ORDER BY id"),
            (Strings{"1 | North", "2 | North", "5 | North", "6 | North", "7 | North", "8 | North", "9 | East",
                     "10 | NULL", "11 | South", "12 | South", "13 | South"}));
  EXPECT_EQ(tables(), only_table());
}

TEST_F(ClickhouseLoads, MergeReplacesAllRowsOfAnOrigin) {
  run("CREATE TABLE " + table_ + " (owner Int64, part Int64, text String) ENGINE = MergeTree ORDER BY (owner, part)");
  run("INSERT INTO " + table_ + " VALUES (1, 0, 'a'), (1, 1, 'b'), (2, 0, 'c'), (3, 0, 'd')");
  const auto int64 = data::type_of(data::Kind::Int64);
  const auto schema = std::make_shared<const data::Schema>(
      data::Schema{{{"owner", int64, data::Nullable::No},
                    {"part", int64, data::Nullable::No},
                    {"text", data::type_of(data::Kind::String), data::Nullable::No}}});
  auto merge = request(flow::WriteMode::Merge);
  merge.schema = schema;
  merge.key = {"owner", "part"};
  merge.origin = {"owner"};
  std::vector<data::ColumnBuilder> columns;
  for (const auto& field : schema->fields) columns.emplace_back(field.type);
  std::vector<data::Change> changes;
  const auto add = [&](data::Change change, std::int64_t owner, std::int64_t part, std::string_view text) {
    columns[0].append(owner);
    columns[1].append(part);
    columns[2].append_text(text);
    changes.push_back(change);
  };
  using enum data::Change;
  add(Delete, 1, 0, "");
  add(Insert, 1, 0, "e");
  add(Delete, 2, 0, "");
  add(Insert, 3, 1, "f");
  add(Delete, 4, 0, "");
  add(Insert, 4, 0, "g");
  add(Insert, 4, 1, "h");
  add(Delete, 4, 0, "");
  add(Insert, 4, 0, "i");
  data::Batch batch{schema, {columns[0].finish(), columns[1].finish(), columns[2].finish()}, changes.size()};
  expect_loaded(merge, {std::move(batch).with_changes(std::move(changes))}, table_ + "-1", 5);
  EXPECT_EQ(rows("SELECT * FROM " + table_ + " ORDER BY owner, part"),
            (Strings{"1 | 0 | e", "3 | 0 | d", "3 | 1 | f", "4 | 0 | i"}));
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

TEST_F(ClickhouseFaults, MoveOfRowsThatWereThereBefore) {
  run("INSERT INTO " + table_ + " SELECT * FROM " + staging_);
  const auto blocks = value(fmt::format(
      "SELECT concat(partition_id, ':', toString(min_block_number), ':', toString(max_block_number)) AS b FROM "
      "system.parts WHERE database = currentDatabase() AND active AND table = '{}' AND hash_of_all_files = '{}'",
      table_, hashes()));
  prepare("move", hashes() + ";" + blocks);
  EXPECT_FALSE(find().has_value());
  run("ALTER TABLE " + table_ + " ATTACH PARTITION ALL FROM " + staging_);
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "25");
}

TEST_F(ClickhouseFaults, DiedWhileItTookRowsBack) {
  auto again = request(flow::WriteMode::Append);
  again.superseded = flow::Superseded{CommitId{table_ + "-0"}, 5, {{"region", "old"}}};
  run("ALTER TABLE " + table_ + " DELETE WHERE id < 4 SETTINGS mutations_sync = 2");
  // That another has taken them away is no reason to take away the others.
  const auto refused = load(again, {sales(sales_schema(), 1, 6, "old")}, table_ + "-1");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::CheckFailed);
  EXPECT_EQ(count(), "2");
  prepare("move", hashes() + ";");
  EXPECT_FALSE(find().has_value());
  expect_loaded(again, {sales(sales_schema(), 1, 6, "old")}, table_ + "-1", 6);
  EXPECT_EQ(count(), "6");
}

TEST_F(ClickhouseFaults, InsertForAMaterialisedViewDoneAndItsAnswerLost) {
  run(
      fmt::format("CREATE MATERIALIZED VIEW {0}_view ENGINE = MergeTree ORDER BY id SETTINGS "
                  "non_replicated_deduplication_window = 100 AS SELECT id, region FROM {0}",
                  table_));
  run("ALTER TABLE " + table_ +
      " MODIFY SETTING non_replicated_deduplication_window = 100");  // as the load's plan does
  prepare("insert", "");
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "15");
  run("ALTER TABLE _weir_commits DELETE WHERE commit = '" + table_ + "-1' AND done = 1 SETTINGS mutations_sync = 2");
  EXPECT_EQ(find(), (flow::Receipt{CommitId{table_ + "-1"}, 10}));
  EXPECT_EQ(count(), "15");
  EXPECT_EQ(value(fmt::format("SELECT count() FROM {}_view", table_)), "10");
  run(fmt::format("DROP TABLE {}_view SYNC", table_));
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

}  // namespace
}  // namespace weir::clickhouse
