#include "dbt/log_line.hpp"

#include "base/json.hpp"

namespace weir::dbt {
namespace {

LogLevel level_of(std::string_view text) {
  if (text == "debug") return LogLevel::Debug;
  if (text == "warn" || text == "warning") return LogLevel::Warn;
  return text == "error" || text == "critical" ? LogLevel::Error : LogLevel::Info;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

std::optional<LogLine> read_log_line(std::string_view text, Instant now) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  const auto json = parse_json(text);
  const auto info = json.ok() && json->is_object() ? json->find("info") : Json::const_iterator{};
  if (!json.ok() || !json->is_object() || info == json->end() || !info->is_object()) {
    return LogLine{now, LogLevel::Warn, std::string{text}};
  }
  const auto message = text_at(*info, "msg");
  if (trimmed(message).empty()) return std::nullopt;
  return LogLine{parse_instant(text_at(*info, "ts")).value_or(now), level_of(text_at(*info, "level")),
                 std::string{trimmed(message)}};
}

}  // namespace weir::dbt
