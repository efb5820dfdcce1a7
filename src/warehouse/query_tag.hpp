#pragma once

#include <optional>
#include <string>
#include <string_view>

// The engine's query ids cannot be set. So that a statement can be found in system.processes all the same, by us and by
// clients that ask for its id, it ends in a comment: /*weir:<tag> id:<query id>*/.
namespace weir::warehouse {

// On a line of its own: the text may end in a comment.
std::string tag_statement(std::string_view text, std::string_view tag, std::string_view query_id);
// The condition on `query` in system.processes that is true for what carries the mark, and false for itself.
std::string matches_tag(std::string_view tag);
// KILL QUERY WHERE query_id = '…' as a statement that finds it by our comment; nothing for other statements.
std::optional<std::string> rewrite_kill(std::string_view sql);

}  // namespace weir::warehouse
