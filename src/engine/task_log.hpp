#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

// The log file of a task's attempt. Weir's own lines begin with their time and level; what programs print stands between
// them as they print it, since it must be there even when everything is killed. When that was first seen stands beside the
// file, in "<file>.times": a line "FIRST LAST INSTANT" for the lines FIRST to LAST.
namespace weir::engine {

struct TaskLogLine {
  std::int64_t number = 0;  // in the file, from 1
  std::optional<Instant>
      at;  // when it was said, of a program's line when it was seen; nothing: it continues the line before
  LogLevel level = LogLevel::Info;
  std::string text;
};

// What name(LogLevel) says.
std::optional<LogLevel> parse_log_level(std::string_view name);
// "2026-03-03T09:45:00.123456Z info  message\n". A message of several lines continues on lines of their own.
std::string format_log_line(const LogLine& line);

// Reads a log file from its beginning.
class TaskLogReader {
 public:
  // Whether a last line without an end is one, or still being written.
  enum class LastLine { Whole, Unfinished };
  // A file that is not there has no lines.
  TaskLogReader(const std::filesystem::path& log, LastLine last_line);
  // The next line; nothing at the end.
  std::optional<TaskLogLine> next();

 private:
  std::optional<Instant> seen_at(std::int64_t number);

  std::ifstream log_;
  std::ifstream times_;
  LastLine last_line_;
  std::int64_t number_ = 0;
  LogLevel level_ = LogLevel::Info;
  std::int64_t seen_first_ = 0;
  std::int64_t seen_last_ = 0;
  Instant seen_{};
};

// Reads what a log file gets while its attempt runs, and records when lines of programs were seen. On one thread.
class TaskLogFollower {
 public:
  // What the file has already is passed over: earlier processes of the attempt wrote it.
  static Result<TaskLogFollower> open(const std::filesystem::path& log);

  // Weir has written `bytes` that end at this place of the file.
  void wrote(std::uint64_t end, std::size_t bytes);
  // The lines that have come whole since the last call; of those of programs at most the last 500, of 256 KiB: nobody reads so
  // fast, the file has them all, and other things are to be told too. A line is cut off after 64 KiB.
  std::vector<TaskLogLine> take(Instant now);
  // The same at the end of the attempt's process, when a line without an end is one too.
  std::vector<TaskLogLine> take_rest(Instant now);

 private:
  TaskLogFollower(std::filesystem::path times, Descriptor log) : times_path_(std::move(times)), log_(std::move(log)) {}
  template <typename Line>
  void read_lines(std::uint64_t size, const Line& line);
  std::uint64_t size() const;
  bool is_ours(std::uint64_t begin);
  void record(std::int64_t first, std::int64_t last, Instant now);

  std::filesystem::path times_path_;
  Descriptor log_;
  Descriptor times_;               // made with the first line that needs it
  std::uint64_t read_ = 0;         // bytes of the file
  std::string begun_;              // the line that has no end yet, cut off
  std::uint64_t begun_bytes_ = 0;  // of it so far
  std::int64_t number_ = 0;        // of the last whole line
  LogLevel level_ = LogLevel::Info;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> ours_;  // [begin, end) of what Weir wrote and this has not read
};

}  // namespace weir::engine
