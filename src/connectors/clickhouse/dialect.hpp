#pragma once

#include "flow/database.hpp"

namespace weir::clickhouse {

// ClickHouse's SQL. Pure; `cluster` is "" or the cluster whose every node a DDL statement runs on.
std::unique_ptr<flow::Dialect> make_dialect(std::string cluster);

}  // namespace weir::clickhouse
