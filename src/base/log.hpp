#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace weir {

enum class LogLevel { Debug, Info, Warn, Error };

std::string_view name(LogLevel level);

struct LogLine {
  Instant time;
  LogLevel level = LogLevel::Info;
  std::string message;
};

// Where a task's or a service's log lines go: its file, the parent process, the terminal. Implementations take lines from
// any thread. Normal operation inside connectors logs nothing; what people should read about a run is what is logged.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLine line) = 0;

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    line(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) {
    line(LogLevel::Warn, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    line(LogLevel::Error, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void line(LogLevel level, std::string message) { write({system_clock().now(), level, std::move(message)}); }
};

// Drops every line: for tests and for calls whose result says everything.
Log& silent_log();

}  // namespace weir
