#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/clickhouse/client.hpp"
#include "connectors/clickhouse/column_type.hpp"
#include "flow/database.hpp"

// What the server says about its tables and about the columns of a query.
namespace weir::clickhouse {

struct CatalogColumn {
  std::string name;
  std::string type;          // as the server writes it
  std::string default_kind;  // "", DEFAULT, MATERIALIZED, ALIAS, EPHEMERAL

  // Whether SELECT * has it and an INSERT may give it.
  bool is_ordinary() const { return default_kind.empty() || default_kind == "DEFAULT"; }
};

struct CatalogTable {
  std::string engine;       // "ReplicatedReplacingMergeTree"
  std::string engine_full;  // with parameters and clauses
  std::string uuid;         // zeros in databases that are not Atomic, "" on servers without them
  std::string partition_key;
  std::string sorting_key;
  std::string primary_key;
  bool has_views = false;  // materialised views take what is inserted into it
  std::vector<CatalogColumn> columns;

  bool is_merge_tree() const { return engine.ends_with("MergeTree"); }
  bool is_replicated() const { return engine.starts_with("Replicated") || engine.starts_with("Shared"); }
  bool has_uuid() const { return uuid.find_first_not_of("0-") != std::string::npos; }
};

constexpr int kFirstVersionWithUuids = 20'010;

// `name`.`name`, in the connection's database when the relation names none.
std::string quote_relation(const flow::Relation& relation, const ClientOptions& options);
flow::Relation in_database(flow::Relation relation, const ClientOptions& options);

// Nothing when there is no such table or view.
Result<std::optional<CatalogTable>> find_table(ClientPool& pool, const flow::Relation& relation, std::stop_token stop);
Result<std::vector<CatalogColumn>> describe_query(ClientPool& pool, std::string_view sql, std::stop_token stop);
// Without trailing blanks and semicolons, so that it can stand in parentheses.
std::string_view trim_statement(std::string_view sql);

// A column as Weir reads it: through toString where weir_type() knows no better.
struct ReadColumn {
  data::Field field;
  std::string expression;
};
Result<std::vector<ReadColumn>> read_columns(const std::vector<CatalogColumn>& columns, std::string_view server_zone);
data::Schema schema_of(const std::vector<ReadColumn>& columns);
// "expression AS name, …"
std::string select_list(const std::vector<ReadColumn>& columns);

// The columns that a list of names or simple expressions names: "a, `b c`" → a, b c; empty when one is not a plain name.
std::vector<std::string> plain_names(std::string_view key);

}  // namespace weir::clickhouse
