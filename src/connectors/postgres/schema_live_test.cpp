#include <gtest/gtest.h>

#include "connectors/postgres/live_server.hpp"

// Tables that follow their source, and rows that belong to an origin.
namespace weir::postgres::live {
namespace {

using data::Change;
using flow::WriteMode;

class Schemas : public testing::Test {
 protected:
  void SetUp() override {
    if (server() == nullptr) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    roles_ = open_roles(*server());
    run("DROP TABLE IF EXISTS things CASCADE; DROP SCHEMA IF EXISTS weir_meta CASCADE");
  }

  static data::SchemaPtr things(std::vector<std::pair<std::string, std::string>> fields) {
    std::vector<data::Field> described;
    for (auto& [name, type] : fields) described.push_back({name, *data::parse_type(type), data::Nullable::Yes});
    return schema(std::move(described));
  }

  Result<flow::Receipt> write(WriteMode mode, const char* policy, const data::SchemaPtr& schema, const Table& rows) {
    flow::WriteRequest request;
    request.table = "things";
    request.schema = schema;
    request.mode = mode;
    request.key = {"id"};
    request.options = Settings{Json{{"schema_changes", policy}}};
    return load(*roles_.sink, request, {batch(schema, rows)}, fmt::format("c{}", ++commits_));
  }

  static std::string columns() {
    return value(
        "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM "
        "pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0 AND NOT attisdropped");
  }

  Roles roles_;
  int commits_ = 0;
};

TEST_F(Schemas, EvolveAddsColumnsAndWidensTypesInEveryMode) {
  const auto narrow = things({{"id", "int64"}, {"n", "int64"}, {"price", "decimal(10,2)"}, {"text", "string"}});
  const auto wide =
      things({{"id", "int64"}, {"n", "float64"}, {"price", "decimal(12,4)"}, {"text", "json"}, {"more", "string"}});
  for (const auto mode : {WriteMode::Append, WriteMode::Replace, WriteMode::Merge}) {
    run("DROP TABLE IF EXISTS things");
    ASSERT_TRUE(write(WriteMode::Append, "evolve", narrow, {{"1", "7", "1.50", "a"}}).ok());
    EXPECT_EQ(columns(), "id bigint, n bigint, price numeric(10,2), text text");
    const auto written = write(mode, "evolve", wide, {{"2", "0.5", "2.1234", "{\"b\":1}", "x"}});
    ASSERT_TRUE(written.ok()) << written.error().explain();
    EXPECT_EQ(columns(), "id bigint, n double precision, price numeric(12,4), text jsonb, more text");
    const auto old = mode == WriteMode::Replace ? Table{} : Table{{"1", "7", "1.5000", "\"a\"", std::nullopt}};
    EXPECT_EQ(run("SELECT * FROM things WHERE id = 1"), old);
    EXPECT_EQ(run("SELECT * FROM things WHERE id = 2"), (Table{{"2", "0.5", "2.1234", "{\"b\": 1}", "x"}}));
    // The primary key is still there.
    EXPECT_EQ(value("SELECT count(*) FROM pg_index WHERE indrelid = 'things'::regclass AND indisprimary"), "1");
  }
}

TEST_F(Schemas, EvolveNeverRoundsWhatIsThere) {
  const auto whole = things({{"id", "int64"}, {"n", "int64"}});
  const auto real = things({{"id", "int64"}, {"n", "float64"}});
  ASSERT_TRUE(write(WriteMode::Append, "evolve", whole, {{"1", "9007199254740993"}}).ok());
  const auto written = write(WriteMode::Append, "evolve", real, {{"2", "0.5"}});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), Code::TypeMismatch);
  EXPECT_EQ(columns(), "id bigint, n bigint");
  EXPECT_EQ(run("SELECT * FROM things"), (Table{{"1", "9007199254740993"}}));
}

TEST_F(Schemas, FreezeFailsAndRejectLeavesOut) {
  const auto narrow = things({{"id", "int64"}, {"n", "int64"}});
  const auto more = things({{"id", "int64"}, {"x", "string"}, {"n", "int64"}});
  ASSERT_TRUE(write(WriteMode::Append, "freeze", narrow, {{"1", "7"}}).ok());
  EXPECT_EQ(write(WriteMode::Append, "freeze", more, {{"2", "a", "8"}}).error().code(), Code::NotFound);
  ASSERT_TRUE(write(WriteMode::Append, "reject", more, {{"2", "a", "8"}}).ok());
  ASSERT_TRUE(write(WriteMode::Merge, "reject", more, {{"1", "b", "9"}}).ok());
  EXPECT_EQ(run("SELECT * FROM things ORDER BY id"), (Table{{"1", "9"}, {"2", "8"}}));
}

TEST_F(Schemas, AViewKeepsATableFromBeingSwappedAndItStillFollows) {
  const auto narrow = things({{"id", "int64"}, {"n", "int64"}});
  const auto more = things({{"id", "int64"}, {"n", "int64"}, {"x", "string"}});
  ASSERT_TRUE(write(WriteMode::Append, "evolve", narrow, {{"1", "7"}}).ok());
  run("CREATE VIEW shown AS SELECT id FROM things");
  ASSERT_TRUE(write(WriteMode::Replace, "evolve", more, {{"2", "8", "a"}}).ok());
  EXPECT_EQ(run("SELECT * FROM things"), (Table{{"2", "8", "a"}}));
  EXPECT_EQ(run("SELECT * FROM shown"), (Table{{"2"}}));
}

TEST_F(Schemas, ADeleteTakesAwayAllRowsOfItsOrigin) {
  const auto parts = things({{"parent", "int64"}, {"position", "int64"}, {"text", "string"}});
  const auto merge = [&](const Table& rows, std::vector<Change> changes) {
    flow::WriteRequest request;
    request.table = "things";
    request.schema = parts;
    request.mode = WriteMode::Merge;
    request.key = {"parent", "position"};
    request.origin = {"parent"};
    request.options = Settings{Json::object()};
    return load(*roles_.sink, request, {batch(parts, rows).with_changes(std::move(changes))},
                fmt::format("o{}", ++commits_));
  };
  using enum Change;
  ASSERT_TRUE(merge({{"1", "0", std::nullopt}, {"1", "0", "a"}, {"1", "1", "b"}, {"1", "2", "c"}, {"2", "0", "z"}},
                    {Delete, Update, Update, Update, Update})
                  .ok());
  // Document 1 has one element left; 2 has changed twice within the load, and 3 is gone before it ever came.
  ASSERT_TRUE(merge({{"1", "0", std::nullopt},
                     {"1", "0", "A"},
                     {"2", "0", std::nullopt},
                     {"2", "0", "y"},
                     {"2", "1", "x"},
                     {"2", "0", std::nullopt},
                     {"2", "0", "w"},
                     {"3", "0", "q"},
                     {"3", "0", std::nullopt}},
                    {Delete, Update, Delete, Update, Update, Delete, Update, Update, Delete})
                  .ok());
  EXPECT_EQ(run("SELECT * FROM things ORDER BY parent, position"), (Table{{"1", "0", "A"}, {"2", "0", "w"}}));
}

}  // namespace
}  // namespace weir::postgres::live
