#pragma once

#include <string>
#include <string_view>

// The little that the connector has to know about SQL text: no more than where it ends and how it begins.
namespace weir::postgres {

// Without semicolons, comments and spaces after its last token.
std::string_view trim_statement(std::string_view sql);

// The first word in upper case: "SELECT"; "(" when it begins with a parenthesis; "" when there is none.
std::string first_keyword(std::string_view sql);

// PostgreSQL cuts names at 63 bytes; this cuts earlier where asked, never inside a UTF-8 character.
constexpr std::size_t kNameBytesMax = 63;
std::string cut_name(std::string_view name, std::size_t bytes_max);

std::string quote_identifier(std::string_view identifier);
std::string quote_literal(std::string_view text);

}  // namespace weir::postgres
