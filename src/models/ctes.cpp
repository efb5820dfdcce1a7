#include "models/ctes.hpp"

#include <fmt/format.h>

#include <cctype>

namespace weir::models {

namespace {

// The position of the first token: after blanks, -- comments and /* */ comments.
std::size_t first_token(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    if (std::isspace(static_cast<unsigned char>(sql[at])) != 0) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      const auto end = sql.find("*/", at + 2);
      at = end == std::string_view::npos ? sql.size() : end + 2;
    } else {
      break;
    }
  }
  return at;
}

bool starts_with_word(std::string_view sql, std::string_view word) {
  if (sql.size() <= word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(sql[i])) != word[i]) return false;
  }
  const auto next = static_cast<unsigned char>(sql[word.size()]);
  return std::isalnum(next) == 0 && next != '_';
}

}  // namespace

std::string cte_name(std::string_view model) { return fmt::format("__dbt__cte__{}", model); }

std::string with_ctes(std::string_view select, const std::vector<Cte>& ctes) {
  if (ctes.empty()) return std::string(select);
  std::string list;
  for (const auto& cte : ctes) {
    if (!list.empty()) list += ",\n";
    list += fmt::format("{} as (\n{}\n)", cte.name, cte.select);
  }
  const auto at = first_token(select);
  const auto head = select.substr(0, at);
  auto rest = select.substr(at);
  if (!starts_with_word(rest, "with")) return fmt::format("{}with {}\n{}", head, list, rest);
  rest.remove_prefix(4);
  rest.remove_prefix(first_token(rest));
  std::string_view recursive;
  if (starts_with_word(rest, "recursive")) {
    recursive = "recursive ";
    rest.remove_prefix(9);
    rest.remove_prefix(first_token(rest));
  }
  return fmt::format("{}with {}{},\n{}", head, recursive, list, rest);
}

}  // namespace weir::models
