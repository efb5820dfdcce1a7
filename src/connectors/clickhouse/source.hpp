#pragma once

#include <memory>

#include "connectors/clickhouse/client.hpp"
#include "flow/source.hpp"

namespace weir::clickhouse {

// Tables, views and queries of a ClickHouse server.
//
// Partitions of a table are ranges of its sorting key's first column, cut at its quantiles: each is a condition that the
// server answers from its index, and no merge moves a row from one to another (it does move rows from part to part, which
// is why parts are not partitions). ClickHouse has no snapshots: a row that is inserted
// between two partitions' reads may be in the second and not in the first. Nothing can be resumed: there are no checkpoints.
std::unique_ptr<flow::Source> make_source(std::shared_ptr<ClientPool> pool);

}  // namespace weir::clickhouse
