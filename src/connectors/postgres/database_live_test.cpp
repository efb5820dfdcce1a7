#include <gtest/gtest.h>

#include "connectors/postgres/live_server.hpp"
#include "connectors/postgres/statement.hpp"
#include "flow/dialect_cases.hpp"

// The Database role and the Dialect's SQL on a real server.
namespace weir::postgres::live {
namespace {

using flow::Materialized;
using flow::Relation;

class Databases : public testing::Test {
 protected:
  void SetUp() override {
    if (server() == nullptr) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    database_ = open_roles(*server()).database;
    run("DROP SCHEMA IF EXISTS m CASCADE; CREATE SCHEMA m");
  }

  const flow::Dialect& dialect() const { return database_->dialect(); }

  std::string select(const std::string& sql) {
    auto batches = flow::select_all(*database_, sql, {});
    EXPECT_TRUE(batches.ok()) << sql << "\n" << (batches.ok() ? "" : batches.error().explain());
    if (!batches.ok()) return "(failed)";
    std::string text;
    for (const auto& batch : *batches) {
      for (const auto& row : table_of(batch)) {
        for (const auto& cell : row) text += cell.value_or("(null)") + "|";
        text += "\n";
      }
    }
    return text;
  }

  // Builds a model as models/ does: describe, materialize, execute.
  Result<std::uint64_t> build(Materialized how, const std::string& sql, Json config = Json::object(),
                              std::vector<std::string> unique_key = {}, std::string strategy = "",
                              bool full_refresh = false) {
    const Relation target{"m", "model"};
    const flow::Materialization what{.target = target,
                                     .materialized = how,
                                     .select = sql,
                                     .existing = WEIR_TRY(database_->describe(target, {})),
                                     .strategy = std::move(strategy),
                                     .unique_key = std::move(unique_key),
                                     .full_refresh = full_refresh,
                                     .config = std::move(config)};
    const auto script = WEIR_TRY(dialect().materialize(what));
    return database_->execute(script, {});
  }

  void expect_built(const Result<std::uint64_t>& built) { EXPECT_TRUE(built.ok()) << built.error().explain(); }

