#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/connection_pool.hpp"
#include "connectors/postgres/read_column.hpp"
#include "flow/source.hpp"

namespace weir::postgres {

// A query whose COPY BINARY output the columns describe.
struct ReadQuery {
  std::string sql;
  std::vector<ReadColumn> columns;
};

// Reads of a relation's columns (all of them when `wanted` is empty), `condition` being what follows WHERE.
Result<ReadQuery> relation_query(Connection& connection, const CatalogRelation& relation,
                                 const std::vector<std::string>& wanted, const ReadRules& rules, std::stop_token stop);
std::string with_condition(const ReadQuery& query, std::string_view condition);

// Reads of any statement that COPY takes: SELECT, VALUES, WITH, TABLE, and INSERT … RETURNING and its like.
Result<ReadQuery> statement_query(Connection& connection, std::string_view sql, const std::vector<std::string>& wanted,
                                  const ReadRules& rules, std::stop_token stop);

// Runs the query on the leased connection; `statements_before` open what it stands in (a transaction and its snapshot).
// The connection goes back to the pool when the reader ends.
Result<std::unique_ptr<flow::Reader>> open_copy_reader(ConnectionPool::Lease connection,
                                                       const std::string& statements_before, const std::string& sql,
                                                       std::vector<ReadColumn> columns, const flow::Limits& limits,
                                                       std::stop_token stop);

}  // namespace weir::postgres
