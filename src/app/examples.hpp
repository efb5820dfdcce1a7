#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace weir::app {

// A file of a built-in example; the build makes the list from the folder examples/.
struct ExampleFile {
  std::string_view example;
  std::string_view path;
  std::string_view text;           // or a zstd frame of it
  std::size_t bytes_unpacked = 0;  // 0: the text is as it is
};

std::span<const ExampleFile> example_files();

}  // namespace weir::app
