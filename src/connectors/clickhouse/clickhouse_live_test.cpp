#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "connectors/clickhouse/live_test.hpp"
#include "flow/dialect_cases.hpp"

namespace weir::clickhouse {
namespace {

using testing::ClickhouseLive;
using testing::LiveServer;
using testing::Strings;

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
    // The query should be running by then; when it is not, it is stopped even sooner.
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
  // Conditions are of any form; NOT binds less tightly than a sum.
  const Strings conditions{"NOT coalesce(x = 1, false)", "s = '1' AND s IS NOT NULL", "false"};
  EXPECT_EQ(value("SELECT " + dialect.count_if(dialect.any_of(conditions)) + from), "4");
  const Strings rare{"coalesce(x > 1, false)", "NOT true"};
  EXPECT_EQ(value("SELECT " + dialect.count_if(dialect.any_of(rare)) + from), "1");
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

// What a viewer's console may do: everything that only reads, and nothing else, however it is put.
TEST_F(ClickhouseLive, ChangesNothingWithTheRightToReadAlone) {
  run("CREATE TABLE " + table_ + " (x Int64) ENGINE = MergeTree ORDER BY x");
  run("INSERT INTO " + table_ + " VALUES (1), (2)");
  auto context = LiveServer::instance().context();
  context.rights = flow::Rights::Read;
  const auto reading = *connector_.open_database(context);
  const auto read = flow::select_all(*reading, "SELECT x FROM " + table_ + " ORDER BY x", {});
  ASSERT_TRUE(read.ok()) << read.error().explain();
  EXPECT_EQ(read->front().rows(), 2U);
  EXPECT_TRUE(flow::select_all(*reading, "SHOW TABLES", {}).ok());
  const auto described = reading->describe({"", table_}, {});
  ASSERT_TRUE(described.ok()) << described.error().explain();
  EXPECT_TRUE(described->has_value());
  for (const auto& sql :
       {"INSERT INTO " + table_ + " VALUES (3)", "DROP TABLE " + table_, "ALTER TABLE " + table_ + " DELETE WHERE 1",
        "TRUNCATE TABLE " + table_, "CREATE TABLE " + table_ + "_new (x Int64) ENGINE = Memory",
        std::string{"SYSTEM FLUSH LOGS"}}) {
    EXPECT_FALSE(reading->execute(sql, {}).ok()) << sql;
  }
  EXPECT_FALSE(reading->execute("INSERT INTO " + table_ + " SELECT 4 SETTINGS readonly = 0", {}).ok());
  EXPECT_EQ(value("SELECT count() FROM " + table_), "2");
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
