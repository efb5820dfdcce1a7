#include "engine/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::engine {

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return Error::from_errno(errno, "making an event loop");
  Descriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake) return Error::from_errno(errno, "making an event");
  std::unique_ptr<EventLoop> loop{new EventLoop(std::move(epoll), std::move(wake))};
  WEIR_TRY(loop->watch(loop->wake_.get(), [raw = loop.get()]() -> Result<void> {
    std::uint64_t count = 0;
    (void)!::read(raw->wake_.get(), &count, sizeof count);
    return {};
  }));
  return loop;
}

Result<void> EventLoop::watch(int descriptor, Callback callback) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    return Error::from_errno(errno, "watching a descriptor");
  watched_[descriptor] = std::make_shared<Callback>(std::move(callback));
  return {};
}

void EventLoop::unwatch(int descriptor) {
  if (watched_.erase(descriptor) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

EventLoop::Timer EventLoop::at(SteadyTime time, Callback callback) {
  const Timer timer{time, ++next_timer_};
  timers_.emplace(timer, std::move(callback));
  return timer;
}

void EventLoop::cancel(const Timer& timer) { timers_.erase(timer); }

void EventLoop::post(Callback callback) {
  {
    const std::lock_guard guard(mutex_);
    posted_.push_back(std::move(callback));
  }
  wake();
}

void EventLoop::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

int EventLoop::timeout_ms(std::optional<std::chrono::milliseconds> longest) const {
  constexpr long long kLongest = 3'600'000;
  long long left = longest ? longest->count() : kLongest;
  if (!timers_.empty()) {
    const auto wait = timers_.begin()->first.first - std::chrono::steady_clock::now();
    left = std::min<long long>(left, std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  }
  const bool is_short = left >= 0 && left < kLongest;
  if (!is_short && !longest && timers_.empty()) return -1;
  return static_cast<int>(std::clamp(left, 0LL, kLongest));
}

Result<void> EventLoop::run_posted() {
  std::vector<Callback> posted;
  {
    const std::lock_guard guard(mutex_);
    posted.swap(posted_);
  }
  for (auto& callback : posted) WEIR_TRY(callback());
  return {};
}

Result<void> EventLoop::run_timers() {
  const auto now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto due = timers_.extract(timers_.begin());
    WEIR_TRY(due.mapped()());
  }
  return {};
}

Result<void> EventLoop::turn(std::optional<std::chrono::milliseconds> longest) {
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms(longest));
  if (count < 0 && errno != EINTR) return Error::from_errno(errno, "waiting for tasks");
  for (auto& callback : before_turn_) WEIR_TRY(callback());
  for (int i = 0; i < count; ++i) {
    // A callback may have unwatched others.
    const auto found = watched_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (found == watched_.end()) continue;
    const auto callback = found->second;
    WEIR_TRY((*callback)());
  }
  WEIR_TRY(run_timers());
  WEIR_TRY(run_posted());
  for (auto& callback : after_turn_) WEIR_TRY(callback());
  return {};
}

}  // namespace weir::engine
