#include "engine/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "engine/project_version.hpp"

namespace weir::engine {
namespace {

constexpr std::chrono::milliseconds kQuiet{120};
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::create(EventLoop& loop, std::filesystem::path folder,
                                                     std::function<Result<void>()> changed) {
  Descriptor notifier{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (!notifier) return Error::from_errno(errno, "watching the project's files");
  std::unique_ptr<FileWatch> watch{new FileWatch(loop, std::move(notifier), std::move(folder), std::move(changed))};
  watch->watch_folders();
  WEIR_TRY(loop.watch(watch->notifier_.get(), [raw = watch.get()] { return raw->take_events(); }));
  return watch;
}

FileWatch::~FileWatch() {
  loop_.unwatch(notifier_.get());
  if (timer_) loop_.cancel(*timer_);
}

// Watching a folder twice is the same as once. One that cannot be watched (there is a limit) is not, and `weir serve` has
// its own word for reading the files again.
void FileWatch::watch_folders() {
  watches_all_ = ::inotify_add_watch(notifier_.get(), folder_.c_str(), kChanges) >= 0;
  for (const auto& folder : code_folders(folder_))
    watches_all_ &= ::inotify_add_watch(notifier_.get(), folder.c_str(), kChanges) >= 0;
}

Result<void> FileWatch::take_events() {
  alignas(inotify_event) std::array<char, 16'384> events;
  bool matters = false;
  for (;;) {
    const auto got = ::read(notifier_.get(), events.data(), events.size());
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(events.data() + at);
      const std::string_view name = event->len == 0 ? "" : event->name;
      // The kernel's queue was full, and nobody knows what has changed.
      matters |= (event->mask & IN_Q_OVERFLOW) != 0;
      matters |= !name.starts_with('.') && ((event->mask & IN_ISDIR) != 0 || is_code_name(std::filesystem::path{name}));
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  if (!matters) return {};
  if (timer_) loop_.cancel(*timer_);
  timer_ = loop_.at(std::chrono::steady_clock::now() + kQuiet, [this] {
    timer_.reset();
    watch_folders();
    return changed_();
  });
  return {};
}

}  // namespace weir::engine
