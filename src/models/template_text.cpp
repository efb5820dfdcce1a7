#include "models/template_text.hpp"

#include <algorithm>
#include <regex>

namespace weir::models {

namespace {

using Iterator = std::regex_iterator<std::string_view::const_iterator>;
using Match = std::match_results<std::string_view::const_iterator>;

Place place_at(std::string_view file, std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line_begin = before.rfind('\n');
  return {std::string(file), static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(line_begin == std::string_view::npos ? offset + 1 : offset - line_begin)};
}

std::string escaped(std::string_view text) {
  static const std::regex kSpecial(R"([.^$|()\[\]{}*+?\\])");
  return std::regex_replace(std::string(text), kSpecial, R"(\$&)");
}

}  // namespace

bool holds_macros(const project::SqlFile& file) {
  return file.kind == project::SqlFile::Kind::Macro ||
         (file.kind == project::SqlFile::Kind::SingularTest && file.path_below_root().starts_with("generic/"));
}

std::vector<std::string> macro_names(std::string_view text) {
  static const std::regex kMacro(R"(\{%[-+]?\s*(macro|test)\s+(\w+))");
  std::vector<std::string> names;
  for (Iterator match(text.begin(), text.end(), kMacro); match != Iterator(); ++match) {
    names.push_back((*match)[1] == "test" ? "test_" + (*match)[2].str() : (*match)[2].str());
  }
  return names;
}

Place place_of_call(std::string_view file, std::string_view text, std::string_view call, std::string_view name) {
  const std::regex pattern("\\b" + std::string(call) + R"(\s*\((?:[^()]*,)?\s*['"])" + escaped(name) + R"(['"]\s*\))");
  Match match;
  if (!std::regex_search(text.begin(), text.end(), match, pattern)) return {std::string(file), 0, 0};
  return place_at(file, text, static_cast<std::size_t>(match.position()));
}

Place place_of_word(std::string_view file, std::string_view text, std::string_view word) {
  const auto offset = text.find(word);
  if (offset == std::string_view::npos) return {std::string(file), 0, 0};
  return place_at(file, text, offset);
}

}  // namespace weir::models
