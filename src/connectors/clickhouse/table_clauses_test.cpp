#include "connectors/clickhouse/table_clauses.hpp"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

TEST(TableClauses, FollowTheConfig) {
  EXPECT_EQ(table_clauses(Json::object(), {}, NullableKey::Refused, ""), "ENGINE = MergeTree ORDER BY tuple()");
  EXPECT_EQ(table_clauses(Json::object(), {"id", "a b"}, NullableKey::Refused, ""),
            "ENGINE = MergeTree ORDER BY (`id`, `a b`)");
  EXPECT_EQ(
      table_clauses({{"engine", "ReplacingMergeTree(version)"},
                     {"order_by", {"day", "id"}},
                     {"partition_by", "toYYYYMM(day)"},
                     {"ttl", "day + INTERVAL 1 YEAR"},
                     {"settings", {{"index_granularity", 1024}, {"storage_policy", "cold"}}}},
                    {"id"}, NullableKey::Allowed, ""),
      "ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(day) ORDER BY (day, id) TTL day + INTERVAL 1 YEAR "
      "SETTINGS allow_nullable_key = 1, index_granularity = 1024, storage_policy = 'cold'");
}

TEST(TableClauses, ClustersReplicate) {
  EXPECT_EQ(table_clauses(Json::object(), {}, NullableKey::Refused, "main"),
            "ENGINE = ReplicatedMergeTree ORDER BY tuple()");
  EXPECT_EQ(table_clauses({{"engine", "Memory"}}, {}, NullableKey::Refused, "main"), "ENGINE = Memory");
  EXPECT_EQ(on_cluster("main"), " ON CLUSTER `main`");
  EXPECT_EQ(on_cluster(""), "");
}

}  // namespace
}  // namespace weir::clickhouse
