#pragma once

#include <atomic>
#include <memory>

#include "connectors/clickhouse/client.hpp"
#include "connectors/clickhouse/load_plan.hpp"

namespace weir::clickhouse {

// What the writers of one load share.
struct LoadProgress {
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::uint64_t> sequence{0};  // Merge: numbers the rows in the order of their writing
  std::atomic<std::uint64_t> deletes{0};   // staged, but not among the rows
  std::atomic<int> unfinished{0};          // writers that were opened and not finished: the load is spoiled
};

// Streams its batches into the staging table through one INSERT that begins with the first batch.
std::unique_ptr<flow::Writer> make_writer(std::shared_ptr<ClientPool> pool, ServerInfo server,
                                          std::shared_ptr<const LoadPlan> plan, std::shared_ptr<LoadProgress> progress);

}  // namespace weir::clickhouse
