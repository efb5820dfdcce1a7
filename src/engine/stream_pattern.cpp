#include "engine/stream_pattern.hpp"

namespace weir::engine {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      pattern.remove_prefix(1);
      for (std::size_t skip = 0; skip <= text.size(); ++skip) {
        if (matches(pattern, text.substr(skip))) return true;
      }
      return false;
    }
    if (text.empty() || text.front() != pattern.front()) return false;
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  return text.empty();
}

}  // namespace

bool is_stream_pattern(std::string_view object) { return object.find('*') != std::string_view::npos; }

bool matches_stream(std::string_view pattern, std::string_view stream) { return matches(pattern, stream); }

bool is_sources_own(std::string_view stream) {
  return stream.starts_with('_') || stream.find("._") != std::string_view::npos;
}

std::string stream_target(std::string_view target, std::string_view stream) {
  std::string name;
  for (const char c : target) {
    if (c != '*') {
      name += c;
      continue;
    }
    for (const char letter : stream) {
      if (letter == '.') {
        name += "__";
      } else {
        name += letter;
      }
    }
  }
  return name;
}

}  // namespace weir::engine
