#pragma once

#include "flow/connector.hpp"

// ClickHouse over HTTP, in Native format: source, sink and database. TYPES.md is its type table.
namespace weir {

flow::Connector clickhouse_connector();

namespace clickhouse {

class ClientPool;

// Clients of a connection of this connector's type.
std::shared_ptr<ClientPool> make_pool(const flow::OpenContext& context);

}  // namespace clickhouse

}  // namespace weir
