#pragma once

#include <memory>

#include "connectors/postgres/connection_pool.hpp"
#include "flow/connector.hpp"

namespace weir::postgres {

// Reads tables by ranges of their blocks in one exported snapshot, views and queries in one piece.
std::unique_ptr<flow::Source> make_source(std::shared_ptr<ConnectionPool> pool, std::string default_schema);

}  // namespace weir::postgres
