#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace weir::engine {

using SteadyTime = std::chrono::steady_clock::time_point;

// Waits for descriptors, points in time and other threads, and calls back: one thread, no polling (epoll). An error of a
// callback ends the loop: callbacks report only what nothing can go on after.
class EventLoop {
 public:
  using Callback = std::function<Result<void>()>;
  using Timer = std::pair<SteadyTime, std::uint64_t>;

  static Result<std::unique_ptr<EventLoop>> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Called whenever the descriptor is readable or its other side has closed, until unwatch().
  Result<void> watch(int descriptor, Callback callback);
  void unwatch(int descriptor);
  Timer at(SteadyTime time, Callback callback);
  void cancel(const Timer& timer);
  // From any thread: called on the loop's thread in its next turn.
  void post(Callback callback);

  // Called in each turn, before and after what is due: for work that gathers over a turn.
  void before_turn(Callback callback) { before_turn_.push_back(std::move(callback)); }
  void after_turn(Callback callback) { after_turn_.push_back(std::move(callback)); }

  // Waits until something is due (at most `longest`) and calls back.
  Result<void> turn(std::optional<std::chrono::milliseconds> longest = std::nullopt);
  // Makes turn() return at once, once. Async-signal-safe, from any thread.
  void wake() noexcept;

 private:
  EventLoop(Descriptor epoll, Descriptor wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  Result<void> run_posted();
  Result<void> run_timers();
  int timeout_ms(std::optional<std::chrono::milliseconds> longest) const;

  Descriptor epoll_;
  Descriptor wake_;
  std::unordered_map<int, std::shared_ptr<Callback>> watched_;
  std::map<Timer, Callback> timers_;
  std::uint64_t next_timer_ = 0;
  std::vector<Callback> before_turn_;
  std::vector<Callback> after_turn_;
  std::mutex mutex_;
  std::vector<Callback> posted_;  // guarded by mutex_
};

}  // namespace weir::engine
