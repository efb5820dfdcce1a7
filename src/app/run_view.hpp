#pragma once

#include <memory>

#include "engine/executor.hpp"

namespace weir::app {

enum class ViewKind { Live, Plain, Json };

// Live: a region of running tasks that redraws itself, for terminals. Plain: a line for every change. Json: an object a
// line for every event, for machines.
std::unique_ptr<engine::RunObserver> make_run_view(ViewKind kind);

// The table at the end of a run: each step with its rows, time, rate and output; then what failed and why, and what to
// type next.
std::string run_summary(const ledger::Run& run, const engine::Plan& plan, const std::vector<ledger::Attempt>& attempts,
                        const std::vector<ledger::CheckResult>& checks);

}  // namespace weir::app
