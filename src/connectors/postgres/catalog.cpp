#include "connectors/postgres/catalog.hpp"

#include <fmt/format.h>

#include <map>

#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr auto kRelationSelect =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhassubclass, c.reltuples::bigint, "
    "CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') ";

// Columns with the position that they have in the primary key.
constexpr auto kColumnSelect =
    "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a', "
    "(SELECT k.place FROM pg_catalog.pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place) "
    "WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum) "
    "FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped "
    "ORDER BY a.attrelid, a.attnum";

CatalogRelation relation_from(const Rows& rows, int row) {
  CatalogRelation relation;
  relation.oid = static_cast<Oid>(rows.integer(row, 0));
  relation.name = {rows.text(row, 1), rows.text(row, 2)};
  relation.kind = rows.text(row, 3).front();
  relation.has_children = rows.flag(row, 4);
  relation.rows_estimate = static_cast<double>(rows.integer(row, 5));
  relation.blocks = rows.integer(row, 6);
  return relation;
}

Result<void> add_columns(Connection& connection, std::vector<CatalogRelation>& relations, std::stop_token stop) {
  std::map<Oid, CatalogRelation*> by_oid;
  std::string oids = "{";
  for (auto& relation : relations) {
    by_oid[relation.oid] = &relation;
    if (oids.size() > 1) oids += ',';
    oids += std::to_string(relation.oid);
  }
  const auto rows = WEIR_TRY(connection.query(kColumnSelect, {oids + "}"}, stop));
  std::map<Oid, std::map<std::int64_t, std::string>> keys;
  for (int row = 0; row < rows.rows(); ++row) {
    const auto oid = static_cast<Oid>(rows.integer(row, 0));
    by_oid[oid]->columns.push_back(
        {.name = rows.text(row, 1),
         .type = {static_cast<Oid>(rows.integer(row, 2)), static_cast<std::int32_t>(rows.integer(row, 3))},
         .native_type = rows.text(row, 4),
         .nullable = rows.flag(row, 5) ? data::Nullable::No : data::Nullable::Yes,
         .has_default = rows.flag(row, 6),
         .generated = rows.flag(row, 7)});
    if (!rows.is_null(row, 8)) keys[oid][rows.integer(row, 8)] = rows.text(row, 1);
  }
  for (auto& [oid, columns] : keys) {
    for (auto& [place, name] : columns) by_oid[oid]->key.push_back(std::move(name));
  }
  return {};
}

}  // namespace

flow::RelationKind CatalogRelation::relation_kind() const {
  if (kind == 'v') return flow::RelationKind::View;
  return kind == 'm' ? flow::RelationKind::MaterializedView : flow::RelationKind::Table;
}

std::string quote_relation(const flow::Relation& relation) {
  if (relation.space.empty()) return quote_identifier(relation.name);
  return quote_identifier(relation.space) + "." + quote_identifier(relation.name);
}

flow::Relation relation_from(std::string_view text, const std::string& default_schema) {
  auto relation = flow::parse_relation(text);
  if (relation.space.empty()) relation.space = default_schema;
  return relation;
}

Result<std::optional<CatalogRelation>> find_relation(Connection& connection, const flow::Relation& relation,
                                                     std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(fmt::format("{}AND n.nspname = $1 AND c.relname = $2", kRelationSelect),
                                              {relation.space, relation.name}, stop));
  if (rows.rows() == 0) return std::optional<CatalogRelation>{};
  std::vector<CatalogRelation> relations{relation_from(rows, 0)};
  WEIR_TRY(add_columns(connection, relations, stop));
  return std::optional{std::move(relations.front())};
}

Result<std::vector<CatalogRelation>> list_relations(Connection& connection, std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(
      fmt::format("{}AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'weir_meta') "
                  "AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND c.relname NOT LIKE '\\_weir\\_stage\\_%' "
                  "AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') "
                  "ORDER BY n.nspname, c.relname",
                  kRelationSelect),
      {}, stop));
  std::vector<CatalogRelation> relations;
  for (int row = 0; row < rows.rows(); ++row) relations.push_back(relation_from(rows, row));
  if (!relations.empty()) WEIR_TRY(add_columns(connection, relations, stop));
  return relations;
}

Error no_such_relation(const flow::Relation& relation) {
  return Error::user(Code::NotFound, "there is no such table or view: {}", relation.text())
      .hint("check its name and schema, and that the user may see it");
}

}  // namespace weir::postgres
