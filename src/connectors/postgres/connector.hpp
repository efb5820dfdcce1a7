#pragma once

#include "flow/connector.hpp"

// PostgreSQL 12 and newer over libpq: source, sink and database. TYPES.md is its type table.
namespace weir {

flow::Connector postgres_connector();

}  // namespace weir
