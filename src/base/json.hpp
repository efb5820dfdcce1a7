#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.hpp"

// Compiled once, in json.cpp, rather than wherever it is used.
extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace weir {

// JSON with its keys in the order in which they were written, so that what people read stays in our order.
using Json = nlohmann::ordered_json;

// The one way text becomes Json: no exception, InvalidData with the byte position on a mistake.
Result<Json> parse_json(std::string_view text);
// On one line; invalid UTF-8 is replaced rather than refused, since logs must always be writable.
std::string to_text(const Json& json);

}  // namespace weir
