#include <gtest/gtest.h>

#include <thread>

#include "connectors/postgres/live_server.hpp"

// Loads on a real server: what each mode does to the table, and what stays when a load goes wrong.
namespace weir::postgres::live {
namespace {

using data::Kind;
using data::Nullable;
using flow::WriteMode;

const data::SchemaPtr& sales_schema() {
  static const auto sales = schema({{"sale_id", data::type_of(Kind::Int64), Nullable::Yes},
                                    {"region", data::type_of(Kind::String), Nullable::Yes},
                                    {"amount", data::decimal(12, 2), Nullable::Yes}});
  return sales;
}

data::Batch sales(const Table& rows) { return batch(sales_schema(), rows); }

flow::WriteRequest request_for(WriteMode mode, std::vector<std::string> key = {}) {
  flow::WriteRequest request;
  request.table = "sales";
  request.schema = sales_schema();
  request.mode = mode;
  request.key = std::move(key);
  return request;
}

std::string stages() {
  return value("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_weir\\_stage%' AND relkind = 'r'");
}

const Table kOld{{"1", "North", "1.50"}, {"2", "South", "2.50"}};
const Table kNew{{"2", "West", "20.00"}, {"3", "East", "30.00"}};

class Loads : public testing::Test {
 protected:
  void SetUp() override {
    if (server() == nullptr) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    roles_ = open_roles(*server());
    run("DROP TABLE IF EXISTS sales CASCADE; DROP SCHEMA IF EXISTS weir_meta CASCADE");
  }

  void TearDown() override {
    if (server() != nullptr) {
      EXPECT_EQ(stages(), "0");
    }
  }

  void make_old_table() {
    run("CREATE TABLE sales (sale_id bigint PRIMARY KEY, region text NOT NULL, amount numeric(12,2)); "
        "INSERT INTO sales VALUES (1, 'North', 1.50), (2, 'South', 2.50)");
  }

  static Table rows() { return run("SELECT sale_id, region, amount FROM sales ORDER BY sale_id, region"); }

  Roles roles_;
};

TEST_F(Loads, AppendMakesTheTableWithKeyAndIndexes) {
  auto request = request_for(WriteMode::Append, {"sale_id"});
  request.indexes = {{{"region", "amount"}}};
  const auto receipt = load(*roles_.sink, request, {sales(kOld)}, "c1");
  ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
  EXPECT_EQ(receipt->rows, 2U);
  EXPECT_EQ(rows(), kOld);
  EXPECT_EQ(run("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'sales'::regclass AND "
                "contype = 'p'"),
            (Table{{"sales_pkey", "PRIMARY KEY (sale_id)"}}));
  EXPECT_EQ(value("SELECT indexname FROM pg_indexes WHERE tablename = 'sales' AND indexdef LIKE '%(region, amount)'"),
            "sales_region_amount_idx");
}

TEST_F(Loads, ACommitIsMadeOnceAndFound) {
  const auto request = request_for(WriteMode::Append);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto receipt = load(*roles_.sink, request, {sales(kOld)}, "once");
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    EXPECT_EQ(*receipt, (flow::Receipt{CommitId{"once"}, 2}));
  }
  EXPECT_EQ(rows(), kOld);
  EXPECT_EQ(roles_.sink->find(request, CommitId{"once"}, {}).value(), (flow::Receipt{CommitId{"once"}, 2}));
  EXPECT_EQ(roles_.sink->find(request, CommitId{"never"}, {}).value(), std::nullopt);
}

TEST_F(Loads, SeveralWritersAreOneCommit) {
  make_old_table();
  const auto opened = roles_.sink->open(request_for(WriteMode::Append), {}).value();
  std::vector<std::unique_ptr<flow::Writer>> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(opened->writer({}).value());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(
        writers[static_cast<std::size_t>(i)]->write(sales({{std::to_string(10 + i), "North", "1.00"}}), {}).ok());
  }
  for (auto& writer : writers) ASSERT_TRUE(writer->finish({}).ok());
  EXPECT_EQ(rows(), kOld) << "nothing is seen before the commit";
  const auto receipt = opened->commit(CommitId{"three"}, {});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->rows, 3U);
  EXPECT_EQ(value("SELECT string_agg(sale_id::text, ',' ORDER BY sale_id) FROM sales"), "1,2,10,11,12");
}

