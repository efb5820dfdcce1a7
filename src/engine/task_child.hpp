#pragma once

#include "flow/connector.hpp"

namespace weir::engine {

// The body of `weir task`: receives one work order over the inherited channel, does it, reports, ends. SIGTERM asks the
// task to stop; what it has not committed then never happened. Returns the process's exit code.
int run_task_child(const flow::Registry& registry);

// The body of `weir task --serve`: a fork server whose children are task children. Does not return in these.
int serve_task_children(const flow::Registry& registry);

}  // namespace weir::engine
