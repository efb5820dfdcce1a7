#include "program.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "base/check.hpp"
#include "base/file.hpp"

namespace weir::golden {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCommands = "commands.txt";

std::string run(const fs::path& folder, const std::string& arguments) {
  const auto command = fmt::format("cd '{}' && NO_COLOR=1 '{}' {} 2>&1", folder.string(), WEIR_BINARY, arguments);
  auto* pipe = ::popen(command.c_str(), "r");
  WEIR_CHECK(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  return fmt::format("$ weir {}\n{}exit {}\n\n", arguments, output, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

}  // namespace

bool has_commands(const fs::path& folder) { return fs::exists(folder / kCommands); }

std::string show_commands(const fs::path& folder) {
  constexpr std::string_view kIn = "in ";
  const auto text = read_file(folder / kCommands);
  WEIR_CHECK(text.ok());
  std::istringstream lines(*text);
  auto place = folder;
  std::string shown;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kIn)) {
      place = fs::path{WEIR_SOURCE_DIR} / line.substr(kIn.size());
    } else {
      shown += run(place, line);
    }
  }
  return shown;
}

}  // namespace weir::golden
