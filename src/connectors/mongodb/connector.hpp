#pragma once

#include "flow/connector.hpp"

namespace weir {

// MongoDB 4.2 and newer: docs/mongodb.md.
flow::Connector mongodb_connector();

}  // namespace weir