TEST_F(Loads, WithoutCommitNothingHappened) {
  for (const auto mode : {WriteMode::Append, WriteMode::Replace, WriteMode::Merge}) {
    for (const auto exists : {false, true}) {
      run("DROP TABLE IF EXISTS sales");
      if (exists) make_old_table();
      {
        const auto opened = roles_.sink->open(request_for(mode, {"sale_id"}), {}).value();
        const auto writer = opened->writer({}).value();
        ASSERT_TRUE(writer->write(sales({{"9", "West", "1.00"}}), {}).ok());
        ASSERT_TRUE(writer->finish({}).ok());
      }
      EXPECT_EQ(value("SELECT to_regclass('sales') IS NOT NULL"), exists ? "t" : "f");
      if (exists) {
        EXPECT_EQ(rows(), kOld);
      }
      EXPECT_EQ(stages(), "0");
    }
  }
}

TEST_F(Loads, AnUnfinishedWriterSpoilsTheLoad) {
  const auto opened = roles_.sink->open(request_for(WriteMode::Append), {}).value();
  {
    const auto writer = opened->writer({}).value();
    ASSERT_TRUE(writer->write(sales(kNew), {}).ok());
  }
  const auto committed = opened->commit(CommitId{"spoiled"}, {});
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code(), Code::Internal);
}

TEST_F(Loads, ReplaceSwapsAndKeepsWhatBelongsToTheTable) {
  make_old_table();
  run("DROP ROLE IF EXISTS analyst; CREATE ROLE analyst; GRANT SELECT ON sales TO analyst WITH GRANT OPTION; GRANT "
      "UPDATE (region) ON sales TO analyst; "
      "COMMENT ON TABLE sales IS 'it''s sales'; COMMENT ON COLUMN sales.region IS 'where'; "
      "CREATE UNIQUE INDEX by_region ON sales (lower(region)) WHERE amount > 0; ALTER TABLE sales ADD CONSTRAINT "
      "positive CHECK (amount > 0); "
      "ALTER TABLE sales ADD COLUMN note text DEFAULT 'none'");
  const auto before = value("SELECT 'sales'::regclass::oid");
  const auto receipt = load(*roles_.sink, request_for(WriteMode::Replace, {"sale_id"}), {sales(kNew)}, "swap");
  ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
  EXPECT_EQ(rows(), kNew);
  EXPECT_NE(value("SELECT 'sales'::regclass::oid"), before) << "swapped";
  EXPECT_EQ(value("SELECT note FROM sales LIMIT 1"), "none");
  EXPECT_EQ(value("SELECT has_table_privilege('analyst', 'sales', 'SELECT WITH GRANT OPTION')"), "t");
  EXPECT_EQ(value("SELECT has_column_privilege('analyst', 'sales', 'region', 'UPDATE')"), "t");
  EXPECT_EQ(value("SELECT has_table_privilege('analyst', 'sales', 'DELETE')"), "f");
  EXPECT_EQ(value("SELECT obj_description('sales'::regclass)"), "it's sales");
  EXPECT_EQ(value("SELECT col_description('sales'::regclass, 2)"), "where");
  EXPECT_EQ(
      run("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'sales' ORDER BY 1"),
      (Table{
          {"by_region",
           "CREATE UNIQUE INDEX by_region ON public.sales USING btree (lower(region)) WHERE (amount > (0)::numeric)"},
          {"sales_pkey", "CREATE UNIQUE INDEX sales_pkey ON public.sales USING btree (sale_id)"}}));
  EXPECT_EQ(run("SELECT conname FROM pg_constraint WHERE conrelid = 'sales'::regclass ORDER BY 1"),
            (Table{{"positive"}, {"sales_pkey"}}));
  EXPECT_EQ(value("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'sales'::regclass AND attname = 'region'"),
            "t");
  run("DROP OWNED BY analyst; DROP ROLE analyst");
}

