#include "engine/task_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

namespace weir::engine {
namespace {

namespace fs = std::filesystem;

// What of a program's output is shown at once.
constexpr std::uint64_t kShownBytesMax = std::uint64_t{256} << 10;
constexpr std::size_t kShownLinesMax = 500;
constexpr std::size_t kLineBytesMax = std::size_t{64} << 10;
constexpr std::size_t kLevelWidth = 5;

fs::path times_path(const fs::path& log) {
  auto path = log;
  path += ".times";
  return path;
}

// What format_log_line has written; nothing for another line.
std::optional<LogLine> parse_log_line(std::string_view line) {
  constexpr std::size_t kDateWidth = 10;
  const auto space = line.find(' ');
  if (space == std::string_view::npos || space <= kDateWidth) return std::nullopt;
  const auto time = parse_instant(line.substr(0, space));
  if (!time) return std::nullopt;
  const auto rest = line.substr(space + 1);
  const auto word = rest.substr(0, std::min(rest.find(' '), rest.size()));
  const auto level = parse_log_level(word);
  if (!level) return std::nullopt;
  return LogLine{*time, *level, std::string{rest.substr(std::min(rest.size(), kLevelWidth + 1))}};
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (const auto level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error}) {
    if (name == weir::name(level)) return level;
  }
  return std::nullopt;
}

std::string format_log_line(const LogLine& line) {
  return fmt::format("{} {:<{}} {}\n", format_instant(line.time), name(line.level), kLevelWidth, line.message);
}

TaskLogReader::TaskLogReader(const fs::path& log, LastLine last_line)
    : log_(log), times_(times_path(log)), last_line_(last_line) {}

std::optional<TaskLogLine> TaskLogReader::next() {
  TaskLogLine line;
  if (!std::getline(log_, line.text)) return std::nullopt;
  if (log_.eof() && last_line_ == LastLine::Unfinished) return std::nullopt;
  line.number = ++number_;
  if (auto ours = parse_log_line(line.text)) {
    line.at = ours->time;
    level_ = ours->level;
    line.text = std::move(ours->message);
  } else if (const auto seen = seen_at(number_)) {
    line.at = seen;
    level_ = LogLevel::Info;
  }
  line.level = level_;
  return line;
}

std::optional<Instant> TaskLogReader::seen_at(std::int64_t number) {
  while (seen_last_ < number) {
    std::string text;
    // A record that is cut off belongs to a process that was killed.
    if (!std::getline(times_, text) || times_.eof()) return std::nullopt;
    std::istringstream words{text};
    std::string instant;
    words >> seen_first_ >> seen_last_ >> instant;
    seen_ = parse_instant(instant).value_or(Instant{});
  }
  return number >= seen_first_ ? std::optional{seen_} : std::nullopt;
}

Result<TaskLogFollower> TaskLogFollower::open(const fs::path& log) {
  Descriptor file{::open(log.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return Error::from_errno(errno, fmt::format("opening log: {}", log.string()));
  TaskLogFollower follower{times_path(log), std::move(file)};
  follower.read_lines(follower.size(), [](std::uint64_t, std::string_view) {});
  return follower;
}

void TaskLogFollower::wrote(std::uint64_t end, std::size_t bytes) { ours_.emplace_back(end - bytes, end); }

// Whether Weir wrote the line that begins there. Lines are asked for in their order.
bool TaskLogFollower::is_ours(std::uint64_t begin) {
  while (!ours_.empty() && ours_.front().second <= begin) ours_.pop_front();
  return !ours_.empty() && ours_.front().first <= begin;
}

std::uint64_t TaskLogFollower::size() const {
  struct stat file {};
  return ::fstat(log_.get(), &file) == 0 ? static_cast<std::uint64_t>(file.st_size) : read_;
}

// Reads on to that size of the file, since a program may write faster than anybody reads, and hands over each line that has
// become whole: its place, and its text, cut off.
template <typename Line>
void TaskLogFollower::read_lines(std::uint64_t size, const Line& line) {
  std::array<char, 65'536> buffer;
  while (read_ < size) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), size - read_);
    const auto got = ::pread(log_.get(), buffer.data(), wanted, static_cast<off_t>(read_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    read_ += static_cast<std::uint64_t>(got);
    std::string_view piece{buffer.data(), static_cast<std::size_t>(got)};
    while (!piece.empty()) {
      const auto end = piece.find('\n');
      const auto part = piece.substr(0, end);
      begun_.append(part.substr(0, kLineBytesMax - begun_.size()));
      begun_bytes_ += part.size();
      if (end == std::string_view::npos) break;
      piece.remove_prefix(end + 1);
      ++number_;
      line(read_ - piece.size() - 1 - begun_bytes_, begun_);
      begun_.clear();
      begun_bytes_ = 0;
    }
  }
}

// Weir's own lines are always among them.
std::vector<TaskLogLine> TaskLogFollower::take(Instant now) {
  const auto size = this->size();
  const auto shown_from = size - std::min(size, kShownBytesMax);
  std::vector<TaskLogLine> lines;
  std::vector<std::size_t> printed;  // which of them are of programs
  std::int64_t first = 0;            // of the lines of programs that are not recorded yet
  read_lines(size, [&](std::uint64_t begin, std::string_view text) {
    const bool is_ours = this->is_ours(begin);
    if (is_ours && first != 0) record(std::exchange(first, 0), number_ - 1, now);
    if (!is_ours && first == 0) first = number_;
    if (!is_ours && begin < shown_from) return;
    if (!is_ours) printed.push_back(lines.size());
    TaskLogLine line{.number = number_, .at = now, .level = LogLevel::Info, .text = {}};
    if (auto ours = parse_log_line(text)) {
      line.at = ours->time;
      line.level = ours->level;
      line.text = std::move(ours->message);
    } else {
      line.text = text;
      if (is_ours) {
        line.at.reset();
        line.level = level_;
      }
    }
    level_ = line.level;
    lines.push_back(std::move(line));
  });
  if (first != 0) record(first, number_, now);
  const auto excess = printed.size() - std::min(printed.size(), kShownLinesMax);
  for (std::size_t i = 0; i < excess; ++i) lines[printed[i]].number = 0;
  if (excess > 0) std::erase_if(lines, [](const auto& line) { return line.number == 0; });
  return lines;
}

std::vector<TaskLogLine> TaskLogFollower::take_rest(Instant now) {
  auto lines = take(now);
  if (begun_bytes_ == 0) return lines;
  ++number_;
  record(number_, number_, now);
  lines.push_back({.number = number_, .at = now, .level = LogLevel::Info, .text = std::exchange(begun_, {})});
  begun_bytes_ = 0;
  return lines;
}

// A time that cannot be kept is none: the line itself is there.
void TaskLogFollower::record(std::int64_t first, std::int64_t last, Instant now) {
  if (!times_) times_.reset(::open(times_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (times_)
    static_cast<void>(write_all(times_.get(), fmt::format("{} {} {}\n", first, last, format_instant(now)),
                                "writing the log's times"));
}

}  // namespace weir::engine
