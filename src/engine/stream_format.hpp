#pragma once

#include <string_view>

#include "base/setting.hpp"

namespace weir::engine {

// The format of files that are taken as they are, into other files.
inline constexpr std::string_view kBytesFormat = "bytes";

// Whether a stream of an API, or one that fits a pattern, is a file of this format by its resource's `format`. `connection`
// is the API's settings; other connections have no such streams.
bool has_format(const Settings& connection, std::string_view stream, std::string_view format);

}  // namespace weir::engine