TEST_F(Loads, AKeyThatTheUserHasNotStatedYieldsToTheTables) {
  auto request = request_for(WriteMode::Replace, {"sale_id"});
  request.key_yields = true;
  const auto key = [] {
    return value(
        "SELECT coalesce((SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
        "'sales'::regclass AND contype = 'p'), '')");
  };
  for (const auto& [own, after] :
       std::vector<std::pair<std::string, std::string>>{{"", "PRIMARY KEY (sale_id)"},
                                                        {", PRIMARY KEY (region)", "PRIMARY KEY (region)"},
                                                        {", note serial PRIMARY KEY", "PRIMARY KEY (note)"}}) {
    run("DROP TABLE IF EXISTS sales");
    run("CREATE TABLE sales (sale_id bigint, region text, amount numeric(12,2)" + own + ")");
    const auto receipt = load(*roles_.sink, request, {sales(kNew)}, "own key" + own);
    ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
    EXPECT_EQ(rows(), kNew);
    EXPECT_EQ(key(), after);
  }
  request.key_yields = false;
  const auto refused = load(*roles_.sink, request, {sales(kNew)}, "stated");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::InvalidProject);
}

TEST_F(Loads, ReplaceKeepsDependantsWorking) {
  struct Case {
    std::string dependant, drop;
  };
  const std::vector<Case> cases{
      {"CREATE VIEW totals AS SELECT region, sum(amount) FROM sales GROUP BY region", "DROP VIEW totals"},
      {"CREATE TABLE refunds (sale_id bigint REFERENCES sales); INSERT INTO refunds VALUES (2)", "DROP TABLE refunds"},
      {"CREATE PUBLICATION changes FOR TABLE sales", "DROP PUBLICATION changes"},
      {"CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER note "
       "BEFORE INSERT ON sales "
       "FOR EACH ROW EXECUTE FUNCTION noted()",
       "DROP FUNCTION noted CASCADE"},
      {"CREATE TABLE has_row (s sales)", "DROP TABLE has_row"},
  };
  int number = 0;
  for (const auto& each : cases) {
    SCOPED_TRACE(each.dependant);
    run("DROP TABLE IF EXISTS sales");
    make_old_table();
    run(each.dependant);
    const auto before = value("SELECT 'sales'::regclass::oid");
    const auto receipt = load(*roles_.sink, request_for(WriteMode::Replace, {"sale_id"}), {sales(kNew)},
                              "in-place-" + std::to_string(++number));
    ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
    EXPECT_EQ(rows(), kNew);
    EXPECT_EQ(value("SELECT 'sales'::regclass::oid"), before) << "the same table";
    run(each.drop);
  }
}

TEST_F(Loads, ReplaceWithNothingEmptiesTheTable) {
  make_old_table();
  const auto opened = roles_.sink->open(request_for(WriteMode::Replace), {}).value();
  ASSERT_TRUE(opened->commit(CommitId{"empty"}, {}).ok());
  EXPECT_EQ(rows(), Table{});
}

TEST_F(Loads, ReadersSeeTheOldTableOrTheNew) {
  make_old_table();
  auto reader = connect();
  run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ");
  run(reader, "SELECT 1");  // takes the snapshot, and no lock on the table
  std::thread committing([&] {
    const auto receipt = load(*roles_.sink, request_for(WriteMode::Replace), {sales(kNew)}, "seen");
    EXPECT_TRUE(receipt.ok()) << receipt.error().text();
  });
  committing.join();
  EXPECT_EQ(rows(), kNew);
  run(reader, "COMMIT");
}

