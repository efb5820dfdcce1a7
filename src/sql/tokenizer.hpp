#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::sql {

// Whose rules of quoting hold (https://www.postgresql.org/docs/current/sql-syntax-lexical.html,
// https://clickhouse.com/docs/sql-reference/syntax). PostgreSql: comments nest, a backslash escapes only in E'…'.
// ClickHouse: a backslash always escapes, `names` in backticks, comments from # too.
enum class Quoting { PostgreSql, ClickHouse };

enum class TokenKind {
  Space,
  Comment,
  Word,        // a keyword or a plain name
  QuotedName,  // "name" or `name`
  Text,        // 'text', E'text', $tag$text$tag$
  Number,
  Symbol,  // any other character
  Semicolon,
};

// A piece of the text; all pieces together are the text. One that the text's end cuts off is not complete.
struct Token {
  TokenKind kind = TokenKind::Space;
  std::string_view text;
  bool complete = true;
};

std::vector<Token> tokenize(std::string_view sql, Quoting quoting);

// One statement of a script, without its semicolon and the space and comments around it.
struct Statement {
  std::string_view text;
  int line = 1;  // where it begins, from 1
  std::string
      keyword;  // its first word in capitals, behind comments and parentheses: "SELECT", "INSERT"; "" when it has none
};

// Statements end at semicolons outside of parentheses and of a function's BEGIN ATOMIC … END. Empty ones are left out.
std::vector<Statement> split_statements(std::string_view sql, Quoting quoting);

}  // namespace weir::sql
