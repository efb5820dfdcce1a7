#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/file.hpp"

namespace weir::services {

// A stop token as a descriptor, so that one poll() waits for it beside processes and sockets.
class StopEvent {
 public:
  explicit StopEvent(const std::stop_token& stop);

  int descriptor() const { return event_.get(); }
  // True as soon as a stop is requested, false when the time has passed without.
  bool wait(std::chrono::milliseconds timeout) const;

 private:
  Descriptor event_;
  std::stop_callback<std::function<void()>> callback_;
};

// A mutex for work that takes long: who waits for it can be told to stop.
class StoppableMutex {
 public:
  void lock() { (void)lock_unless({}); }
  void unlock();
  // False when a stop was requested before it was our turn.
  bool lock_unless(const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any freed_;
  bool held_ = false;  // guarded by mutex_
};

// The position of the first descriptor that is readable (or closed); nothing after the timeout. Negative descriptors are
// skipped.
std::optional<std::size_t> wait_readable(std::initializer_list<int> descriptors, std::chrono::milliseconds timeout);

// Long enough to mean forever for a person, short enough for poll().
inline constexpr std::chrono::milliseconds kForever = std::chrono::hours{24 * 20};

}  // namespace weir::services
