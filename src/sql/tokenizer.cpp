#include "sql/tokenizer.hpp"

#include <algorithm>
#include <utility>

namespace weir::sql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Every byte of a character outside of ASCII belongs to a name.
bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool in_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string upper(std::string_view text) {
  std::string result{text};
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return result;
}

enum class Backslash { Plain, Escapes };

class Tokenizer {
 public:
  Tokenizer(std::string_view sql, Quoting quoting) : sql_(sql), quoting_(quoting) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (at_ < sql_.size()) {
      const auto begin = at_;
      complete_ = true;
      const auto kind = next();
      tokens.push_back({kind, sql_.substr(begin, at_ - begin), complete_});
    }
    return tokens;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  // Moves behind what comes next and says what it was.
  TokenKind next() {
    const char c = peek();
    if (is_space(c)) return skip_while(is_space), TokenKind::Space;
    if (c == '-' && peek(1) == '-') return line_comment();
    if (c == '#' && quoting_ == Quoting::ClickHouse && (peek(1) == ' ' || peek(1) == '!')) return line_comment();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (c == '\'') return quoted('\'', text_backslash()), TokenKind::Text;
    if ((c == 'E' || c == 'e') && peek(1) == '\'') {
      ++at_;
      return quoted('\'', Backslash::Escapes), TokenKind::Text;
    }
    if (c == '"') return quoted('"', text_backslash()), TokenKind::QuotedName;
    if (c == '`' && quoting_ == Quoting::ClickHouse) return quoted('`', Backslash::Escapes), TokenKind::QuotedName;
    if (c == '$' && dollar_quoted()) return TokenKind::Text;
    if (starts_word(c)) return skip_while(in_word), TokenKind::Word;
    if (is_digit(c)) return number();
    ++at_;
    return c == ';' ? TokenKind::Semicolon : TokenKind::Symbol;
  }

  Backslash text_backslash() const { return quoting_ == Quoting::ClickHouse ? Backslash::Escapes : Backslash::Plain; }

  template <typename Predicate>
  void skip_while(const Predicate& predicate) {
    while (at_ < sql_.size() && predicate(sql_[at_])) ++at_;
  }

  TokenKind line_comment() {
    at_ = std::min(sql_.find('\n', at_), sql_.size());
    return TokenKind::Comment;
  }

  TokenKind block_comment() {
    int depth = 0;
    while (at_ < sql_.size()) {
      if (peek() == '/' && peek(1) == '*') {
        depth = quoting_ == Quoting::PostgreSql ? depth + 1 : 1;
        at_ += 2;
      } else if (peek() == '*' && peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return TokenKind::Comment;
      } else {
        ++at_;
      }
    }
    complete_ = false;
    return TokenKind::Comment;
  }

  // A doubled quote stands for itself.
  void quoted(char quote, Backslash backslash) {
    ++at_;
    while (at_ < sql_.size()) {
      const char c = sql_[at_++];
      if (c == '\\' && backslash == Backslash::Escapes && at_ < sql_.size()) {
        ++at_;
      } else if (c == quote) {
        if (peek() != quote) return;
        ++at_;
      }
    }
    complete_ = false;
  }

  // $$ … $$ or $tag$ … $tag$; "$1" is no quote.
  bool dollar_quoted() {
    auto end = at_ + 1;
    while (end < sql_.size() && sql_[end] != '$' && in_word(sql_[end])) ++end;
    if (end >= sql_.size() || sql_[end] != '$' || is_digit(sql_[at_ + 1])) return false;
    const auto tag = sql_.substr(at_, end + 1 - at_);
    const auto close = sql_.find(tag, end + 1);
    complete_ = close != std::string_view::npos;
    at_ = complete_ ? close + tag.size() : sql_.size();
    return true;
  }

  TokenKind number() {
    skip_while([](char c) { return is_digit(c) || c == '.' || starts_word(c); });
    // 1e-5: the sign belongs to the exponent.
    const char before = sql_[at_ - 1];
    if ((before == 'e' || before == 'E') && (peek() == '-' || peek() == '+') && is_digit(peek(1))) {
      ++at_;
      skip_while(is_digit);
    }
    return TokenKind::Number;
  }

  std::string_view sql_;
  Quoting quoting_;
  std::size_t at_ = 0;
  bool complete_ = true;
};

bool is_blank(const Token& token) { return token.kind == TokenKind::Space || token.kind == TokenKind::Comment; }

// Follows a statement to know whether a semicolon ends it.
class Nesting {
 public:
  void see(const Token& token) {
    if (token.kind == TokenKind::Symbol && token.text == "(") ++parentheses_;
    if (token.kind == TokenKind::Symbol && token.text == ")" && parentheses_ > 0) --parentheses_;
    if (token.kind != TokenKind::Word) return;
    auto word = upper(token.text);
    if (word == "ATOMIC" && last_word_ == "BEGIN") ++blocks_;
    if (blocks_ > 0 && word == "CASE") ++blocks_;
    if (blocks_ > 0 && word == "END") --blocks_;
    last_word_ = std::move(word);
  }
  bool outermost() const { return parentheses_ == 0 && blocks_ == 0; }

 private:
  int parentheses_ = 0;
  int blocks_ = 0;
  std::string last_word_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view sql, Quoting quoting) { return Tokenizer{sql, quoting}.run(); }

std::vector<Statement> split_statements(std::string_view sql, Quoting quoting) {
  std::vector<Statement> statements;
  Statement statement;
  Nesting nesting;
  const char* begin = nullptr;
  const char* end = nullptr;
  int line = 1;
  const auto finish = [&] {
    if (begin != nullptr) {
      statement.text = std::string_view{begin, static_cast<std::size_t>(end - begin)};
      statements.push_back(std::move(statement));
    }
    statement = {};
    nesting = {};
    begin = nullptr;
  };
  for (const auto& token : tokenize(sql, quoting)) {
    nesting.see(token);
    if (token.kind == TokenKind::Semicolon && nesting.outermost()) {
      finish();
    } else if (!is_blank(token)) {
      if (begin == nullptr) {
        begin = token.text.data();
        statement.line = line;
      }
      end = token.text.data() + token.text.size();
      if (token.kind == TokenKind::Word && statement.keyword.empty()) statement.keyword = upper(token.text);
    }
    line += static_cast<int>(std::ranges::count(token.text, '\n'));
  }
  finish();
  return statements;
}

}  // namespace weir::sql
