#pragma once

#include <filesystem>

#include "engine/plan.hpp"
#include "ledger/ledger.hpp"

namespace weir::engine {

RunFacts facts_of(const ledger::Run& run);

// What a run in the ledger asks for: its parameters and its selection ("select", "from"), minus the steps that earlier
// tries of it have done, plus those that a retry is to do again ("redo").
Result<PlanRequest> request_of(ledger::Ledger& ledger, const ledger::Run& run, const project::Project& project,
                               const models::Graph& graph, const RunFacts& facts);

// A retry is to do a task and everything after it again, whatever the run has done of it until now: adds {from, at} to the
// run's "redo", which holds until it is done, also over further retries. InvalidArgument for an unknown task.
Result<void> ask_to_redo(ledger::Ledger& ledger, ledger::Run& run, std::string_view from,
                         const project::Project& project, const models::Graph& graph, const RunFacts& facts);

// Makes of a new run one that repeats `recorded`: its pipeline, parameters, selection and interval; what its connections of
// type http answered is taken from its recordings below the project's `folder`. NotFound when there are none.
Result<void> make_replay(ledger::Run& run, const ledger::Run& recorded, const std::filesystem::path& folder);

}  // namespace weir::engine
