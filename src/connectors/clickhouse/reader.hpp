#pragma once

#include <memory>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/client.hpp"
#include "flow/source.hpp"

namespace weir::clickhouse {

// Starts the query and reads its first block. Columns of types that only their text stands for are read through
// toString; a stop also stops the query at the server.
Result<std::unique_ptr<flow::Reader>> open_reader(std::shared_ptr<ClientPool> pool, const std::string& sql,
                                                  const flow::Limits& limits, std::stop_token stop);

// The same for a select list whose columns are known, so that nothing has to be asked.
Result<std::unique_ptr<flow::Reader>> open_reader(std::shared_ptr<ClientPool> pool, const std::string& sql,
                                                  std::vector<CatalogColumn> columns, const flow::Limits& limits,
                                                  std::stop_token stop);

}  // namespace weir::clickhouse
