#pragma once

#include <string>
#include <string_view>

namespace weir::engine {

// Whether the object of a copy's `from` names several streams: it holds a star ("*", "launch*").
bool is_stream_pattern(std::string_view object);
// A star stands for any letters, dots included.
bool matches_stream(std::string_view pattern, std::string_view stream);
// Whether a source keeps it beside the data, such as what it had to leave out: a part begins with "_" ("launches._rejects").
bool is_sources_own(std::string_view stream);
// The table of a stream: its name with "__" for dots, in the place of the target's star.
std::string stream_target(std::string_view target, std::string_view stream);

}  // namespace weir::engine
