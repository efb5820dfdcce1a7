#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace weir::clickhouse {

// How a table is laid out, as a model's config or a copy's options say: engine, order_by, primary_key, partition_by, ttl
// (expressions, or lists of them) and settings (a map).

// Whether columns of the sorting key may be Nullable, which MergeTree takes only when it is told so (servers before 20.x
// never do).
enum class NullableKey { Refused, Allowed };

// The text behind CREATE TABLE's columns: "ENGINE = MergeTree ORDER BY (`id`) …". `key` orders the rows where the
// config has no order_by.
std::string table_clauses(const Json& config, const std::vector<std::string>& key, NullableKey nullable_key,
                          std::string_view cluster);

// Whether the config's engine keeps parts (any MergeTree), so that rows can be staged and moved.
bool makes_merge_tree(const Json& config);

// "" or " ON CLUSTER `name`".
std::string on_cluster(std::string_view cluster);

// A config's value that is one expression or a list of them, joined by commas; "" when absent.
std::string expression_list(const Json& config, std::string_view name);

}  // namespace weir::clickhouse
