#include "connectors/postgres/statement.hpp"

#include <algorithm>
#include <cctype>

namespace weir::postgres {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::string doubled(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

std::size_t end_of_quoted(std::string_view sql, std::size_t at, bool backslash_escapes) {
  const char quote = sql[at];
  for (++at; at < sql.size(); ++at) {
    if (sql[at] == '\\' && backslash_escapes) {
      ++at;
    } else if (sql[at] == quote) {
      return at + 1;  // a doubled quote begins the next part at once
    }
  }
  return sql.size();
}

std::size_t end_of_block_comment(std::string_view sql, std::size_t at) {
  int depth = 0;  // they nest
  while (at < sql.size()) {
    if (sql.substr(at, 2) == "/*") {
      ++depth;
      at += 2;
    } else if (sql.substr(at, 2) == "*/") {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return sql.size();
}

// $tag$ … $tag$; nothing to skip when it is a parameter such as $1.
std::size_t end_of_dollar_quoted(std::string_view sql, std::size_t at) {
  auto tag_end = at + 1;
  while (tag_end < sql.size() && is_word(sql[tag_end])) ++tag_end;
  const auto is_tag =
      tag_end < sql.size() && sql[tag_end] == '$' && std::isdigit(static_cast<unsigned char>(sql[at + 1])) == 0;
  if (!is_tag) return at + 1;
  const auto tag = sql.substr(at, tag_end + 1 - at);
  const auto close = sql.find(tag, tag_end + 1);
  return close == std::string_view::npos ? sql.size() : close + tag.size();
}

bool is_space_or_comment(std::string_view sql, std::size_t at) {
  const auto two = sql.substr(at, 2);
  return std::isspace(static_cast<unsigned char>(sql[at])) != 0 || two == "--" || two == "/*";
}

// The end of the token, comment or space that begins at `at`.
std::size_t end_of_part(std::string_view sql, std::size_t at) {
  const auto two = sql.substr(at, 2);
  if (two == "--") return std::min(sql.find('\n', at), sql.size());
  if (two == "/*") return end_of_block_comment(sql, at);
  if (sql[at] == '\'' || sql[at] == '"') {
    const auto escapes =
        sql[at] == '\'' && at > 0 && (sql[at - 1] == 'E' || sql[at - 1] == 'e') && (at == 1 || !is_word(sql[at - 2]));
    return end_of_quoted(sql, at, escapes);
  }
  if (sql[at] == '$' && (at == 0 || !is_word(sql[at - 1]))) return end_of_dollar_quoted(sql, at);
  return at + 1;
}

}  // namespace

std::string_view trim_statement(std::string_view sql) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < sql.size();) {
    const auto next = end_of_part(sql, at);
    if (!is_space_or_comment(sql, at) && sql[at] != ';') end = next;
    at = next;
  }
  return sql.substr(0, end);
}

std::string first_keyword(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size() && is_space_or_comment(sql, at)) at = end_of_part(sql, at);
  if (at == sql.size()) return "";
  auto end = at;
  while (end < sql.size() && is_word(sql[end])) ++end;
  std::string word(sql.substr(at, std::max<std::size_t>(end - at, 1)));
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return word;
}

std::string cut_name(std::string_view name, std::size_t bytes_max) {
  auto size = std::min(name.size(), bytes_max);
  while (size > 0 && size < name.size() && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
  return std::string{name.substr(0, size)};
}

std::string quote_identifier(std::string_view identifier) { return doubled(identifier, '"'); }

std::string quote_literal(std::string_view text) { return doubled(text, '\''); }

}  // namespace weir::postgres
