#pragma once

#include <optional>

#include "app/run_view.hpp"
#include "app/workspace.hpp"
#include "engine/control.hpp"

namespace weir::app {

// The process that serves the project here, if there is one: it alone writes the ledger.
Result<std::optional<engine::ControlClient>> serving_process();

// Has the serving process run or retry something and shows it as if it ran here: Ctrl-C cancels in order, a second one
// at once. Returns the process's exit code.
Result<int> run_served(engine::ControlClient client, Json call, const Workspace& workspace, ViewKind view);

// Who asks: the user of the operating system.
std::string user_name();

}  // namespace weir::app
