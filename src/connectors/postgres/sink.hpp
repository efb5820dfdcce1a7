#pragma once

#include <memory>
#include <string>

#include "base/log.hpp"
#include "connectors/postgres/connection_pool.hpp"
#include "flow/sink.hpp"

namespace weir::postgres {

// Loads tables with COPY BINARY through staging tables; every commit leaves its id in weir_meta.commits.
std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<ConnectionPool> pool, std::string default_schema, Log& log);

}  // namespace weir::postgres
