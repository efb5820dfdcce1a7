#include "engine/reconciliation.hpp"

#include <gtest/gtest.h>

#include "data/text.hpp"

// Rows of sources, hashed here; databases that hash their own are compared by the live tests and examples.
namespace weir::engine {
namespace {

using Cell = std::optional<std::string>;
using Rows = std::vector<std::vector<Cell>>;

// Rows in memory, in batches of two.
class MemorySource final : public flow::Source {
 public:
  MemorySource(const std::vector<std::pair<std::string, std::string>>& columns, Rows rows) : rows_(std::move(rows)) {
    data::Schema schema;
    for (const auto& [name, type] : columns) schema.fields.push_back({name, data::parse_type(type).value()});
    schema_ = std::make_shared<const data::Schema>(std::move(schema));
  }

  Result<std::vector<flow::Stream>> discover(std::stop_token) override { return std::vector<flow::Stream>{}; }
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token) override {
    return flow::Stream{request.stream, *schema_, {}, {}};
  }
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest&, int, std::stop_token) override {
    return std::vector<flow::Partition>{{"all"}};
  }
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest&, const flow::Partition&,
                                             const std::optional<flow::Checkpoint>&, std::stop_token) override {
    return std::make_unique<MemoryReader>(schema_, rows_);
  }

 private:
  class MemoryReader final : public flow::Reader {
   public:
    MemoryReader(data::SchemaPtr schema, const Rows& rows) : schema_(std::move(schema)), rows_(rows) {}
    const data::SchemaPtr& schema() const override { return schema_; }
    std::uint64_t bytes_read() const override { return 0; }
    Result<std::optional<flow::Delivery>> next(std::stop_token) override {
      if (at_ == rows_.size()) return std::nullopt;
      const auto end = std::min(at_ + 2, rows_.size());
      std::vector<data::Column> columns;
      for (std::size_t i = 0; i < schema_->fields.size(); ++i) {
        data::ColumnBuilder builder{schema_->fields[i].type};
        for (auto row = at_; row < end; ++row) {
          if (rows_[row][i]) {
            WEIR_TRY(data::append_parsed(builder, *rows_[row][i]));
          } else {
            builder.append_null();
          }
        }
        columns.push_back(builder.finish());
      }
      data::Batch batch{schema_, std::move(columns), end - at_};
      at_ = end;
      return flow::Delivery{std::move(batch), std::nullopt};
    }

   private:
    data::SchemaPtr schema_;
    const Rows& rows_;
    std::size_t at_ = 0;
  };

  data::SchemaPtr schema_;
  const Rows rows_;
};

Reconciliation compare(MemorySource& left, MemorySource& right, std::vector<std::string> key,
                       const std::string& stream = "Tickets") {
  const ReconcileRequest request{.left = {.source = &left, .name = "crm." + stream, .read = {.stream = stream}},
                                 .right = {.source = &right, .name = "shop.tickets", .read = {.stream = "tickets"}},
                                 .key = std::move(key),
                                 .ignore = {}};
  auto result = reconcile(request, {});
  EXPECT_TRUE(result.ok()) << result.error().text();
  return result.ok() ? std::move(*result) : Reconciliation{};
}

std::vector<std::string> texts(const Reconciliation& result) {
  std::vector<std::string> all;
  for (const auto& difference : result.differences) all.push_back(difference.text());
  return all;
}

TEST(Reconciliation, ValuesCountNotOrderTypesOrWeirsOwnColumns) {
  MemorySource left{{{"id", "int32"}, {"price", "decimal(9,2)"}, {"at", "timestamp(ms, UTC)"}},
                    {{"1", "1.50", "2026-03-01 12:45:00.250Z"},
                     {"2", std::nullopt, "2026-03-01 00:00:00Z"},
                     {"3", "-0.25", std::nullopt}}};
  MemorySource right{
      {{"at", "timestamp(us, UTC)"}, {"price", "decimal(18,4)"}, {"id", "int64"}, {"_weir_run", "string"}},
      {{std::nullopt, "-0.25", "3", "r"},
       {"2026-03-01 12:45:00.250Z", "1.5", "1", "r"},
       {"2026-03-01 00:00:00Z", std::nullopt, "2", "r"}}};
  const auto result = compare(left, right, {"id"});
  EXPECT_TRUE(result.equal());
  EXPECT_EQ(result.left_rows, 3U);
  EXPECT_EQ(result.left_columns[0].sum, "6");
  EXPECT_EQ(result.right_columns[1].sum, "1.25");
  EXPECT_EQ(result.left_columns[2].values, 2U);
}

TEST(Reconciliation, NamesDocumentsPathsAndBothValues) {
  const std::vector<std::pair<std::string, std::string>> columns{
      {"Tickets__id", "string"}, {"position", "int64"}, {"text", "string"}, {"value", "string"}};
  MemorySource left{columns, {{"a", "0", "x", "v"}, {"a", "1", "y", "v"}, {"b", "0", "z", std::nullopt}}};
  MemorySource right{columns, {{"a", "0", "x", "w"}, {"b", "0", "tampered", std::nullopt}, {"c", "0", "z", "v"}}};
  const auto result = compare(left, right, {"Tickets__id", "position"}, "Tickets.messages");
  EXPECT_FALSE(result.equal());
  EXPECT_EQ(result.differences_total, 4U);
  auto found = texts(result);
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<std::string>{
                       "Tickets _id=a: messages[0]: v / w", "Tickets _id=b: messages[0].text: z / tampered",
                       "only left: Tickets _id=a messages[1]", "only right: Tickets _id=c messages[0]"}));
}

TEST(Reconciliation, OneMoreCopyOfARowIsOneDifference) {
  MemorySource left{{{"id", "int64"}, {"name", "string"}}, {{"1", "a"}, {"1", "a"}, {"2", "b"}}};
  MemorySource right{{{"id", "int64"}, {"name", "string"}}, {{"1", "a"}, {"2", "b"}}};
  const auto result = compare(left, right, {"id"});
  EXPECT_EQ(result.differences_total, 1U);
  EXPECT_EQ(texts(result), std::vector<std::string>{"only left: Tickets id=1"});
}

TEST(Reconciliation, OnlyDifferingBucketsAreLookedAt) {
  Rows rows;
  for (int i = 0; i < 5000; ++i) rows.push_back({std::to_string(i), "text"});
  MemorySource left{{{"id", "int64"}, {"name", "string"}}, rows};
  rows[4321][1] = "other";
  MemorySource right{{{"id", "int64"}, {"name", "string"}}, rows};
  const auto result = compare(left, right, {"id"});
  EXPECT_EQ(result.buckets, 16);
  EXPECT_EQ(result.buckets_differing.size(), 1U);
  EXPECT_EQ(texts(result), std::vector<std::string>{"Tickets id=4321: name: text / other"});
}

TEST(Reconciliation, AColumnOnOneSideIsAMistake) {
  MemorySource left{{{"id", "int64"}}, {{"1"}}};
  MemorySource right{{{"id", "int64"}, {"more", "string"}}, {{"1", "x"}}};
  const ReconcileRequest request{.left = {.source = &left, .name = "crm.Tickets"},
                                 .right = {.source = &right, .name = "shop.tickets"},
                                 .key = {"id"},
                                 .ignore = {}};
  EXPECT_EQ(reconcile(request, {}).error().message(), "column more is only in shop.tickets");
}

}  // namespace
}  // namespace weir::engine
