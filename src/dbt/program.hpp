#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::dbt {

// The user's installed dbt. The versions come from the metadata of the Python packages beside it, without running it;
// "" where they cannot be told (another kind of installation).
struct Program {
  std::filesystem::path executable;
  std::string core_version;
  std::string adapter_version;  // of dbt-<adapter>
  bool packages_known = false;  // the packages beside it could be read: an absent version means absent
};

// Where to look: a virtual environment's folder, a program's name or path; both relative to the project. "" is not given.
struct ProgramSettings {
  std::string executable;
  std::string venv;
};

// Without settings: `dbt` in the search path ("/usr/bin:/bin"). NotFound (the user's to mend) with how to install it.
Result<Program> find_program(const ProgramSettings& settings, std::string_view adapter,
                             const std::filesystem::path& project, std::string_view search_path);

// Refuses a dbt-core below 1.8, whose artifacts and logs are others, and a dbt that lacks the adapter.
Result<void> check_program(const Program& program, std::string_view adapter);

// "pip install dbt-core==1.10.* dbt-clickhouse==1.10.3": versions that are tested with Weir.
std::string install_command(std::string_view adapter);

}  // namespace weir::dbt
