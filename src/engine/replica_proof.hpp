#pragma once

#include <functional>
#include <string>

#include "engine/task_kind.hpp"

namespace weir::engine {

struct ProofSide {
  std::string connection;
  flow::Database& database;
};

// Reconciles every table of a replica and reports each as a check. The source may be written to meanwhile: then rows differ
// while they are under way. So a table that differs is looked at again once the target has caught up anew: a difference
// is real when it is still there unchanged, and each row is proven that was equal at one of the two looks. Returns the rows
// that were compared; CheckFailed when a table differs.
Result<std::uint64_t> prove_replica(TaskContext& context, const ProofSide& source, const ProofSide& target,
                                    const flow::Replica& replica, const std::function<Result<void>()>& catch_up);

}  // namespace weir::engine
