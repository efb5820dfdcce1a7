#include "connectors/postgres/replica_table.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/statement.hpp"
#include "flow/replication.hpp"

namespace weir::postgres {
namespace {

constexpr auto kTables =
    "SELECT c.oid, n.nspname, c.relname, c.relreplident FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' ";

constexpr auto kColumns =
    "SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "d.oid IS NOT NULL OR a.attidentity <> '', "
    "CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE '' END, "
    // An array of the column's own type; its text is the way to its one element.
    "CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END, "
    "(SELECT k.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place) "
    "WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum) "
    "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

TableDefinition table_from(const Rows& rows, int row) {
  TableDefinition table;
  table.oid = static_cast<Oid>(rows.integer(row, 0));
  table.name = {rows.text(row, 1), rows.text(row, 2)};
  table.identity = rows.text(row, 3).front();
  return table;
}

Result<void> add_columns(Connection& connection, std::vector<TableDefinition>& tables, std::stop_token stop) {
  if (tables.empty()) return {};
  std::map<Oid, TableDefinition*> by_oid;
  for (auto& table : tables) by_oid[table.oid] = &table;
  std::vector<Oid> oids;
  for (const auto& table : tables) oids.push_back(table.oid);
  const auto rows = WEIR_TRY(connection.query(kColumns, {fmt::format("{{{}}}", fmt::join(oids, ","))}, stop));
  std::map<Oid, std::map<std::int64_t, std::string>> keys;
  for (int row = 0; row < rows.rows(); ++row) {
    const auto oid = static_cast<Oid>(rows.integer(row, 0));
    by_oid[oid]->columns.push_back({.name = rows.text(row, 1),
                                    .type = rows.text(row, 2),
                                    .not_null = rows.flag(row, 3),
                                    .has_default = rows.flag(row, 4),
                                    .generated = rows.text(row, 5),
                                    .missing = rows.is_null(row, 6) ? std::nullopt : std::optional{rows.text(row, 6)}});
    if (!rows.is_null(row, 7)) keys[oid][rows.integer(row, 7)] = rows.text(row, 1);
  }
  for (auto& [oid, columns] : keys) {
    for (auto& [place, name] : columns) by_oid[oid]->key.push_back(std::move(name));
  }
  return {};
}

std::string column_text(const ColumnDefinition& column) {
  auto text = fmt::format("{} {}", quote_identifier(column.name), column.type);
  if (!column.generated.empty()) text += fmt::format(" GENERATED ALWAYS AS ({}) STORED", column.generated);
  if (column.not_null) text += " NOT NULL";
  return text;
}

std::vector<std::string> quoted(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const auto& name : names) result.push_back(quote_identifier(name));
  return result;
}

void add_column(const ColumnDefinition& column, const std::string& table, Alteration& alteration) {
  const auto add = fmt::format("ALTER TABLE {} ADD COLUMN {}", table, quote_identifier(column.name));
  alteration.changes.push_back(fmt::format("added column {} {}", column.name, column.type));
  if (!column.generated.empty()) {
    alteration.statements.push_back(
        fmt::format("{} {} GENERATED ALWAYS AS ({}) STORED", add, column.type, column.generated));
  } else if (column.missing) {
    // The older rows read as this value on the source, which has not written it anywhere: so do they here.
    alteration.statements.push_back(fmt::format("{} {} DEFAULT {}{}", add, column.type, quote_literal(*column.missing),
                                                column.not_null ? " NOT NULL" : ""));
    alteration.statements.push_back(
        fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table, quote_identifier(column.name)));
  } else {
    // Without a value for older rows the column is NULL in them, unless the source's table was rewritten with values.
    alteration.statements.push_back(fmt::format("{} {}", add, column.type));
    alteration.needs_copy = alteration.needs_copy || column.has_default || column.not_null;
  }
}

}  // namespace

const ColumnDefinition* TableDefinition::find(const std::string& column) const {
  const auto found = std::ranges::find(columns, column, &ColumnDefinition::name);
  return found == columns.end() ? nullptr : &*found;
}

Result<std::vector<TableDefinition>> read_definitions(Connection& connection, const std::vector<Oid>& oids,
                                                      std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(std::string{kTables} + "AND c.oid = ANY ($1::oid[]) ORDER BY 2, 3",
                                              {fmt::format("{{{}}}", fmt::join(oids, ","))}, stop));
  std::vector<TableDefinition> tables;
  for (int row = 0; row < rows.rows(); ++row) tables.push_back(table_from(rows, row));
  WEIR_TRY(add_columns(connection, tables, stop));
  return tables;
}

