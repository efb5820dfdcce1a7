#pragma once

#include <string>
#include <vector>

#include "engine/plan.hpp"
#include "ledger/ledger.hpp"
#include "project/project.hpp"

// What a success means to others, written into the ledger together with it: that tables were written, which the catalogue
// shows whoever did it, and the events by which other pipelines start.
namespace weir::engine {

// Replays make no events, and backfills only where they are to set off what comes after.
bool makes_events(const ledger::Run& run);

// Of an attempt that succeeded. Returns the sources of the events that it makes.
Result<std::vector<std::string>> record_success(ledger::Ledger& ledger, const project::Project& project,
                                                const ledger::Run& run, const Step& step,
                                                const ledger::Attempt& attempt);
// Of a run.
Result<std::vector<std::string>> record_success(ledger::Ledger& ledger, const ledger::Run& run);

// Lets every pipeline of the project that comes after others see what happens from now on.
Result<void> know_consumers(ledger::Ledger& ledger, const project::Project& project);

}  // namespace weir::engine
