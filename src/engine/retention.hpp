#pragma once

#include "base/clock.hpp"
#include "ledger/ledger.hpp"
#include "project/project.hpp"

namespace weir::engine {

// Removes the folders files/<run id> of runs that ended longer ago than the project's retention. Folders that no run of the
// ledger owns are left alone. Nothing happens without a retention.
Result<void> prune_files(const project::Project& project, ledger::Ledger& ledger, Instant now);

}  // namespace weir::engine
