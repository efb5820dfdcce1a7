#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "engine/event_loop.hpp"

namespace weir::engine {

// Tells when files grow (inotify), whoever writes to them: at once, then at most fifty times a second for each. On the
// loop's thread.
class LogWatch {
 public:
  explicit LogWatch(EventLoop& loop) : loop_(loop) {}
  ~LogWatch();
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;

  // A file that cannot be watched (there is a limit to how many are) is not: its lines are shown with the next one that Weir
  // writes itself, and at the end.
  void add(const std::filesystem::path& file, std::function<void()> grown);
  void remove(const std::filesystem::path& file);

 private:
  struct Watched {
    std::function<void()> grown;
    SteadyTime told{};
    std::optional<EventLoop::Timer> timer;
  };
  bool open();
  void take_events();
  void tell(int watch, Watched& watched);

  EventLoop& loop_;
  Descriptor notifier_;  // made with the first file
  std::unordered_map<int, Watched> watched_;
  std::map<std::filesystem::path, int> watches_;
};

}  // namespace weir::engine
