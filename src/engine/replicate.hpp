#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

// When a source has to keep too much of its log for a replication, and when its disk has less room than that.
inline constexpr std::string_view kWalLimit = "1GiB";
std::optional<std::string> warning_of_retained(std::uint64_t retained_bytes, std::uint64_t limit);
std::optional<std::string> warning_of_disk(std::optional<std::uint64_t> free_bytes, std::uint64_t limit);

// What the replication's things are called on both sides.
std::string replication_name(const Settings& settings);

Result<void> validate_replicate(const Settings& settings);

}  // namespace weir::engine
