#pragma once

#include <memory>
#include <stop_token>

#include "connectors/postgres/load_state.hpp"
#include "flow/sink.hpp"

namespace weir::postgres {

// Copies into the load's stage, or into the table itself when the load is direct.
Result<std::unique_ptr<flow::Writer>> open_writer(std::shared_ptr<LoadState> state, std::stop_token stop);

}  // namespace weir::postgres