  std::unique_ptr<flow::Database> database_;
};

TEST_F(Databases, CanonicalTextsAreThoseOfEveryDialect) {
  for (const auto& each : flow::kCanonicalCases) {
    SCOPED_TRACE(std::string{each.type} + " " + std::string{each.value});
    const auto type = *data::parse_type(each.type);
    const auto operand = each.canonical ? quote_literal(each.value) : std::string{"NULL"};
    const auto expression = operand + "::" + dialect().type_name(type, data::Nullable::Yes);
    EXPECT_EQ(select("SELECT " + dialect().canonical(expression, type)),
              std::string{each.canonical.value_or("(null)")} + "|\n");
  }
}

TEST_F(Databases, JsonIsComparedByItsValue) {
  for (const auto& each : flow::kJsonCases) {
    const auto expression = quote_literal(each.json) + "::json";
    EXPECT_EQ(select("SELECT " + dialect().canonical(expression, data::type_of(data::Kind::Json))),
              std::string{each.canonical} + "|\n");
  }
}

TEST_F(Databases, DigestsAndBucketsAreThoseOfEveryDialect) {
  for (const auto& each : flow::digest_cases()) {
    std::vector<std::string> texts;
    for (const auto& text : each.canonical) texts.push_back(text ? quote_literal(*text) + "::text" : "NULL::text");
    EXPECT_EQ(select("SELECT " + dialect().digest(texts)), std::to_string(each.digest) + "|\n");
  }
  for (const auto& each : flow::kBucketCases) {
    EXPECT_EQ(select("SELECT " + dialect().bucket("(" + std::to_string(each.digest) + ")::bigint", each.count)),
              std::to_string(each.bucket) + "|\n");
  }
  EXPECT_EQ(select("SELECT " + dialect().exact_sum("x") +
                   " FROM (VALUES (9223372036854775807), (9223372036854775807)) v (x)"),
            "18446744073709551614|\n");
  EXPECT_EQ(select("SELECT " + dialect().exact_sum("x") + " FROM (SELECT 1 AS x WHERE false) v"), "0|\n");
}

TEST_F(Databases, ExpressionsForChecks) {
  const std::string rows = " FROM (VALUES ('a1', 1), ('b', 1), (NULL, 2)) v (t, n)";
  EXPECT_EQ(select("SELECT " + dialect().count_if(dialect().matches("t", "^[a-z]\\d$")) + rows), "1|\n");
  const std::vector<std::string> conditions{"NOT coalesce(n = 1, false)", "n = 1 AND coalesce(t = 'b', false)"};
  EXPECT_EQ(select("SELECT " + dialect().count_if(dialect().any_of(conditions)) + rows), "2|\n");
  EXPECT_EQ(select("SELECT " + dialect().count_distinct(std::vector<std::string>{"n"}) + rows), "2|\n");
  EXPECT_EQ(select("SELECT " + dialect().count_distinct(std::vector<std::string>{"n", "t"}) + rows), "3|\n");
  EXPECT_EQ(select("SELECT " + dialect().cast_text("n") + rows + " LIMIT 1"), "1|\n");
  EXPECT_EQ(select("SELECT round(" + dialect().age_seconds("now() - interval '90 seconds'") + ")::int"), "90|\n");
  EXPECT_EQ(select("SELECT " + dialect().literal("it's \\ 100%")), "it's \\ 100%|\n");
}

TEST_F(Databases, SelectTakesWhatPsqlTakes) {
  EXPECT_EQ(select("SELECT 1, 2 -- done"), "1|2|\n");
  EXPECT_EQ(select("/* a */ WITH x AS (SELECT 'b;' AS t) TABLE x; -- end"), "b;|\n");
  EXPECT_EQ(select("VALUES (1, '10.0.0.1'::inet), (2, NULL)"), "1|10.0.0.1/32|\n2|(null)|\n");
  EXPECT_EQ(select("(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1;"), "1|\n2|\n");
  EXPECT_EQ(select("SHOW TimeZone"), "UTC|\n");
  EXPECT_NE(select("EXPLAIN SELECT 1").find("Result"), std::string::npos);
  run("CREATE TABLE m.t (a int, b inet)");
  EXPECT_EQ(select("INSERT INTO m.t VALUES (1, '::1'), (2, NULL) RETURNING a, b"), "1|::1/128|\n2|(null)|\n");
  EXPECT_EQ(select("SELECT row(1, 'x') AS r"), "{\"f1\":1,\"f2\":\"x\"}|\n");

  const auto mistake = database_->select("SELEC 1", {}, {});
  ASSERT_FALSE(mistake.ok());
  EXPECT_EQ(mistake.error().code(), Code::InvalidQuery);
  EXPECT_EQ(mistake.error().native_code(), "42601");
  const auto missing = database_->select("SELECT * FROM nowhere", {}, {});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), Code::NotFound);
  const auto late = flow::select_all(*database_, "SELECT 1 / (3 - n) FROM generate_series(1, 5) n", {});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().native_code(), "22012");
}

TEST_F(Databases, BatchesKeepTheirLimits) {
  const auto reader = database_
                          ->select("SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n",
                                   {.batch_rows = 64, .batch_bytes = 1U << 20}, {})
                          .value();
  std::size_t rows = 0;
  while (const auto delivery = reader->next({}).value()) {
    EXPECT_LE(delivery->batch.rows(), 64U);
    rows += delivery->batch.rows();
  }
  EXPECT_EQ(rows, 1000U);
  EXPECT_GT(reader->bytes_read(), 100'000U);
}

TEST_F(Databases, ExecuteCountsRowsAndScriptsAreAtomic) {
  EXPECT_EQ(database_->execute("CREATE TABLE m.t AS SELECT n FROM generate_series(1, 10) n", {}).value(), 10U);
  EXPECT_EQ(database_->execute("UPDATE m.t SET n = n + 1 WHERE n > 7", {}).value(), 3U);
  const flow::Script broken{.statements = {"DELETE FROM m.t", "SELECT * FROM nowhere"},
                            .cleanup = {"CREATE TABLE m.cleaned ()"}};
  const auto failed = database_->execute(broken, {});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::NotFound);
  EXPECT_EQ(value("SELECT count(*) FROM m.t"), "10");
  EXPECT_EQ(value("SELECT to_regclass('m.cleaned') IS NOT NULL"), "t");
}

