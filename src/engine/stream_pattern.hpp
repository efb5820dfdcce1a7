#pragma once

#include <string>
#include <string_view>

namespace weir::engine {

// Whether the object of a copy's `from` names several streams: it holds a star ("*", "launch*").
bool is_stream_pattern(std::string_view object);
// A star stands for any letters, dots included. Streams that a source keeps for itself (a part begins with "_", such as
// "launches._rejects") match only a pattern that names them so.
bool matches_stream(std::string_view pattern, std::string_view stream);
// The table of a stream: its name with "__" for dots, in the place of the target's star.
std::string stream_target(std::string_view target, std::string_view stream);

}  // namespace weir::engine
