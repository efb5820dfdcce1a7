#pragma once

#include "flow/connector.hpp"

namespace weir::app {

// Every connector that is compiled in: the one list.
const flow::Registry& connectors();

}  // namespace weir::app
