#include "web/live_changes.hpp"

#include <algorithm>

namespace weir::web {

void LiveChanges::add(const std::vector<std::shared_ptr<const engine::FeedEvent>>& events) {
  if (events.empty()) return;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& event : events) changes_.push_back(std::make_shared<const LiveChange>(event));
    count_ += events.size();
    while (changes_.size() > capacity_) changes_.pop_front();
  }
  changed_.notify_all();
}

void LiveChanges::skip() {
  {
    const std::lock_guard guard(mutex_);
    changes_.clear();
    ++count_;
  }
  changed_.notify_all();
}

void LiveChanges::close() {
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool LiveChanges::is_closed() const {
  const std::lock_guard guard(mutex_);
  return closed_;
}

LiveChanges::Cursor LiveChanges::follow(std::optional<std::uint64_t> after) const {
  const std::lock_guard guard(mutex_);
  if (!after) return {.next = count_};
  // An id that is not known is older than what is kept, or from a time when the clock was ahead.
  if (changes_.empty()) return {.next = count_, .missed = true};
  const auto oldest = changes_.front()->event().id;
  const auto newest = changes_.back()->event().id;
  if (*after + 1 < oldest || *after > newest) return {.next = first(), .missed = true};
  return {.next = first() + (*after + 1 - oldest)};
}

std::vector<std::shared_ptr<const LiveChange>> LiveChanges::next(Cursor& cursor, std::chrono::milliseconds timeout) {
  std::unique_lock guard(mutex_);
  changed_.wait_for(guard, timeout, [&] { return closed_ || cursor.missed || cursor.next < count_; });
  if (cursor.next < first()) {
    cursor.missed = true;
    cursor.next = first();
  }
  const auto from = static_cast<std::ptrdiff_t>(cursor.next - first());
  cursor.next = count_;
  return {changes_.begin() + from, changes_.end()};
}

}  // namespace weir::web
