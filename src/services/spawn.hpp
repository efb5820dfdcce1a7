#pragma once

#include <sys/types.h>

#include "base/file.hpp"
#include "services/process.hpp"

namespace weir::services {

struct Spawned {
  pid_t pid = 0;
  Descriptor pidfd;
};

// Has the spawner thread start the program. Thread-safe.
Result<Spawned> spawn_program(const ProcessSpec& spec);

// The path of a program that is named without a slash; "" when no folder of `search_path` ("/bin:/usr/bin") has it.
std::filesystem::path find_program(const std::string& name, std::string_view search_path);

}  // namespace weir::services
