#pragma once

#include "engine/reconciliation.hpp"
#include "engine/task_kind.hpp"

namespace weir::engine {

// What is to be made equal, and what a comparison found.
struct RepairRequest {
  const ReconcileSide& left;  // named as the task names it: connection.table or connection.stream
  const ReconcileSide& right;
  Reading left_reading = Reading::OfTheRun;
  std::vector<std::string> key;
  const Reconciliation& found;
};

// Copies the rows of the key buckets that differ from left to right, and deletes there what left does not have in them: one
// commit, a merge by key. The rows of other buckets are read and left alone. Returns how many rows were written or deleted.
Result<std::uint64_t> repair(TaskContext& context, const RepairRequest& request);

}  // namespace weir::engine
