#include "warehouse/sql_tokens.hpp"

#include <algorithm>

namespace weir::warehouse {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
bool is_word_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || is_digit(byte) || byte == '_';
}
bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f' || byte == '\v' || byte == '\0';
}
char upper(char byte) { return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte; }

}  // namespace

bool SqlToken::is_word(std::string_view word) const {
  return kind == Kind::Word && std::equal(text.begin(), text.end(), word.begin(), word.end(),
                                          [](char ours, char theirs) { return upper(ours) == theirs; });
}

void SqlLexer::skip_blanks_and_comments() {
  for (;;) {
    while (at_ < sql_.size() && is_blank(sql_[at_])) ++at_;
    const bool line = starts_with("--") || starts_with("# ") || starts_with("#!");
    if (!line && !starts_with("/*")) return;
    // Comments of several lines do not nest in ClickHouse.
    const auto close = line ? sql_.find('\n', at_) : sql_.find("*/", at_ + 2);
    if (close == std::string_view::npos) {
      broken_comment_ = !line;
      if (line) at_ = sql_.size();
      return;
    }
    at_ = close + (line ? 1 : 2);
  }
}

SqlToken SqlLexer::token(SqlToken::Kind kind, std::size_t end) {
  SqlToken token{kind, sql_.substr(at_, end - at_), at_, end};
  at_ = end;
  return token;
}

// A quote inside is doubled or escaped by a backslash.
SqlToken SqlLexer::quoted(SqlToken::Kind kind, char quote) {
  for (auto i = at_ + 1; i < sql_.size(); ++i) {
    if (sql_[i] == '\\') {
      ++i;
    } else if (sql_[i] == quote) {
      if (i + 1 < sql_.size() && sql_[i + 1] == quote) {
        ++i;
      } else {
        return token(kind, i + 1);
      }
    }
  }
  return token(SqlToken::Kind::Broken, sql_.size());
}

SqlToken SqlLexer::enclosed(SqlToken::Kind kind, std::string_view open, std::string_view close) {
  const auto found = sql_.find(close, at_ + open.size());
  if (found == std::string_view::npos) return token(SqlToken::Kind::Broken, sql_.size());
  return token(kind, found + close.size());
}

SqlToken SqlLexer::next() {
  using Kind = SqlToken::Kind;
  skip_blanks_and_comments();
  if (broken_comment_) return token(Kind::Broken, sql_.size());
  if (at_ >= sql_.size()) return token(Kind::End, at_);
  const char first = sql_[at_];
  if (first == '\'') return quoted(Kind::String, '\'');
  if (first == '`') return quoted(Kind::QuotedName, '`');
  if (first == '"') return quoted(Kind::QuotedName, '"');
  if (starts_with("\u2018")) return enclosed(Kind::String, "\u2018", "\u2019");
  if (starts_with("\u201c")) return enclosed(Kind::QuotedName, "\u201c", "\u201d");
  auto end = at_ + 1;
  if (first == '$') {
    while (end < sql_.size() && is_word_byte(sql_[end])) ++end;
    if (end < sql_.size() && sql_[end] == '$') {
      const auto tag = sql_.substr(at_, end + 1 - at_);
      // Without its end it is an ordinary word to ClickHouse.
      if (sql_.find(tag, end + 1) != std::string_view::npos) return enclosed(Kind::String, tag, tag);
    }
    end = at_ + 1;
  }
  if (is_digit(first)) {
    while (end < sql_.size() && is_word_byte(sql_[end])) ++end;
    return token(Kind::Number, end);
  }
  if (is_word_byte(first) || first == '$') {
    while (end < sql_.size() && (is_word_byte(sql_[end]) || sql_[end] == '$')) ++end;
    return token(Kind::Word, end);
  }
  return token(Kind::Symbol, end);
}

std::string unquote(const SqlToken& token) {
  auto text = token.text;
  if (text.starts_with("\u2018") || text.starts_with("\u201c")) return std::string(text.substr(3, text.size() - 6));
  if (text.starts_with('$') && token.kind == SqlToken::Kind::String) {
    const auto tag = text.find('$', 1) + 1;
    return std::string(text.substr(tag, text.size() - 2 * tag));
  }
  if (token.kind != SqlToken::Kind::String && token.kind != SqlToken::Kind::QuotedName) return std::string(text);
  const char quote = text[0];
  text = text.substr(1, text.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == '\\' || text[i] == quote) && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

std::string quote(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char byte : text) {
    if (byte == quote || byte == '\\') quoted += '\\';
    quoted += byte;
  }
  return quoted += quote;
}

}  // namespace weir::warehouse