Result<std::optional<TableDefinition>> find_definition(Connection& connection, const flow::Relation& name,
                                                       std::stop_token stop) {
  const auto rows =
      WEIR_TRY(connection.query("SELECT c.oid, n.nspname, c.relname, c.relreplident, c.relkind FROM pg_class c "
                                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
                                {name.space, name.name}, stop));
  if (rows.rows() == 0) return std::optional<TableDefinition>{};
  const auto kind = rows.text(0, 4);
  if (kind != "r" && kind != "p") {
    return Error::user(Code::Conflict, "there is something else of that name where a table is to be replicated to: {}",
                       name.text())
        .hint("rename or drop it");
  }
  std::vector<TableDefinition> tables{table_from(rows, 0)};
  WEIR_TRY(add_columns(connection, tables, stop));
  return std::optional{std::move(tables.front())};
}

Result<std::vector<TableDefinition>> choose_tables(Connection& connection, const std::vector<std::string>& patterns,
                                                   const std::string& default_schema, std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(
      std::string{kTables} +
          "AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'weir_meta') "
          "AND c.relname NOT LIKE '\\_weir\\_stage\\_%' AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 2, 3",
      {}, stop));
  std::set<Oid> chosen;
  for (const auto& text : patterns.empty() ? std::vector<std::string>{"*"} : patterns) {
    const auto pattern = relation_from(text, default_schema);
    bool any = false;
    for (int row = 0; row < rows.rows(); ++row) {
      const auto table = table_from(rows, row);
      if (!flow::matches_pattern(table.name.space, pattern.space) ||
          !flow::matches_pattern(table.name.name, pattern.name)) {
        continue;
      }
      chosen.insert(table.oid);
      any = true;
    }
    if (any) continue;
    return Error::user(Code::NotFound, "no table of the source fits: {}", pattern.text())
        .hint(
            "views, temporary and unlogged tables cannot be replicated; name a partitioned table, not its partitions");
  }
  return read_definitions(connection, {chosen.begin(), chosen.end()}, stop);
}

std::string create_statement(const TableDefinition& source) {
  std::vector<std::string> parts;
  for (const auto& column : source.columns) parts.push_back(column_text(column));
  if (!source.key.empty()) parts.push_back(fmt::format("PRIMARY KEY ({})", fmt::join(quoted(source.key), ", ")));
  return fmt::format("CREATE TABLE {} ({})", quote_relation(source.name), fmt::join(parts, ", "));
}

Alteration compare_tables(const TableDefinition& source, const TableDefinition& replica, Owner owner) {
  Alteration alteration;
  const auto table = quote_relation(replica.name);
  for (const auto& column : source.columns) {
    const auto* ours = replica.find(column.name);
    if (ours == nullptr) {
      add_column(column, table, alteration);
      continue;
    }
    const auto alter = fmt::format("ALTER TABLE {} ALTER COLUMN {}", table, quote_identifier(column.name));
    if (ours->type != column.type && owner == Owner::Weir) {
      alteration.statements.push_back(
          fmt::format("{} TYPE {} USING {}::{}", alter, column.type, quote_identifier(column.name), column.type));
      alteration.changes.push_back(
          fmt::format("changed column {} from {} to {}", column.name, ours->type, column.type));
      // The source may have computed new values (USING), which no change record holds.
      alteration.needs_copy = true;
    }
    if (ours->not_null && !column.not_null) {
      alteration.statements.push_back(alter + " DROP NOT NULL");
      alteration.changes.push_back(fmt::format("column {} may be NULL now", column.name));
    }
  }
  for (const auto& column : replica.columns) {
    if (source.find(column.name) != nullptr) continue;
    alteration.only_in_replica.push_back(column.name);
    const bool in_key = std::ranges::find(replica.key, column.name) != replica.key.end();
    if (column.not_null && !in_key && column.generated.empty()) {
      alteration.statements.push_back(
          fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, quote_identifier(column.name)));
      alteration.changes.push_back(
          fmt::format("column {} is no longer in the source: it stays, and may be NULL", column.name));
    }
  }
  return alteration;
}

}  // namespace weir::postgres
