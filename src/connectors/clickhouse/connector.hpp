#pragma once

#include "flow/connector.hpp"

// ClickHouse over HTTP, in Native format: source, sink and database. TYPES.md is its type table.
namespace weir {

flow::Connector clickhouse_connector();

}  // namespace weir
