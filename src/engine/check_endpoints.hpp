#pragma once

#include <vector>

#include "flow/connector.hpp"
#include "project/project.hpp"

namespace weir::engine {

// What is wrong with the tables and files of a loaded project's tasks, as far as it can be told without opening a
// connection: options that the connector does not have or that have another type, and Parquet files without a ClickHouse.
// What a template decides is known only in a run.
std::vector<Error> check_endpoints(const project::Project& project, const flow::Registry& registry);

}  // namespace weir::engine
