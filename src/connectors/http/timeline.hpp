#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::http {

using SteadyTime = std::chrono::steady_clock::time_point;

// The time that requests are paced by: injected, so that a test waits for nothing.
class Timeline {
 public:
  virtual ~Timeline() = default;
  virtual SteadyTime now() const = 0;
  virtual Instant wall_clock() const = 0;
  // In [0, 1), for jitter.
  virtual double random() = 0;
  // Returns at that time, or Cancelled at once after a stop request.
  virtual Result<void> wait_until(SteadyTime time, std::stop_token stop) = 0;
  // When to look up from waiting for an answer, because something is due at `time`; nothing: when an answer comes.
  virtual std::optional<SteadyTime> wake_at(SteadyTime time) const = 0;
};

Timeline& real_timeline();

}  // namespace weir::http
