#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "engine/event_loop.hpp"

namespace weir::engine {

// Tells when files of a project change (inotify): once, some milliseconds after the last of a burst of changes, since an
// editor and a checkout make many. Hidden folders, and those that hold data, are not watched. On the loop's thread.
class FileWatch {
 public:
  static Result<std::unique_ptr<FileWatch>> create(EventLoop& loop, std::filesystem::path folder,
                                                   std::function<Result<void>()> changed);
  ~FileWatch();
  // Whether every change is noticed and none waits to be told: the files are those of the last time that they were.
  bool is_settled() const { return watches_all_ && !timer_; }
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  FileWatch(EventLoop& loop, Descriptor notifier, std::filesystem::path folder, std::function<Result<void>()> changed)
      : loop_(loop), notifier_(std::move(notifier)), folder_(std::move(folder)), changed_(std::move(changed)) {}

  void watch_folders();
  Result<void> take_events();

  EventLoop& loop_;
  Descriptor notifier_;
  std::filesystem::path folder_;
  std::function<Result<void>()> changed_;
  std::optional<EventLoop::Timer> timer_;
  bool watches_all_ = false;
};

}  // namespace weir::engine
