#include "warehouse/query_tag.hpp"

#include <fmt/format.h>

#include <vector>

#include "warehouse/sql_tokens.hpp"

namespace weir::warehouse {
namespace {

// A client chooses its ids: what could end the comment or a string is written as its number.
std::string harmless(std::string_view id) {
  std::string text;
  for (const char byte : id) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       byte == '-' || byte == '_' || byte == '.' || byte == ':';
    if (plain) {
      text += byte;
    } else {
      text += fmt::format("%{:02x}", static_cast<unsigned char>(byte));
    }
  }
  return text;
}

std::string id_mark(std::string_view query_id) { return fmt::format("id:{}*/", harmless(query_id)); }

}  // namespace

std::string tag_statement(std::string_view text, std::string_view tag, std::string_view query_id) {
  return fmt::format("{}\n/*weir:{} {}", text, tag, id_mark(query_id));
}

std::string matches_tag(std::string_view tag) {
  const auto half = tag.size() / 2;
  return fmt::format("position(query, '{}' || '{}') > 0", tag.substr(0, half), tag.substr(half));
}

std::optional<std::string> rewrite_kill(std::string_view sql) {
  SqlLexer lexer(sql);
  std::vector<SqlToken> tokens;
  for (auto token = lexer.next(); token.kind != SqlToken::Kind::End; token = lexer.next()) {
    if (token.kind == SqlToken::Kind::Broken || tokens.size() > 8) return std::nullopt;
    tokens.push_back(token);
  }
  const bool by_id = tokens.size() >= 6 && tokens[0].is_word("KILL") && tokens[1].is_word("QUERY") &&
                     tokens[2].is_word("WHERE") && tokens[3].is_word("QUERY_ID") && tokens[4].is('=') &&
                     tokens[5].kind == SqlToken::Kind::String;
  if (!by_id) return std::nullopt;
  // What follows is SYNC, ASYNC or TEST. SYNC can hang in the engine, so it is not passed on.
  const bool test = tokens.size() > 6 && tokens[6].is_word("TEST");
  return fmt::format("KILL QUERY WHERE {} {}", matches_tag(id_mark(unquote(tokens[5]))), test ? "TEST" : "ASYNC");
}

}  // namespace weir::warehouse
