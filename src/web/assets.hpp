#pragma once

#include <span>
#include <string_view>

namespace weir::web {

// A file of the built UI (ui/dist), gzipped; the build makes the list (embed_ui.cmake).
struct Asset {
  std::string_view path;  // "index.html", "assets/index-B1x2.js"
  std::string_view gzip;
  std::string_view hash;  // of its content, for ETag
};

// Empty when the UI was not built before Weir was.
std::span<const Asset> assets();

}  // namespace weir::web
