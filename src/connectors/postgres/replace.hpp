#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.hpp"

// Putting a new table in the place of an old one, so that everything which belonged to the old one stays.
namespace weir::postgres {

// What would break if the table were dropped and another renamed ("view sales_by_region depends on it"); empty when
// nothing would. Then the rows are replaced inside the table instead.
Result<std::string> why_not_swap(Connection& connection, Oid table, std::stop_token stop);

// CREATE TABLE with the old one's columns, defaults, checks, comments and storage, without its indexes.
std::string create_like(const CatalogRelation& table, const flow::Relation& name);

// An index or constraint on the new table, and the name that it gets when the old table is gone.
struct PendingName {
  std::string from;
  std::string to;
  bool constraint = false;
};

// Builds the old table's indexes and constraints on the new one under other names.
Result<std::vector<PendingName>> copy_indexes(Connection& connection, Oid table, const flow::Relation& old_name,
                                              const flow::Relation& new_table, std::stop_token stop);

// In the open transaction: locks the old table, gives its rights and comment to the new one, drops it and renames the new
// one and what is on it.
Result<void> swap_tables(Connection& connection, const flow::Relation& old_table, const flow::Relation& new_table,
                         const std::vector<PendingName>& names, std::stop_token stop);

// In the open transaction: renames the new table, whose name nothing has.
Result<void> name_table(Connection& connection, const flow::Relation& target, const flow::Relation& new_table,
                        const std::vector<PendingName>& names, std::stop_token stop);

}  // namespace weir::postgres
