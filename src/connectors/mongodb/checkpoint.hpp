#pragma once

#include <optional>

#include "connectors/mongodb/arrival.hpp"
#include "flow/checkpoint.hpp"

namespace weir::mongodb {

// What a checkpoint says: {"weir": "mongodb", "version": 1, "cursor" | "token": {…}, "shape": {…}}; null without one.
// InvalidData when another connector wrote it.
Result<Json> read_checkpoint(const std::optional<flow::Checkpoint>& checkpoint);
// Where the next run begins; nothing when it reads all again.
std::optional<flow::Checkpoint> checkpoint_after(const Arrival::Outcome& outcome);

}  // namespace weir::mongodb
