#include "engine/stream_format.hpp"

#include <algorithm>

#include "engine/stream_pattern.hpp"

namespace weir::engine {

bool has_format(const Settings& connection, std::string_view stream, std::string_view format) {
  const auto& resources = connection.json("resources");
  if (!resources.is_object()) return false;
  return std::ranges::any_of(resources.items(), [&](const auto& resource) {
    const auto& settings = resource.value();
    return settings.is_object() && settings.value("format", Json(nullptr)) == format &&
           matches_stream(stream, resource.key());
  });
}

bool reads_bytes(const Settings* connection, std::string_view stream, const Json& options) {
  if (connection != nullptr) return has_format(*connection, stream, kBytesFormat);
  return options.is_object() && options.value("format", Json(nullptr)) == kBytesFormat;
}

}  // namespace weir::engine
