#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::warehouse {

// One token of ClickHouse's SQL; comments and white space yield none.
struct SqlToken {
  enum class Kind : std::uint8_t {
    Word,        // select, t1, $x
    QuotedName,  // `a b`, "a b", “a b”
    String,      // 'text', $tag$text$tag$, ‘text’
    Number,
    Symbol,  // one byte
    End,
    Broken,  // a quote, a comment or a heredoc without its end
  };
  Kind kind = Kind::End;
  std::string_view text;  // quotes included
  std::size_t begin = 0;  // in the SQL
  std::size_t end = 0;

  bool is(char symbol) const { return kind == Kind::Symbol && text[0] == symbol; }
  // Keywords compare without case; `word` is upper case.
  bool is_word(std::string_view word) const;
  bool is_name() const { return kind == Kind::Word || kind == Kind::QuotedName; }
};

// Cuts SQL into tokens the way ClickHouse's own lexer does (src/Parsers/Lexer.cpp): what looks like a statement to us and
// like data or a comment to the engine, or the other way round, would be a hole in the gate.
class SqlLexer {
 public:
  explicit SqlLexer(std::string_view sql) : sql_(sql) {}
  SqlToken next();
  // Whether the text ends at that position.
  bool at_end_of(std::size_t position) const { return position >= sql_.size(); }

 private:
  void skip_blanks_and_comments();
  SqlToken token(SqlToken::Kind kind, std::size_t end);
  SqlToken quoted(SqlToken::Kind kind, char quote);
  SqlToken enclosed(SqlToken::Kind kind, std::string_view open, std::string_view close);
  bool starts_with(std::string_view text) const { return sql_.substr(at_).starts_with(text); }

  std::string_view sql_;
  std::size_t at_ = 0;
  bool broken_comment_ = false;
};

// 'it\'s' → it's. Heredocs and other kinds of quotes lose their ends only.
std::string unquote(const SqlToken& token);
// The text between two of these quotes, with a backslash before quotes and backslashes in it.
std::string quote(std::string_view text, char quote);

}  // namespace weir::warehouse
