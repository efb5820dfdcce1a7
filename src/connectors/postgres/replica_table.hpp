#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/types.hpp"
#include "flow/database.hpp"

// Tables as logical replication sees them: it matches tables by schema and name and columns by name, and carries rows only,
// no definitions (PostgreSQL manual, chapter 31), so Weir makes and alters the subscriber's tables.
namespace weir::postgres {

struct ColumnDefinition {
  std::string name;
  std::string type;  // "numeric(12,2)", with its schema when it is not the system's
  bool not_null = false;
  bool has_default = false;  // also identity
  std::string generated;     // the expression of a generated column, which is computed and not replicated; "" otherwise
  // What rows hold that are older than the column and were not written since (pg_attribute.attmissingval).
  std::optional<std::string> missing;
};

struct TableDefinition {
  Oid oid = 0;
  flow::Relation name;
  char identity = 'd';  // pg_class.relreplident
  std::vector<ColumnDefinition> columns;
  std::vector<std::string> key;  // of the primary key

  const ColumnDefinition* find(const std::string& column) const;
};

// The session's search_path must be pg_catalog, so that every other schema is named.
Result<std::vector<TableDefinition>> read_definitions(Connection& connection, const std::vector<Oid>& oids,
                                                      std::stop_token stop);
// Nothing when there is no such table.
Result<std::optional<TableDefinition>> find_definition(Connection& connection, const flow::Relation& name,
                                                       std::stop_token stop);

// The tables of the patterns ("launches", "launches_*", "crm.*") that can be replicated: permanent ones and partitioned
// ones as a whole, without Weir's own. NotFound for a pattern that no table fits.
Result<std::vector<TableDefinition>> choose_tables(Connection& connection, const std::vector<std::string>& patterns,
                                                   const std::string& default_schema, std::stop_token stop);

// The statement that makes the table as the source has it.
std::string create_statement(const TableDefinition& source);

// What makes a subscriber's table hold what the source's rows bring.
struct Alteration {
  std::vector<std::string> statements;
  std::vector<std::string> changes;          // the same for people
  std::vector<std::string> only_in_replica;  // columns that the source does not have (any more)
  // Values that no change record carries, such as a default that differs row by row: the table must be copied again.
  bool needs_copy = false;
};
// Whose the subscriber's table is. The user's may differ in types on purpose: rows travel as text, and fit or fail.
enum class Owner { Weir, User };
// Columns are never dropped: what the source gave up stays, with the values it had.
Alteration compare_tables(const TableDefinition& source, const TableDefinition& replica, Owner owner);

}  // namespace weir::postgres