TEST_F(Databases, DescribeSaysKindTypesAndKey) {
  run("CREATE TABLE m.t (b int, a bigint NOT NULL, c numeric(10,2)[], PRIMARY KEY (a, b)); CREATE VIEW m.v AS SELECT a "
      "FROM m.t; "
      "CREATE MATERIALIZED VIEW m.mv AS SELECT 1 AS one");
  const auto table = database_->describe({"m", "t"}, {}).value();
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->kind, flow::RelationKind::Table);
  EXPECT_EQ(table->schema.text(), "b int32 not null, a int64 not null, c list<decimal(10,2)>");
  EXPECT_EQ(table->native_types, (std::vector<std::string>{"integer", "bigint", "numeric(10,2)[]"}));
  EXPECT_EQ(table->key, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(database_->describe({"m", "v"}, {}).value()->kind, flow::RelationKind::View);
  EXPECT_EQ(database_->describe({"m", "mv"}, {}).value()->kind, flow::RelationKind::MaterializedView);
  EXPECT_FALSE(database_->describe({"m", "none"}, {}).value().has_value());
}

TEST_F(Databases, ViewsKeepWhatDependsOnThem) {
  expect_built(build(Materialized::View, "SELECT 1 AS a;"));
  run("CREATE VIEW m.above AS SELECT a FROM m.model");
  expect_built(build(Materialized::View, "SELECT 2 AS a -- more"));
  EXPECT_EQ(value("SELECT a FROM m.above"), "2");
  run("DROP VIEW m.above");
  expect_built(build(Materialized::View, "SELECT 'x' AS other"));
  EXPECT_EQ(value("SELECT other FROM m.model"), "x");
  expect_built(build(Materialized::Table, "SELECT 3 AS a"));
  expect_built(build(Materialized::View, "SELECT 4 AS a"));
  EXPECT_EQ(value("SELECT relkind::text FROM pg_class WHERE oid = 'm.model'::regclass"), "v");
}

TEST_F(Databases, TablesAreSwappedAndKeepRightsAndViews) {
  const Json config{{"indexes", {{{"columns", {"a"}}, {"unique", true}}}}};
  const auto built = build(Materialized::Table, "SELECT n AS a FROM generate_series(1, 5) n", config);
  expect_built(built);
  run("DROP ROLE IF EXISTS viewer; CREATE ROLE viewer; GRANT SELECT ON m.model TO viewer; COMMENT ON TABLE m.model IS "
      "'100% mine'");
  expect_built(build(Materialized::Table, "SELECT n AS a FROM generate_series(1, 7) n", config));
  EXPECT_EQ(value("SELECT count(*) FROM m.model"), "7");
  EXPECT_EQ(value("SELECT has_table_privilege('viewer', 'm.model', 'SELECT')"), "t");
  EXPECT_EQ(value("SELECT obj_description('m.model'::regclass)"), "100% mine");
  EXPECT_EQ(value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'm' AND tablename = 'model' AND indexdef LIKE "
                  "'CREATE UNIQUE%(a)'"),
            "1");
  run("CREATE VIEW m.above AS SELECT a FROM m.model; CREATE VIEW m.top AS SELECT a + 1 AS b FROM m.above");
  expect_built(build(Materialized::Table, "SELECT 9 AS a", config));
  EXPECT_EQ(value("SELECT b FROM m.top"), "10") << "same columns";
  expect_built(build(Materialized::Table, "SELECT 'more' AS c, 19 AS a", config));
  EXPECT_EQ(value("SELECT b FROM m.top"), "20") << "views are made anew";
  const auto broken = build(Materialized::Table, "SELECT 'a is gone' AS c");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(value("SELECT b FROM m.top"), "20");
  run("DROP OWNED BY viewer; DROP ROLE viewer");
}

TEST_F(Databases, IncrementsFollowTheirStrategy) {
  const std::string first = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v (id, t)";
  const std::string second = "SELECT * FROM (VALUES ('c', 2), ('d', 3)) v (t, id)";  // another order of columns
  struct Case {
    std::string strategy, expected;
    std::vector<std::string> key;
  };
  for (const auto& each : {Case{"", "1a 2b 2c 3d", {}}, Case{"", "1a 2c 3d", {"id"}},
                           Case{"delete+insert", "1a 2c 3d", {"id"}}, Case{"merge", "1a 2c 3d", {"id"}}}) {
    SCOPED_TRACE(each.strategy);
    run("DROP TABLE IF EXISTS m.model");
    expect_built(build(Materialized::Incremental, first, Json::object(), each.key, each.strategy));
    expect_built(build(Materialized::Incremental, second, Json::object(), each.key, each.strategy));
    EXPECT_EQ(value("SELECT string_agg(id || t, ' ' ORDER BY id, t) FROM m.model"), each.expected);
    expect_built(build(Materialized::Incremental, first, Json::object(), each.key, each.strategy, true));
    EXPECT_EQ(value("SELECT string_agg(id || t, ' ' ORDER BY id, t) FROM m.model"), "1a 2b");
  }
  const auto doubled = build(Materialized::Incremental, "SELECT * FROM (VALUES (1, 'x'), (1, 'y')) v (id, t)",
                             Json::object(), {"id"}, "merge");
  ASSERT_FALSE(doubled.ok());
  EXPECT_EQ(doubled.error().native_code(), "23505");
  EXPECT_EQ(build(Materialized::Incremental, first, Json::object(), {}, "merge").error().code(), Code::InvalidProject);
  EXPECT_EQ(build(Materialized::Incremental, first, Json::object(), {}, "sideways").error().code(),
            Code::InvalidProject);
}

