#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace weir::web {

// Slows guessing down: after a few wrong passwords for one name, or from one address, further tries have to wait, twice as
// long after each failure, up to a limit. A success forgets the name's failures, not the address's. Thread-safe.
class Throttle {
 public:
  explicit Throttle(const Clock& clock) : clock_(clock) {}

  // How long the next try has to wait; nothing when it may come now.
  std::optional<std::chrono::seconds> wait_for(const std::string& name, const std::string& address);
  void failed(const std::string& name, const std::string& address);
  void succeeded(const std::string& name);

 private:
  struct Failures {
    int count = 0;
    Instant free_at;
    Instant last;
  };
  void note(const std::string& key, int free_tries);
  void forget_old();

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Failures> failures_;
};

}  // namespace weir::web
