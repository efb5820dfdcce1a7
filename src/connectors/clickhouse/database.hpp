#pragma once

#include <memory>

#include "connectors/clickhouse/client.hpp"
#include "flow/database.hpp"

namespace weir::clickhouse {

// SQL on a ClickHouse server. A script has no transaction to run in: its statements are ordered so that the one that
// publishes comes last, and its cleanup runs whatever happens.
std::unique_ptr<flow::Database> make_database(std::shared_ptr<ClientPool> pool, std::string cluster);

}  // namespace weir::clickhouse
