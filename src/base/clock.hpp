#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

// Instants are UTC with microseconds, the precision that the ledger keeps.
using Instant = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

// Where the time comes from: injected, so that a test decides what time it is.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

const Clock& system_clock();

class FixedClock final : public Clock {
 public:
  explicit FixedClock(Instant now) : now_(now) {}
  Instant now() const override { return now_; }
  void set(Instant now) { now_ = now; }

 private:
  Instant now_;
};

// ISO 8601 in UTC: "2026-03-01T12:45:00Z", with six digits of a second only when they are not zero.
std::string format_instant(Instant instant);
// Takes what format_instant writes and plain dates ("2026-03-01" is that day's midnight in UTC).
std::optional<Instant> parse_instant(std::string_view text);

// "850 ms", "12.4 s", "3 min 20 s": for people.
std::string format_duration(std::chrono::microseconds duration);
// "250ms", "5s", "2m", "1h", "7d" as projects write durations.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace weir
