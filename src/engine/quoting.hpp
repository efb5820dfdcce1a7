#pragma once

#include "flow/database.hpp"
#include "sql/tokenizer.hpp"

namespace weir::engine {

// How the tokenizer reads a dialect's SQL.
inline sql::Quoting quoting_of(const flow::Dialect& dialect) {
  return dialect.name() == "clickhouse" ? sql::Quoting::ClickHouse : sql::Quoting::PostgreSql;
}

}  // namespace weir::engine
