#pragma once

#include <memory>
#include <string>

#include "connectors/postgres/connection_pool.hpp"
#include "flow/database.hpp"

namespace weir::postgres {

std::unique_ptr<flow::Database> make_database(std::shared_ptr<ConnectionPool> pool, std::string default_schema);

}  // namespace weir::postgres
