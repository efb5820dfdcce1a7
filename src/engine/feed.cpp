#include "engine/feed.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace weir::engine {

// Ids begin at the time in microseconds, so that those of a later process are higher.
Feed::Feed(Instant now, std::size_t capacity)
    : capacity_(capacity), next_id_(static_cast<std::uint64_t>(now.time_since_epoch().count())) {}

void Feed::publish(std::string pipeline, decltype(FeedEvent::what) what) {
  {
    const std::lock_guard guard(mutex_);
    events_.push_back(std::make_shared<const FeedEvent>(FeedEvent{next_id_++, std::move(pipeline), std::move(what)}));
    if (events_.size() > capacity_) events_.pop_front();
    const std::uint64_t one = 1;
    for (auto* const reader : readers_) {
      // One that has something to take already has been told.
      if (reader->next_ + 1 == next_id_) (void)!::write(reader->signal_.get(), &one, sizeof one);
    }
  }
  changed_.notify_all();
}

std::unique_ptr<Feed::Reader> Feed::follow(std::optional<std::uint64_t> after) {
  std::uint64_t last = 0;
  {
    const std::lock_guard guard(mutex_);
    last = after.value_or(next_id_ - 1);
  }
  return std::make_unique<Reader>(*this, last);
}

void Feed::close() {
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    const std::uint64_t one = 1;
    for (auto* const reader : readers_) (void)!::write(reader->signal_.get(), &one, sizeof one);
  }
  changed_.notify_all();
}

bool Feed::is_closed() const {
  const std::lock_guard guard(mutex_);
  return closed_;
}

Feed::Reader::Reader(Feed& feed, std::uint64_t after)
    : feed_(feed), signal_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), next_(after + 1) {
  const std::lock_guard guard(feed_.mutex_);
  feed_.readers_.insert(this);
  // An id that this feed has not given yet comes from a time when the clock was ahead.
  missed_ = next_ > feed_.next_id_;
  next_ = std::min(next_, feed_.next_id_);
  const std::uint64_t one = 1;
  if (next_ < feed_.next_id_) (void)!::write(signal_.get(), &one, sizeof one);
}

Feed::Reader::~Reader() {
  const std::lock_guard guard(feed_.mutex_);
  feed_.readers_.erase(this);
}

std::vector<std::shared_ptr<const FeedEvent>> Feed::Reader::take(std::size_t limit) {
  const std::lock_guard guard(feed_.mutex_);
  std::uint64_t count = 0;
  (void)!::read(signal_.get(), &count, sizeof count);
  std::vector<std::shared_ptr<const FeedEvent>> taken;
  const auto first = feed_.next_id_ - feed_.events_.size();
  if (next_ < first) {
    missed_ = true;
    next_ = first;
  }
  while (next_ < feed_.next_id_ && taken.size() < limit) taken.push_back(feed_.events_[next_++ - first]);
  const std::uint64_t one = 1;
  if (next_ < feed_.next_id_) (void)!::write(signal_.get(), &one, sizeof one);
  return taken;
}

bool Feed::Reader::wait(std::chrono::milliseconds timeout) {
  std::unique_lock guard(feed_.mutex_);
  feed_.changed_.wait_for(guard, timeout, [&] { return feed_.closed_ || next_ < feed_.next_id_; });
  return next_ < feed_.next_id_ && !feed_.closed_;
}

bool Feed::Reader::has_missed() {
  const std::lock_guard guard(feed_.mutex_);
  return std::exchange(missed_, false);
}

}  // namespace weir::engine
