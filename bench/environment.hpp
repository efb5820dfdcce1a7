#pragma once

#include <filesystem>

#include "base/json.hpp"

namespace weir::bench {

// What a figure depends on besides the code: the machine, the compiler, the versions, the commit.
Json environment(const std::filesystem::path& source);

}  // namespace weir::bench
