#pragma once

#include <string>
#include <string_view>

#include "engine/work_order.hpp"
#include "flow/sink.hpp"
#include "project/project.hpp"

namespace weir::engine {

// The connection and object behind a text such as "warehouse.raw_sales" or "files/a.csv", among the connections that the
// work order carries.
project::Endpoint find_endpoint(const WorkOrder& order, std::string_view text);

// "append", "replace" or "merge".
flow::WriteMode write_mode(std::string_view text);

}  // namespace weir::engine
