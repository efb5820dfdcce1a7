#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace weir::testing {

// A place where another thread is held until the test has done what it wants to do meanwhile.
class Gate {
 public:
  // Returns when the gate is open, at once from then on.
  void pass() {
    std::unique_lock lock(mutex_);
    is_reached_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return is_open_; });
  }
  // Whether somebody came there, which may take a minute.
  bool wait_until_reached() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes{1}, [&] { return is_reached_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_reached_ = false;
  bool is_open_ = false;
};

}  // namespace weir::testing
