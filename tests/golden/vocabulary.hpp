#pragma once

#include "project/project.hpp"

namespace weir::golden {

// A small fixed vocabulary with every type of setting: what the cases say must not change with the connectors.
project::Vocabulary vocabulary();

}  // namespace weir::golden
