#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/types.hpp"
#include "flow/database.hpp"

// What pg_catalog says about relations.
namespace weir::postgres {

struct CatalogColumn {
  std::string name;
  TypeRef type;
  std::string native_type;  // format_type: "numeric(12,2)"
  data::Nullable nullable = data::Nullable::Yes;
  bool has_default = false;  // also identity
  bool generated = false;    // cannot be written
};

struct CatalogRelation {
  Oid oid = 0;
  flow::Relation name;  // with its schema
  char kind = 'r';      // pg_class.relkind
  bool has_children = false;
  double rows_estimate = -1;  // negative: unknown
  std::int64_t blocks = 0;    // as large as it is now
  std::vector<CatalogColumn> columns;
  std::vector<std::string> key;

  flow::RelationKind relation_kind() const;
};

// "schema.name" as SQL takes it.
std::string quote_relation(const flow::Relation& relation);
// A name as the user wrote it, with the default schema filled in.
flow::Relation relation_from(std::string_view text, const std::string& default_schema);

// Nothing when there is no such relation.
Result<std::optional<CatalogRelation>> find_relation(Connection& connection, const flow::Relation& relation,
                                                     std::stop_token stop);
// Every table and view that the user may read, without the system's.
Result<std::vector<CatalogRelation>> list_relations(Connection& connection, std::stop_token stop);

Error no_such_relation(const flow::Relation& relation);

}  // namespace weir::postgres
