#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/feed.hpp"

namespace weir::web {

// A change of the scheduler's feed. What a stream says of it is made when the first stream asks, once for all of them.
// Thread-safe.
class LiveChange {
 public:
  explicit LiveChange(std::shared_ptr<const engine::FeedEvent> event) : event_(std::move(event)) {}

  const engine::FeedEvent& event() const { return *event_; }
  // `make` gets the event and gives the text. It is the same function for all streams.
  template <typename Make>
  const std::string& text(const Make& make) const {
    std::call_once(once_, [&] { text_ = make(*event_); });
    return text_;
  }

 private:
  std::shared_ptr<const engine::FeedEvent> event_;
  mutable std::once_flag once_;
  mutable std::string text_;
};

// The feed for many streams: one thread hands it out to all, so that the scheduler wakes one reader however many watch.
// Keeps the last changes, as many as the scheduler keeps, for streams that begin again where they stopped. Thread-safe.
class LiveChanges {
 public:
  // Where a stream stands.
  struct Cursor {
    std::uint64_t next = 0;  // counted from the first change that came here
    bool missed = false;     // changes were dropped before this stream had them: its picture is to be read anew
  };

  explicit LiveChanges(std::size_t capacity = 10'000) : capacity_(capacity) {}

  // Ids rise by one from event to event. Wakes all that wait.
  void add(const std::vector<std::shared_ptr<const engine::FeedEvent>>& events);
  // Events were lost on the way here: every stream has missed some.
  void skip();
  void close();
  bool is_closed() const;

  // From the next change on, or from the one that follows the event `after`.
  Cursor follow(std::optional<std::uint64_t> after) const;
  // Waits for changes, moves the cursor over them, and sets `missed` when there were more; none when the time is over or
  // this is closed.
  std::vector<std::shared_ptr<const LiveChange>> next(Cursor& cursor, std::chrono::milliseconds timeout);

 private:
  std::uint64_t first() const { return count_ - changes_.size(); }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<const LiveChange>> changes_;
  std::uint64_t count_ = 0;  // that have come so far
  bool closed_ = false;
};

}  // namespace weir::web
