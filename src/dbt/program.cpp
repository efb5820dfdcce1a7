#include "dbt/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

#include "services/spawn.hpp"

namespace weir::dbt {
namespace {

namespace fs = std::filesystem;

// The oldest whose artifacts (run_results v6, manifest v12) and command line are those that we read and write.
constexpr int kCoreMajor = 1;
constexpr int kCoreMinorMin = 8;

Error not_found(std::string_view where, std::string_view adapter) {
  return Error::user(Code::NotFound, "dbt is not installed: {}", where)
      .hint(fmt::format("{}; or say where it is: venv: the folder of its virtual environment, or executable: its path",
                        install_command(adapter)));
}

bool is_executable(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

fs::path in_project(const fs::path& project, const std::string& path) {
  return fs::path{path}.is_absolute() ? fs::path{path} : project / path;
}

// Names of installed packages are compared as pip does: in lower case, with "_" for "-".
std::string canonical(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return c == '-' || c == '.' ? '_' : std::tolower(c); });
  return name;
}

// Nothing for a folder that cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry{folder, error};
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

// "dbt_core-1.10.13.dist-info" in <prefix>/lib/python3.x/site-packages, where <prefix>/bin/dbt is the program (Python's
// installation scheme; a link into it, as pipx makes, is followed).
void read_packages(Program& program, std::string_view adapter) {
  std::error_code error;
  const auto real = fs::canonical(program.executable, error);
  if (error) return;
  const auto wanted = canonical(fmt::format("dbt-{}", adapter));
  const auto lib = real.parent_path().parent_path() / "lib";
  for (const auto& python : names_in(lib)) {
    if (!python.starts_with("python3")) continue;
    for (const auto& name : names_in(lib / python / "site-packages")) {
      const auto dash = name.find('-');
      if (dash == std::string::npos || !name.ends_with(".dist-info")) continue;
      const auto version = name.substr(dash + 1, name.size() - dash - 1 - std::string_view{".dist-info"}.size());
      const auto package_name = canonical(name.substr(0, dash));
      if (package_name == "dbt_core") program.core_version = version;
      if (package_name == wanted) program.adapter_version = version;
    }
  }
  program.packages_known = !program.core_version.empty();
}

int number_at(std::string_view version, std::size_t part) {
  for (; part > 0; --part) {
    const auto dot = version.find('.');
    if (dot == std::string_view::npos) return 0;
    version.remove_prefix(dot + 1);
  }
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

Result<fs::path> locate(const ProgramSettings& settings, std::string_view adapter, const fs::path& project,
                        std::string_view search_path) {
  if (!settings.venv.empty()) {
    auto path = in_project(project, settings.venv) / "bin" / "dbt";
    if (!is_executable(path)) return not_found(fmt::format("no {}", path.string()), adapter);
    return path;
  }
  const std::string name = settings.executable.empty() ? "dbt" : settings.executable;
  if (name.find('/') == std::string::npos) {
    auto path = services::find_program(name, search_path);
    if (path.empty()) return not_found(fmt::format("no {} in any folder of PATH", name), adapter);
    return path;
  }
  auto path = in_project(project, name);
  if (!is_executable(path)) return not_found(fmt::format("no program {}", path.string()), adapter);
  return path;
}

}  // namespace

std::string install_command(std::string_view adapter) {
  if (adapter == "clickhouse") return "pip install 'dbt-core==1.10.*' dbt-clickhouse==1.10.3";
  return fmt::format("pip install 'dbt-core==1.10.*' dbt-{}", adapter);
}

Result<Program> find_program(const ProgramSettings& settings, std::string_view adapter, const fs::path& project,
                             std::string_view search_path) {
  Program program;
  program.executable = WEIR_TRY(locate(settings, adapter, project, search_path));
  read_packages(program, adapter);
  return program;
}

Result<void> check_program(const Program& program, std::string_view adapter) {
  if (!program.packages_known) return {};
  const auto& version = program.core_version;
  if (number_at(version, 0) < kCoreMajor ||
      (number_at(version, 0) == kCoreMajor && number_at(version, 1) < kCoreMinorMin)) {
    return Error::user(Code::Unsupported, "dbt-core is too old: {} ({}), and Weir works with 1.8 and later", version,
                       program.executable.string())
        .hint(install_command(adapter));
  }
  if (program.adapter_version.empty()) {
    return Error::user(Code::NotFound, "dbt lacks its adapter for this connection: dbt-{} is not beside {}", adapter,
                       program.executable.string())
        .hint(install_command(adapter));
  }
  return {};
}

}  // namespace weir::dbt
