#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::net {

// "%41+b" → "A b" as query strings have it (Plus::IsSpace), or → "A+b" as paths do. Broken escapes stay as they are.
enum class Plus { IsSpace, IsPlus };
std::string decode_percent(std::string_view text, Plus plus);

// "a=1&b=x%3Dy" → {a, 1}, {b, x=y}, in order.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace weir::net
