#include "connectors/postgres/server_log.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>

namespace weir::postgres {
namespace {

struct Line {
  int pid = 0;
  std::string_view severity;
  std::string_view text;
};

// "2026-03-01 12:00:00.000 UTC [4711] ERROR:  text"; nothing when it continues the line before.
std::optional<Line> parse_line(std::string_view line) {
  constexpr std::array<std::string_view, 9> kSeverities{"LOG",  "ERROR",   "FATAL",     "PANIC",  "DETAIL",
                                                        "HINT", "CONTEXT", "STATEMENT", "WARNING"};
  const auto open = line.find('[');
  const auto close = line.find(']', open == std::string_view::npos ? line.size() : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  Line parsed;
  const auto* const end = line.data() + close;
  if (std::from_chars(line.data() + open + 1, end, parsed.pid).ptr != end || parsed.pid == 0) return std::nullopt;
  const auto colon = line.find(":  ", close);
  if (colon == std::string_view::npos) return std::nullopt;
  const auto begin = line.rfind(' ', colon) + 1;
  parsed.severity = line.substr(begin, colon - begin);
  for (const auto known : kSeverities) {
    if (parsed.severity != known) continue;
    parsed.text = line.substr(colon + 3);
    return parsed;
  }
  return std::nullopt;
}

}  // namespace

std::string WorkerError::text() const {
  auto text = message;
  if (!detail.empty()) text += ": " + detail;
  if (!context.empty()) text += fmt::format(" ({})", context);
  return text;
}

bool WorkerError::is_about_connection() const {
  constexpr std::array<std::string_view, 8> kBeginnings{"could not connect to the publisher",
                                                        "could not receive data from WAL stream",
                                                        "could not send",
                                                        "could not start WAL streaming",
                                                        "terminating",
                                                        "could not receive list of",
                                                        "the replication stream",
                                                        "could not fetch table info"};
  for (const auto beginning : kBeginnings) {
    if (message.starts_with(beginning)) return true;
  }
  return false;
}

void SubscriptionLog::append(std::string_view text) {
  rest_ += text;
  std::size_t begin = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos; begin = end + 1, end = rest_.find('\n', begin)) {
    take(std::string_view{rest_}.substr(begin, end - begin));
  }
  rest_.erase(0, begin);
}

void SubscriptionLog::take(std::string_view line) {
  const auto parsed = parse_line(line);
  if (!parsed) return;
  // "logical replication apply worker for subscription "x" has started", said by each worker at its start.
  if (parsed->severity == "LOG" && parsed->text.ends_with(" has started") &&
      parsed->text.find(fmt::format("for subscription \"{}\"", subscription_)) != std::string_view::npos) {
    workers_.insert(parsed->pid);
  }
  if (!workers_.contains(parsed->pid)) return;
  if (parsed->severity == "WARNING" || parsed->severity == "ERROR" || parsed->severity == "FATAL") {
    last_words_ = parsed->text;
    last_hint_.clear();
  }
  if (parsed->severity == "HINT") last_hint_ = parsed->text;
  if (parsed->severity == "ERROR" || parsed->severity == "FATAL") {
    errors_.push_back({.pid = parsed->pid, .message = std::string{parsed->text}, .detail = {}, .context = {}});
  } else if (!errors_.empty() && errors_.back().pid == parsed->pid) {
    if (parsed->severity == "DETAIL") errors_.back().detail = parsed->text;
    if (parsed->severity == "CONTEXT") errors_.back().context = parsed->text;
  }
}

std::string SubscriptionLog::last_words() const {
  return last_hint_.empty() ? last_words_ : fmt::format("{} ({})", last_words_, last_hint_);
}

LogTail::LogTail(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code missing;
  const auto size = file_.empty() ? 0 : std::filesystem::file_size(file_, missing);
  if (!missing) offset_ = size;
}

bool LogTail::readable() const { return !file_.empty() && std::ifstream{file_}.is_open(); }

std::string LogTail::read() {
  std::error_code missing;
  const auto size = file_.empty() ? 0 : std::filesystem::file_size(file_, missing);
  if (missing || size == offset_) return {};
  if (size < offset_) offset_ = 0;  // a new file of this name
  std::ifstream file{file_, std::ios::binary};
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string text(size - offset_, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  offset_ += text.size();
  return text;
}

}  // namespace weir::postgres
