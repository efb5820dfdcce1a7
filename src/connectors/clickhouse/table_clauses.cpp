#include "connectors/clickhouse/table_clauses.hpp"

#include <fmt/format.h>

#include "connectors/clickhouse/column_type.hpp"

namespace weir::clickhouse {
namespace {

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : to_text(value); }

std::string engine_of(const Json& config, std::string_view cluster) {
  auto engine = config.contains("engine") && config["engine"].is_string() ? config["engine"].get<std::string>() : "";
  if (engine.empty()) engine = "MergeTree";
  const bool can_replicate = engine.find("MergeTree") != std::string::npos && !engine.starts_with("Replicated");
  return can_replicate && !cluster.empty() ? "Replicated" + engine : engine;
}

// A list is a tuple; a single expression stands as the user wrote it.
std::string in_parentheses(const Json& value, const std::string& list) {
  return value.is_array() && value.size() > 1 ? fmt::format("({})", list) : list;
}

std::string settings_of(const Json& config, NullableKey nullable_key) {
  std::string list;
  const auto add = [&](std::string_view name, std::string_view value) {
    list += fmt::format("{}{} = {}", list.empty() ? " SETTINGS " : ", ", name, value);
  };
  const bool given = config.contains("settings") && config["settings"].is_object();
  if (nullable_key == NullableKey::Allowed && !(given && config["settings"].contains("allow_nullable_key")))
    add("allow_nullable_key", "1");
  if (!given) return list;
  for (const auto& [name, value] : config["settings"].items()) {
    if (value.is_boolean()) {
      add(name, value.get<bool>() ? "1" : "0");
    } else if (value.is_number()) {
      add(name, to_text(value));
    } else {
      add(name, quote_text(text_of(value)));
    }
  }
  return list;
}

}  // namespace

std::string expression_list(const Json& config, std::string_view name) {
  const auto found = config.find(name);
  if (found == config.end() || found->is_null()) return {};
  if (!found->is_array()) return text_of(*found);
  std::vector<std::string> parts;
  for (const auto& part : *found) parts.push_back(text_of(part));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string table_clauses(const Json& config, const std::vector<std::string>& key, NullableKey nullable_key,
                          std::string_view cluster) {
  auto text = "ENGINE = " + engine_of(config, cluster);
  const bool merge_tree = makes_merge_tree(config);
  if (const auto partition = expression_list(config, "partition_by"); !partition.empty()) {
    text += " PARTITION BY " + in_parentheses(config["partition_by"], partition);
  }
  if (const auto primary = expression_list(config, "primary_key"); !primary.empty()) {
    text += " PRIMARY KEY " + in_parentheses(config["primary_key"], primary);
  }
  auto order = expression_list(config, "order_by");
  if (order.empty()) {
    std::vector<std::string> names;
    for (const auto& column : key) names.push_back(quote_name(column));
    order = fmt::format("{}", fmt::join(names, ", "));
  }
  const bool ordered = !order.empty() && order != "tuple()";
  if (ordered) {
    text += fmt::format(" ORDER BY ({})", order);
  } else if (merge_tree) {
    text += " ORDER BY tuple()";
  }
  if (const auto ttl = expression_list(config, "ttl"); !ttl.empty()) text += " TTL " + ttl;
  return text + settings_of(config, ordered && merge_tree ? nullable_key : NullableKey::Refused);
}

bool makes_merge_tree(const Json& config) { return engine_of(config, {}).find("MergeTree") != std::string::npos; }

std::string on_cluster(std::string_view cluster) {
  return cluster.empty() ? std::string{} : fmt::format(" ON CLUSTER {}", quote_name(cluster));
}

}  // namespace weir::clickhouse
