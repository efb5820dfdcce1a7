#include "dbt/results.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.hpp"

namespace weir::dbt {
namespace {

namespace fs = std::filesystem;

constexpr auto kManifest = R"json({
  "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
  "nodes": {
    "seed.shop.rates": {"name": "rates", "resource_type": "seed", "original_file_path": "seeds/rates.csv",
      "relation_name": "\"db\".\"public\".\"rates\"", "config": {"materialized": "seed"}, "depends_on": {"macros": []}},
    "model.shop.orders": {"name": "orders", "resource_type": "model", "original_file_path": "models/orders.sql",
      "relation_name": "\"db\".\"public\".\"orders\"", "config": {"materialized": "table"},
      "compiled_path": "/abs/target/compiled/shop/models/orders.sql",
      "depends_on": {"macros": [], "nodes": ["seed.shop.rates", "source.shop.raw.orders"]}},
    "test.shop.not_null_orders_id.abc": {"name": "not_null_orders_id", "resource_type": "test",
      "original_file_path": "models/schema.yml", "relation_name": null, "config": {"severity": "WARN"},
      "depends_on": {"nodes": ["model.shop.orders"]}}
  },
  "sources": {"source.shop.raw.orders": {"name": "orders", "source_name": "raw", "resource_type": "source"}}
})json";

constexpr auto kResults = R"json({
  "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"},
  "results": [
    {"unique_id": "seed.shop.rates", "status": "success", "execution_time": 0.5, "message": "INSERT 3", "failures": null,
     "adapter_response": {"_message": "INSERT 3", "rows_affected": 3},
     "timing": [{"name": "compile", "started_at": "2026-03-01T10:00:00.000000Z", "completed_at": "2026-03-01T10:00:00.100000Z"},
                {"name": "execute", "started_at": "2026-03-01T10:00:00.100000Z", "completed_at": "2026-03-01T10:00:00.500000Z"}]},
    {"unique_id": "model.shop.orders", "status": "error", "execution_time": 0.25, "failures": null, "timing": [],
     "message": "Database Error in model orders (models/orders.sql)\n  no such column", "adapter_response": {}},
    {"unique_id": "test.shop.not_null_orders_id.abc", "status": "warn", "execution_time": 0.1, "failures": 2,
     "message": "Got 2 results, configured to warn if != 0", "adapter_response": {"rows_affected": 1}, "timing": []},
    {"unique_id": "model.shop.gone", "status": "skipped", "execution_time": 0, "failures": null, "message": null, "timing": [],
     "adapter_response": {"rows_affected": -1}}
  ]
})json";

class Results : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(target_ / "compiled/shop/models"); }
  void TearDown() override { fs::remove_all(target_); }
  void write(const char* name, std::string_view text) const { ASSERT_TRUE(write_file(target_ / name, text).ok()); }

  const fs::path target_ = fs::path{testing::TempDir()} / fmt::format("weir_dbt_results_{}", ::getpid());
};

TEST_F(Results, JoinWhatHappenedWithWhatTheNodesAre) {
  write("manifest.json", kManifest);
  write("run_results.json", kResults);
  write("compiled/shop/models/orders.sql", "select 1");
  const auto read = read_results(target_);
  ASSERT_TRUE(read.ok()) << read.error().explain();
  ASSERT_EQ(read->size(), 4u);

  const auto& seed = read->at(0);
  EXPECT_EQ(seed.name, "rates");
  EXPECT_EQ(seed.kind, "seed");
  EXPECT_EQ(seed.state, NodeState::Succeeded);
  EXPECT_EQ(seed.rows, 3u);
  EXPECT_EQ(seed.seconds, 0.5);
  EXPECT_EQ(format_instant(*seed.started_at), "2026-03-01T10:00:00Z");
  EXPECT_EQ(format_instant(*seed.finished_at), "2026-03-01T10:00:00.500000Z");
  EXPECT_EQ(seed.relation, R"("db"."public"."rates")");

  const auto& model = read->at(1);
  EXPECT_EQ(model.state, NodeState::Failed);
  EXPECT_EQ(model.path, "models/orders.sql");
  EXPECT_EQ(model.compiled, "compiled/shop/models/orders.sql");
  EXPECT_EQ(model.depends_on, (std::vector<std::string>{"rates", "raw.orders"}));
  EXPECT_FALSE(model.rows);
  EXPECT_EQ(model.message, "Database Error in model orders (models/orders.sql)\n  no such column");

  const auto& test = read->at(2);
  EXPECT_TRUE(test.is_test());
  EXPECT_EQ(test.state, NodeState::Warned);
  EXPECT_EQ(test.severity, "warn");
  EXPECT_EQ(test.failures, 2u);
  EXPECT_FALSE(test.rows);

  const auto& skipped = read->at(3);
  EXPECT_EQ(skipped.name, "gone");
  EXPECT_EQ(skipped.kind, "model");
  EXPECT_EQ(skipped.state, NodeState::Skipped);
  EXPECT_FALSE(skipped.rows);
}

TEST_F(Results, FreshnessIsATest) {
  write("manifest.json", kManifest);
  write("sources.json", R"json({"results": [
    {"unique_id": "source.shop.raw.orders", "status": "error", "max_loaded_at": "2026-03-01T00:00:00Z",
     "max_loaded_at_time_ago_in_s": 90000.0, "execution_time": 0.2, "timing": []}]})json");
  const auto read = read_results(target_);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().name, "raw.orders");
  EXPECT_TRUE(read->front().is_test());
  EXPECT_EQ(read->front().state, NodeState::Failed);
  EXPECT_EQ(read->front().message, "the newest row is of 2026-03-01T00:00:00Z, 25 h 0 min old");
}

TEST_F(Results, NoneAreNoMistakeAndRubbishIs) {
  EXPECT_TRUE(read_results(target_)->empty());
  write("run_results.json", "{\"results\": [");
  EXPECT_EQ(read_results(target_).error().code(), Code::InvalidData);
}

}  // namespace
}  // namespace weir::dbt
