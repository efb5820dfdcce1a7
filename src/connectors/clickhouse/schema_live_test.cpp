#include "connectors/clickhouse/live_test.hpp"
#include "connectors/clickhouse/schema_change.hpp"

// Tables that follow their source, by the policy schema_changes.
namespace weir::clickhouse {
namespace {

using flow::WriteMode;
using testing::ClickhouseLive;
using testing::Strings;
using Row = std::vector<std::optional<std::string>>;

class ClickhouseSchemas : public ClickhouseLive {
 protected:
  static data::SchemaPtr things(const std::vector<std::pair<std::string, std::string>>& fields) {
    data::Schema schema;
    for (const auto& [name, type] : fields)
      schema.fields.push_back({name, *data::parse_type(type), name == "id" ? data::Nullable::No : data::Nullable::Yes});
    return std::make_shared<const data::Schema>(std::move(schema));
  }

  static data::Batch batch(const data::SchemaPtr& schema, const std::vector<Row>& rows) {
    std::vector<data::Column> columns;
    for (std::size_t i = 0; i < schema->fields.size(); ++i) {
      data::ColumnBuilder builder{schema->fields[i].type};
      for (const auto& row : rows) {
        if (!row[i]) {
          builder.append_null();
        } else {
          EXPECT_TRUE(data::append_parsed(builder, *row[i]).ok()) << *row[i];
        }
      }
      columns.push_back(builder.finish());
    }
    return {schema, std::move(columns), rows.size()};
  }

  Result<flow::Receipt> write(WriteMode mode, const char* policy, const data::SchemaPtr& schema,
                              const std::vector<Row>& rows) {
    const flow::WriteRequest request{.table = table_,
                                     .schema = schema,
                                     .mode = mode,
                                     .key = {"id"},
                                     .indexes = {},
                                     .options = Settings{Json{{"schema_changes", policy}}}};
    const auto load = WEIR_TRY(sink_->open(request, {}));
    const auto writer = WEIR_TRY(load->writer({}));
    WEIR_TRY(writer->write(batch(schema, rows), {}));
    WEIR_TRY(writer->finish({}));
    return load->commit(CommitId{fmt::format("{}-{}", table_, ++commits_)}, {});
  }

  std::string columns() {
    return value(
        "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM (SELECT name, type FROM "
        "system.columns WHERE database = currentDatabase() AND table = '" +
        table_ + "' ORDER BY position)");
  }
  Strings row(int id) { return rows(fmt::format("SELECT * FROM {} WHERE id = {}", table_, id)); }