TEST_F(Loads, ACommitWaitsForALockAndGivesUpInTime) {
  make_old_table();
  auto holder = connect();
  run(holder, "BEGIN");
  run(holder, "SELECT * FROM sales");
  auto request = request_for(WriteMode::Replace);
  request.options = Settings{Json{{"lock_wait", "100ms"}}};
  const auto refused = load(*roles_.sink, request, {sales(kNew)}, "locked");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::Conflict);
  EXPECT_EQ(refused.error().retry(), Retry::Later);
  EXPECT_EQ(rows(), kOld);
  request.options = Settings{Json{{"lock_wait", "30s"}}};
  std::thread releasing([&] {
    // Until the commit stands in the queue for the lock.
    while (value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0") std::this_thread::yield();
    run(holder, "COMMIT");
  });
  const auto committed = load(*roles_.sink, request, {sales(kNew)}, "unlocked");
  releasing.join();
  ASSERT_TRUE(committed.ok()) << committed.error().text();
  EXPECT_EQ(rows(), kNew);
}

TEST_F(Loads, MergeTakesTheLastChangeOfEveryKey) {
  for (const auto* key : {"PRIMARY KEY", "NOT NULL"}) {
    SCOPED_TRACE(key);
    run("DROP TABLE IF EXISTS sales; DROP SCHEMA IF EXISTS weir_meta CASCADE");
    run(std::string{"CREATE TABLE sales (sale_id bigint "} + key +
        ", region text, amount numeric(12,2)); "
        "INSERT INTO sales VALUES (1, 'North', 1.50), (2, 'South', 2.50), (3, 'East', 3)");
    using enum data::Change;
    auto changes = sales({{"1", "N1", "1.00"},
                          {"4", "W", "4.00"},
                          {"2", std::nullopt, std::nullopt},
                          {"1", "N2", "1.10"},
                          {"4", std::nullopt, std::nullopt},
                          {"5", "E", "5.00"}})
                       .with_changes({Update, Insert, Delete, Update, Delete, Insert});
    const auto receipt = load(*roles_.sink, request_for(WriteMode::Merge, {"sale_id"}),
                              {std::move(changes), sales({{"5", "E2", "5.50"}})}, "merge");
    ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
    EXPECT_EQ(receipt->rows, 5U) << "deleted rows are not counted";
    EXPECT_EQ(rows(), (Table{{"1", "N2", "1.10"}, {"3", "East", "3.00"}, {"5", "E2", "5.50"}}));
  }
}

TEST_F(Loads, MergeReplacesAllRowsOfAnOrigin) {
  run("CREATE TABLE sales (sale_id bigint, region text, amount numeric(12,2), PRIMARY KEY (sale_id, region)); "
      "INSERT INTO sales VALUES (1, 'A', 1), (1, 'B', 2), (2, 'A', 3), (3, 'A', 4)");
  auto request = request_for(WriteMode::Merge, {"sale_id", "region"});
  request.origin = {"sale_id"};
  using enum data::Change;
  auto changes = sales({{"1", "", "0"},
                        {"1", "C", "5.00"},
                        {"2", "", "0"},
                        {"3", "B", "6.00"},
                        {"4", "", "0"},
                        {"4", "X", "7.00"},
                        {"4", "Y", "8.00"},
                        {"4", "", "0"},
                        {"4", "Y", "9.00"}})
                     .with_changes({Delete, Insert, Delete, Insert, Delete, Insert, Insert, Delete, Insert});
  const auto receipt = load(*roles_.sink, request, {std::move(changes)}, "merge");
  ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
  EXPECT_EQ(receipt->rows, 5U);
  EXPECT_EQ(rows(), (Table{{"1", "C", "5.00"}, {"3", "A", "4.00"}, {"3", "B", "6.00"}, {"4", "Y", "9.00"}}));
}

TEST_F(Loads, MergeMakesTheTableWithItsKey) {
  const auto receipt =
      load(*roles_.sink, request_for(WriteMode::Merge, {"sale_id"}), {sales(kOld), sales(kNew)}, "merge");
  ASSERT_TRUE(receipt.ok()) << receipt.error().explain();
  EXPECT_EQ(rows(), (Table{{"1", "North", "1.50"}, {"2", "West", "20.00"}, {"3", "East", "30.00"}}));
  EXPECT_EQ(
      value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'sales'::regclass AND contype = 'p'"),
      "PRIMARY KEY (sale_id)");
}

