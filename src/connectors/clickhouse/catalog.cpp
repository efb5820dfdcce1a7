#include "connectors/clickhouse/catalog.hpp"

#include <fmt/format.h>

namespace weir::clickhouse {
namespace {

Result<std::vector<CatalogColumn>> describe(ClientPool& pool, std::string_view what, std::stop_token stop) {
  const auto rows = WEIR_TRY(pool.take()->rows({.sql = fmt::format("DESCRIBE TABLE {}", what)}, stop));
  std::vector<CatalogColumn> columns;
  for (const auto& row : rows) {
    if (row.size() < 3) return Error::external(Code::InvalidData, "ClickHouse describes a table in an unknown way");
    columns.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  }
  return columns;
}

bool contains_aggregate_state(std::string_view type) {
  return type.find("AggregateFunction(") != std::string_view::npos;
}

}  // namespace

flow::Relation in_database(flow::Relation relation, const ClientOptions& options) {
  if (relation.space.empty()) relation.space = options.database;
  return relation;
}

std::string quote_relation(const flow::Relation& relation, const ClientOptions& options) {
  const auto full = in_database(relation, options);
  return fmt::format("{}.{}", quote_name(full.space), quote_name(full.name));
}

Result<std::optional<CatalogTable>> find_table(ClientPool& pool, const flow::Relation& relation, std::stop_token stop) {
  const auto full = in_database(relation, pool.options());
  const auto info = WEIR_TRY(pool.server(stop));
  const auto rows = WEIR_TRY(pool.take()->rows(
      {.sql = fmt::format("SELECT engine, engine_full, {}, partition_key, sorting_key, primary_key, {} "
                          "FROM system.tables WHERE database = {} AND name = {}",
                          info.version >= kFirstVersionWithUuids ? "toString(uuid)" : "''",
                          info.version >= kFirstVersionWithUuids ? "notEmpty(dependencies_table)" : "0",
                          quote_text(full.space), quote_text(full.name))},
      stop));
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  CatalogTable table;
  const auto cells = {&table.engine,        &table.engine_full, &table.uuid,
                      &table.partition_key, &table.sorting_key, &table.primary_key};
  std::size_t cell = 0;
  for (auto* target : cells) *target = cell < row.size() ? row[cell++].value_or("") : "";
  table.has_views = cell < row.size() && row[cell] == "1";
  auto columns = describe(pool, quote_relation(full, pool.options()), stop);
  // Dropped between the two questions.
  if (!columns.ok() && columns.error().code() == Code::NotFound) return std::nullopt;
  table.columns = WEIR_TRY(std::move(columns));
  return table;
}

Result<std::vector<CatalogColumn>> describe_query(ClientPool& pool, std::string_view sql, std::stop_token stop) {
  return describe(pool, fmt::format("(\n{}\n)", trim_statement(sql)), stop);
}

std::string_view trim_statement(std::string_view sql) {
  const auto last = sql.find_last_not_of(" \t\r\n;");
  return last == std::string_view::npos ? std::string_view{} : sql.substr(0, last + 1);
}

Result<std::vector<ReadColumn>> read_columns(const std::vector<CatalogColumn>& columns, std::string_view server_zone) {
  std::vector<ReadColumn> read;
  for (const auto& column : columns) {
    if (!column.is_ordinary()) continue;
    const auto type = parse_column_type(column.type);
    if (auto mapped = type ? weir_type(*type, server_zone) : std::nullopt) {
      read.push_back({{column.name, std::move(mapped->type), mapped->nullable}, quote_name(column.name)});
      continue;
    }
    if (contains_aggregate_state(column.type)) {
      return Error::user(Code::Unsupported, "column {} holds an aggregate's state: {}", column.name, column.type)
          .hint("read it with a query that finishes the state: finalizeAggregation(…) or …Merge(…)");
    }
    read.push_back({{column.name, data::type_of(data::Kind::String), data::Nullable::Yes},
                    fmt::format("CAST(toString({}) AS Nullable(String))", quote_name(column.name))});
  }
  return read;
}

data::Schema schema_of(const std::vector<ReadColumn>& columns) {
  data::Schema schema;
  for (const auto& column : columns) schema.fields.push_back(column.field);
  return schema;
}

std::string select_list(const std::vector<ReadColumn>& columns) {
  std::string list;
  for (const auto& column : columns) {
    if (!list.empty()) list += ", ";
    const auto name = quote_name(column.field.name);
    list += column.expression == name ? name : fmt::format("{} AS {}", column.expression, name);
  }
  return list;
}

std::vector<std::string> plain_names(std::string_view key) {
  std::vector<std::string> names;
  while (!key.empty()) {
    std::string name;
    if (key.front() == '`') {
      std::size_t i = 1;
      for (; i < key.size() && key[i] != '`'; ++i) {
        if (key[i] == '\\' && i + 1 < key.size()) ++i;
        name += key[i];
      }
      key.remove_prefix(std::min(key.size(), i + 1));
    } else {
      const auto part = key.substr(0, key.find(','));
      if (part.find_first_of("( ") != std::string_view::npos) return {};
      name = part;
      key.remove_prefix(part.size());
    }
    names.push_back(std::move(name));
    while (!key.empty() && (key.front() == ',' || key.front() == ' ')) key.remove_prefix(1);
  }
  return names;
}

}  // namespace weir::clickhouse