  int commits_ = 0;
};

TEST_F(ClickhouseSchemas, EvolveAddsColumnsAndWidensTypesInEveryMode) {
  const auto narrow = things({{"id", "int64"}, {"n", "int32"}, {"price", "decimal(10,2)"}, {"data", "int64"}});
  const auto wide =
      things({{"id", "int64"}, {"n", "float64"}, {"price", "decimal(12,4)"}, {"data", "json"}, {"more", "string"}});
  for (const auto mode : {WriteMode::Append, WriteMode::Merge, WriteMode::Replace}) {
    run("DROP TABLE IF EXISTS " + table_ + " SYNC");
    const auto first = write(WriteMode::Append, "evolve", narrow, {{"1", "7", "1.50", "3"}});
    ASSERT_TRUE(first.ok()) << first.error().explain();
    const auto second = write(mode, "evolve", wide, {{"2", "0.5", "2.1234", "{\"b\":1}", "x"}});
    ASSERT_TRUE(second.ok()) << second.error().explain();
    EXPECT_EQ(second->rows, 1U);
    EXPECT_EQ(columns(),
              "id Int64, n Nullable(Float64), price Nullable(Decimal(12, 4)), data Nullable(String), more "
              "Nullable(String)");
    EXPECT_EQ(row(2), (Strings{"2 | 0.5 | 2.1234 | {\"b\":1} | x"}));
    EXPECT_EQ(row(1), mode == WriteMode::Replace ? Strings{} : (Strings{"1 | 7 | 1.5000 | 3 | NULL"}));
    // And once more, without anything new.
    ASSERT_TRUE(write(WriteMode::Append, "evolve", wide, {{"3", "1", "1", "2", "y"}}).ok());
    EXPECT_EQ(row(3), (Strings{"3 | 1 | 1.0000 | 2 | y"}));
  }
}

TEST_F(ClickhouseSchemas, ATableWithAViewFollows) {
  run("CREATE TABLE " + table_ + " (id Int64, n Int64) ENGINE = MergeTree ORDER BY id");
  run("CREATE MATERIALIZED VIEW " + table_ + "_view ENGINE = MergeTree ORDER BY id AS SELECT id FROM " + table_);
  const auto written = write(WriteMode::Append, "evolve", things({{"id", "int64"}, {"n", "int64"}, {"x", "string"}}),
                             {{"1", std::nullopt, "a"}});
  ASSERT_TRUE(written.ok()) << written.error().explain();
  EXPECT_EQ(columns(), "id Int64, n Nullable(Int64), x Nullable(String)");
  EXPECT_EQ(row(1), (Strings{"1 | NULL | a"}));
  EXPECT_EQ(rows("SELECT id FROM " + table_ + "_view"), (Strings{"1"}));
  run("DROP VIEW " + table_ + "_view SYNC");
}

TEST_F(ClickhouseSchemas, EvolveNeverRoundsWhatIsThere) {
  ASSERT_TRUE(
      write(WriteMode::Append, "evolve", things({{"id", "int64"}, {"n", "int64"}}), {{"1", "9007199254740993"}}).ok());
  for (const auto mode : {WriteMode::Append, WriteMode::Merge}) {
    const auto written = write(mode, "evolve", things({{"id", "int64"}, {"n", "float64"}}), {{"2", "0.5"}});
    ASSERT_FALSE(written.ok());
    EXPECT_EQ(written.error().code(), Code::TypeMismatch);
    EXPECT_EQ(columns(), "id Int64, n Nullable(Int64)");
    EXPECT_EQ(rows("SELECT * FROM " + table_), (Strings{"1 | 9007199254740993"}));
  }
}

TEST_F(ClickhouseSchemas, FreezeFailsAndRejectLeavesOut) {
  const auto narrow = things({{"id", "int64"}, {"n", "int64"}});
  const auto more = things({{"id", "int64"}, {"x", "string"}, {"n", "int64"}});
  ASSERT_TRUE(write(WriteMode::Append, "freeze", narrow, {{"1", "7"}}).ok());
  const auto refused = write(WriteMode::Append, "freeze", more, {{"2", "a", "8"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::TypeMismatch);
  EXPECT_NE(refused.error().explain().find("schema_changes: evolve"), std::string::npos);
  ASSERT_TRUE(write(WriteMode::Append, "reject", more, {{"2", "a", "8"}}).ok());
  ASSERT_TRUE(write(WriteMode::Merge, "reject", more, {{"1", "b", "9"}}).ok());
  EXPECT_EQ(rows("SELECT * FROM " + table_ + " ORDER BY id"), (Strings{"1 | 9", "2 | 8"}));
  ASSERT_TRUE(write(WriteMode::Replace, "reject", more, {{"3", "c", "1"}}).ok());
  EXPECT_EQ(rows("SELECT * FROM " + table_), (Strings{"3 | 1"}));
}

TEST(ClickhouseWiderType, HoldsBoth) {
  const auto widened = [](std::string_view column, std::string_view rows) {
    const auto wider = wider_type({*data::parse_type(column), data::Nullable::Yes},
                                  {"c", *data::parse_type(rows), data::Nullable::Yes});
    return wider ? wider->type.text() + (wider->guard.empty() ? "" : " if " + wider->guard) : std::string{"-"};
  };
  EXPECT_EQ(widened("int32", "int64"), "int64");
  EXPECT_EQ(widened("int64", "int32"), "-");
  EXPECT_EQ(widened("uint8", "int8"), "int16");
  EXPECT_EQ(widened("int32", "uint32"), "int64");
  EXPECT_EQ(widened("uint64", "int64"), "-");
  EXPECT_EQ(widened("int32", "float64"), "float64");
  EXPECT_EQ(widened("int64", "float64"), "float64 if `c` NOT BETWEEN -9007199254740992 AND 9007199254740992");
  EXPECT_EQ(widened("uint64", "float64"), "float64 if `c` > 9007199254740992");
  EXPECT_EQ(widened("int64", "decimal(38,0)"), "decimal(38,0)");
  EXPECT_EQ(widened("int64", "decimal(4,2)"), "decimal(21,2)");
  EXPECT_EQ(widened("decimal(10,2)", "decimal(8,4)"), "decimal(12,4)");
  EXPECT_EQ(widened("decimal(76,0)", "decimal(10,10)"), "-");
  EXPECT_EQ(widened("decimal(4,2)", "int8"), "decimal(5,2)");
  EXPECT_EQ(widened("bool", "json"), "json");
  EXPECT_EQ(widened("string", "json"), "-");
  EXPECT_EQ(widened("string", "int64"), "-");
  EXPECT_EQ(widened("date", "timestamp(us, UTC)"), "-");
}

}  // namespace
}  // namespace weir::clickhouse
