#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/setting.hpp"

namespace weir::engine {

// What a replicate task waits for, and when it speaks up.
struct ReplicateLimits {
  std::optional<std::chrono::milliseconds> wait;  // none: as long as it moves
  std::chrono::milliseconds stall{0};
  std::uint64_t retained_bytes = 0;
};
Result<ReplicateLimits> replicate_limits(const Settings& settings);

// What the replication's things are called on both sides.
std::string replication_name(const Settings& settings);

Result<void> validate_replicate(const Settings& settings);

}  // namespace weir::engine
