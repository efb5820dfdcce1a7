#include "services/wait.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace weir::services {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

StopEvent::StopEvent(const std::stop_token& stop)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), callback_(stop, [this] { ::eventfd_write(event_.get(), 1); }) {
  WEIR_CHECK(static_cast<bool>(event_));
}

bool StopEvent::wait(milliseconds timeout) const { return wait_readable({event_.get()}, timeout).has_value(); }

bool StoppableMutex::lock_unless(const std::stop_token& stop) {
  std::unique_lock guard{mutex_};
  if (!freed_.wait(guard, stop, [this] { return !held_; })) return false;
  held_ = true;
  return true;
}

void StoppableMutex::unlock() {
  {
    const std::lock_guard guard{mutex_};
    held_ = false;
  }
  freed_.notify_one();
}

std::optional<std::size_t> wait_readable(std::initializer_list<int> descriptors, milliseconds timeout) {
  std::vector<pollfd> waiting;
  for (const int descriptor : descriptors) waiting.push_back({descriptor, POLLIN, 0});
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const int ready =
        ::poll(waiting.data(), waiting.size(), static_cast<int>(std::clamp(left, milliseconds{0}, kForever).count()));
    if (ready == 0) return std::nullopt;
    if (ready < 0) {
      WEIR_CHECK(errno == EINTR);
      continue;
    }
    const auto first =
        std::find_if(waiting.begin(), waiting.end(), [](const pollfd& each) { return each.revents != 0; });
    return static_cast<std::size_t>(first - waiting.begin());
  }
}

}  // namespace weir::services