TEST_F(Databases, MaterializedViewsAreRefreshedWhileTheyStayTheSame) {
  run("CREATE TABLE m.base AS SELECT 1 AS a");
  const Json config{{"indexes", {{{"columns", {"a"}}, {"unique", true}}}}};
  expect_built(build(Materialized::MaterializedView, "SELECT a FROM m.base", config));
  const auto before = value("SELECT 'm.model'::regclass::oid");
  run("INSERT INTO m.base VALUES (2)");
  expect_built(build(Materialized::MaterializedView, "SELECT a FROM m.base", config));
  EXPECT_EQ(value("SELECT count(*) FROM m.model"), "2");
  EXPECT_EQ(value("SELECT 'm.model'::regclass::oid"), before);
  expect_built(build(Materialized::MaterializedView, "SELECT a, a * 2 AS b FROM m.base", config));
  EXPECT_EQ(value("SELECT sum(b) FROM m.model"), "6");
  EXPECT_NE(value("SELECT 'm.model'::regclass::oid"), before);
  expect_built(build(Materialized::Table, "SELECT 1 AS a"));
  EXPECT_EQ(value("SELECT relkind::text FROM pg_class WHERE oid = 'm.model'::regclass"), "r");
}

// What a viewer's console may do: everything that only reads, and nothing else, however it is put.
TEST_F(Databases, ChangesNothingWithTheRightToReadAlone) {
  run("CREATE TABLE m.kept (id int); INSERT INTO m.kept VALUES (1), (2)");
  auto opened = context(*server());
  opened.rights = flow::Rights::Read;
  const auto connector = postgres_connector();
  const auto reading = connector.open_database(opened).value();
  const auto rows = flow::select_all(*reading, "SELECT id FROM m.kept ORDER BY id", {});
  ASSERT_TRUE(rows.ok()) << rows.error().explain();
  EXPECT_EQ(rows->front().rows(), 2U);
  EXPECT_TRUE(flow::select_all(*reading, "EXPLAIN SELECT * FROM m.kept", {}).ok());
  EXPECT_TRUE(flow::select_all(*reading, "SHOW search_path", {}).ok());
  EXPECT_TRUE(reading->describe({"m", "kept"}, {}).ok());
  for (const auto* sql : {
           "DELETE FROM m.kept",
           "DROP TABLE m.kept",
           "COMMIT; DROP TABLE m.kept",
           "DO $$ BEGIN COMMIT; DROP TABLE m.kept; END $$",
           "DO $$ BEGIN SET TRANSACTION READ WRITE; DROP TABLE m.kept; END $$",
           "COPY m.kept TO PROGRAM 'true'",
           "CREATE TEMPORARY TABLE t AS SELECT 1",
       }) {
    EXPECT_FALSE(reading->execute(sql, {}).ok()) << sql;
  }
  for (const auto* sql : {
           "DELETE FROM m.kept RETURNING id",
           "WITH gone AS (DELETE FROM m.kept RETURNING id) SELECT * FROM gone",
           "SELECT 1) TO STDOUT; DROP TABLE m.kept; COPY (SELECT 1",
           "EXPLAIN ANALYZE DELETE FROM m.kept",
           R"(SELECT set_config('transaction_read_only', 'off', false),
                     query_to_xml('DELETE FROM m.kept RETURNING id', true, true, ''))",
           "SELECT pg_read_file('/etc/passwd')",
       }) {
    EXPECT_FALSE(flow::select_all(*reading, sql, {}).ok()) << sql;
  }
  EXPECT_EQ(value("SELECT count(*) FROM m.kept"), "2");
}

}  // namespace
}  // namespace weir::postgres::live
