#pragma once

#include "flow/connector.hpp"
#include "project/project.hpp"

namespace weir::engine {

// What a project's files may say with these connectors and all task kinds.
project::Vocabulary vocabulary(const flow::Registry& registry);

}  // namespace weir::engine
