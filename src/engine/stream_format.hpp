#pragma once

#include <string_view>

#include "base/setting.hpp"

namespace weir::engine {

// The format of files that are taken as they are, into other files.
inline constexpr std::string_view kBytesFormat = "bytes";

// Whether a stream of an API, or one that fits a pattern, is a file of this format by its resource's `format`. `connection`
// is the API's settings; other connections have no such streams.
bool has_format(const Settings& connection, std::string_view stream, std::string_view format);

// Whether a copy reads its stream as it is. `connection` is that of the stream, null for a file of the project; `options` are
// the copy's of what it reads, which tell of a file only.
bool reads_bytes(const Settings* connection, std::string_view stream, const Json& options);

}  // namespace weir::engine
