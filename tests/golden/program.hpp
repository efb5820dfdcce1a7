#pragma once

#include <filesystem>
#include <string>

namespace weir::golden {

// A case with a file commands.txt: what the program itself says. Each line is the arguments of one `weir`, run in the
// case's folder, or in another one of the sources after a line "in FOLDER".
bool has_commands(const std::filesystem::path& folder);

// Every command with its output and exit code, as a reader of a terminal without colours would see them.
std::string show_commands(const std::filesystem::path& folder);

}  // namespace weir::golden
