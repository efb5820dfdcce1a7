#include "engine/log_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace weir::engine {
namespace {

constexpr std::chrono::milliseconds kPause{20};

}  // namespace

LogWatch::~LogWatch() {
  for (auto& [watch, watched] : watched_) {
    if (watched.timer) loop_.cancel(*watched.timer);
  }
  if (notifier_) loop_.unwatch(notifier_.get());
}

bool LogWatch::open() {
  if (notifier_) return true;
  Descriptor notifier{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (!notifier) return false;
  const auto watching = loop_.watch(notifier.get(), [this]() -> Result<void> {
    take_events();
    return {};
  });
  if (watching.ok()) notifier_ = std::move(notifier);
  return watching.ok();
}

void LogWatch::add(const std::filesystem::path& file, std::function<void()> grown) {
  if (!open()) return;
  const int watch = ::inotify_add_watch(notifier_.get(), file.c_str(), IN_MODIFY);
  if (watch < 0) return;
  watched_[watch] = {.grown = std::move(grown), .told = {}, .timer = {}};
  watches_[file] = watch;
}

void LogWatch::remove(const std::filesystem::path& file) {
  const auto found = watches_.find(file);
  if (found == watches_.end()) return;
  const auto watched = watched_.extract(found->second);
  if (watched.mapped().timer) loop_.cancel(*watched.mapped().timer);
  ::inotify_rm_watch(notifier_.get(), found->second);
  watches_.erase(found);
}

void LogWatch::take_events() {
  alignas(inotify_event) std::array<char, 16'384> events;
  for (;;) {
    const auto got = ::read(notifier_.get(), events.data(), events.size());
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(events.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      // A file may have been removed since.
      const auto found = watched_.find(event->wd);
      if (found != watched_.end() && (event->mask & IN_MODIFY) != 0) tell(found->first, found->second);
    }
  }
}

void LogWatch::tell(int watch, Watched& watched) {
  if (watched.timer) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - watched.told >= kPause) {
    watched.told = now;
    return watched.grown();
  }
  watched.timer = loop_.at(watched.told + kPause, [this, watch]() -> Result<void> {
    auto& due = watched_.at(watch);
    due.timer.reset();
    due.told = std::chrono::steady_clock::now();
    due.grown();
    return {};
  });
}

}  // namespace weir::engine
