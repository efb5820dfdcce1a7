#pragma once

#include <memory>

#include "base/log.hpp"
#include "connectors/clickhouse/client.hpp"
#include "flow/sink.hpp"

// Loads on a ClickHouse server. Every load collects its rows in a staging table beside the target, which nobody else
// reads, and makes them visible by one commit (publish.hpp says how and why that happens exactly once):
//
//   replace  the staging table is the new table: it is exchanged with the old one. A table whose columns have the same
//            names keeps its engine, order and partitions, and its types where they hold the rows, unless the copy says
//            engine, order_by and the like.
//   append   the staging table's parts are moved into the target, without copying. Rows of several of the target's own
//            partitions become visible partition by partition, within milliseconds.
//   merge    a copy of the target (hard links) loses the rows whose key was written and gets the last version of each;
//            then it is exchanged with the target. Needs a target that nobody else writes to meanwhile.
//
// Killed at any moment, a load leaves at most its staging tables, which the next load of that table removes.
namespace weir::clickhouse {

std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<ClientPool> pool, std::string cluster, Log& log);

}  // namespace weir::clickhouse