TEST_F(Loads, TwoLoadsAtOnceBothCommit) {
  for (const auto mode : {WriteMode::Append, WriteMode::Replace}) {
    run("DROP TABLE IF EXISTS sales");
    const auto first = roles_.sink->open(request_for(mode), {}).value();
    const auto second = roles_.sink->open(request_for(mode), {}).value();
    EXPECT_EQ(stages(), "2") << "the second load leaves the first one's stage alone";
    for (const auto& [opened, rows] : {std::pair{first.get(), kOld}, std::pair{second.get(), kNew}}) {
      const auto writer = opened->writer({}).value();
      ASSERT_TRUE(writer->write(sales(rows), {}).ok());
      ASSERT_TRUE(writer->finish({}).ok());
    }
    const auto prefix = mode == WriteMode::Append ? std::string{"append"} : std::string{"replace"};
    ASSERT_TRUE(first->commit(CommitId{prefix + "-1"}, {}).ok());
    const auto committed = second->commit(CommitId{prefix + "-2"}, {});
    ASSERT_TRUE(committed.ok()) << committed.error().explain();
    EXPECT_EQ(value("SELECT count(*) FROM sales"), mode == WriteMode::Append ? "4" : "2");
  }
}

TEST_F(Loads, MistakesNameTheColumn) {
  run("CREATE TABLE sales (sale_id bigint PRIMARY KEY, region text, needed int NOT NULL)");
  const auto opened = [&](const data::SchemaPtr& rows, std::vector<std::string> key = {}) {
    auto request = request_for(WriteMode::Append, std::move(key));
    request.schema = rows;
    auto load = roles_.sink->open(request, {});
    EXPECT_FALSE(load.ok());
    return load.ok() ? Error::bug("opened") : load.error();
  };
  const auto missing = opened(sales_schema());
  EXPECT_EQ(missing.code(), Code::NotFound);
  EXPECT_EQ(missing.message(), "table public.sales has no such column: amount");
  EXPECT_NE(missing.hint().find("ALTER TABLE \"public\".\"sales\" ADD COLUMN \"amount\" numeric(12,2)"),
            std::string::npos)
      << missing.hint();
  EXPECT_EQ(opened(schema({{"sale_id", data::type_of(Kind::Date), Nullable::Yes}})).code(), Code::TypeMismatch);
  EXPECT_EQ(opened(schema({{"sale_id", data::type_of(Kind::Int64), Nullable::Yes}})).message(),
            "column needed of public.sales takes no NULL and has no default, and the rows do not have it");
  EXPECT_EQ(opened(sales_schema(), {"nothing"}).code(), Code::NotFound);
  run("DROP TABLE sales; CREATE VIEW sales AS SELECT 1::bigint AS sale_id, ''::text AS region, 1::numeric AS amount");
  EXPECT_EQ(opened(sales_schema()).code(), Code::Unsupported);
  run("DROP VIEW sales");
}

TEST_F(Loads, RowsThatTheServerRefusesAreNamed) {
  make_old_table();
  const auto duplicate = load(*roles_.sink, request_for(WriteMode::Append),
                              {sales({{"7", "x", "1.00"}, {"1", "again", "1.00"}})}, "duplicate");
  ASSERT_FALSE(duplicate.ok());
  EXPECT_EQ(duplicate.error().code(), Code::InvalidData);
  EXPECT_EQ(duplicate.error().native_code(), "23505");
  EXPECT_NE(duplicate.error().text().find("(sale_id)=(1)"), std::string::npos) << duplicate.error().text();
  EXPECT_NE(duplicate.error().text().find("COPY sales, line 2"), std::string::npos) << duplicate.error().text();
  const auto null = load(*roles_.sink, request_for(WriteMode::Replace), {sales({{"7", std::nullopt, "1.00"}})}, "null");
  ASSERT_FALSE(null.ok());
  EXPECT_EQ(null.error().code(), Code::InvalidData);
  EXPECT_NE(null.error().message().find("\"region\""), std::string::npos) << null.error().text();
  EXPECT_EQ(rows(), kOld);
}

}  // namespace
}  // namespace weir::postgres::live
