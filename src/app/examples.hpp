#pragma once

#include <span>
#include <string_view>

namespace weir::app {

// A file of a built-in example; the build makes the list from the folder examples/.
struct ExampleFile {
  std::string_view example;
  std::string_view path;
  std::string_view text;
};

std::span<const ExampleFile> example_files();

}  // namespace weir::app
