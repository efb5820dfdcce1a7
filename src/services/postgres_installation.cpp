#include "services/postgres_installation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "services/process.hpp"
#include "services/spawn.hpp"

namespace weir::services {
namespace {

using std::filesystem::path;

// The first line that a program prints; "" when it cannot be run.
std::string first_line_of(const path& program, const std::string& argument) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "";
  const Descriptor reading{ends[0]};
  Descriptor writing{ends[1]};
  ProcessSpec spec;
  spec.program = program;
  spec.arguments = {argument};
  spec.stdout_fd = writing.get();
  spec.folder = "/";
  auto process = Process::spawn(spec);
  if (!process.ok()) return "";
  writing.reset();
  std::string text;
  char buffer[1024];
  for (ssize_t got = 0; (got = ::read(reading.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return process->wait().ok() ? text.substr(0, text.find('\n')) : "";
}

bool has_server(const path& folder) {
  return ::access((folder / "initdb").c_str(), X_OK) == 0 && ::access((folder / "postgres").c_str(), X_OK) == 0;
}

// The subfolders NAME/bin of a folder.
std::vector<path> versions_under(const path& folder, const std::string& prefix) {
  std::vector<path> found;
  std::error_code missing;
  for (std::filesystem::directory_iterator entry{folder, missing}, end; !missing && entry != end;
       entry.increment(missing)) {
    if (entry->path().filename().string().starts_with(prefix)) found.push_back(entry->path() / "bin");
  }
  return found;
}

std::string search_path() {
  const char* text = std::getenv("PATH");
  return text == nullptr ? "" : text;
}

std::vector<path> candidate_folders() {
  if (const char* asked = std::getenv("WEIR_POSTGRES_BIN"); asked != nullptr && *asked != '\0') return {asked};
  auto folders = versions_under("/usr/lib/postgresql", "");                                    // Debian, Ubuntu
  for (auto& folder : versions_under("/usr", "pgsql-")) folders.push_back(std::move(folder));  // the PGDG rpm packages
  folders.insert(folders.end(), {"/usr/local/pgsql/bin", "/usr/libexec/postgresql", "/usr/bin"});
  if (const auto initdb = find_program("initdb", search_path()); !initdb.empty())
    folders.push_back(initdb.parent_path());
  // Asked last, as it may be a slow wrapper, and only when nobody says where to look.
  if (std::none_of(folders.begin(), folders.end(), has_server)) {
    if (const auto config = find_program("pg_config", search_path()); !config.empty()) {
      folders.emplace_back(first_line_of(config, "--bindir"));
    }
  }
  return folders;
}

}  // namespace

PostgresInstallation parse_postgres_version(const std::string& text) {
  constexpr std::string_view kBefore = "(PostgreSQL) ";
  PostgresInstallation installation;
  const auto before = text.find(kBefore);
  if (before == std::string::npos) return installation;
  const auto start = before + kBefore.size();
  installation.version = text.substr(start, text.find(' ', start) - start);
  std::from_chars(installation.version.data(), installation.version.data() + installation.version.size(),
                  installation.major);
  return installation;
}

std::vector<PostgresInstallation> find_postgres_installations() {
  std::vector<PostgresInstallation> found;
  std::set<path> seen;
  for (const auto& candidate : candidate_folders()) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(candidate, error);
    if (error || !has_server(folder)) continue;
    // Folders of links count as what they link to.
    const auto program = std::filesystem::canonical(folder / "postgres", error);
    if (error || !seen.insert(program).second) continue;
    auto installation = parse_postgres_version(first_line_of(program, "--version"));
    if (installation.major == 0) continue;
    installation.folder = program.parent_path();
    found.push_back(std::move(installation));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left.major > right.major; });
  return found;
}

Result<PostgresInstallation> choose_postgres(const std::vector<PostgresInstallation>& installed, int data_major,
                                             const path& data_folder, const std::string& service) {
  if (installed.empty()) {
    return Error::system(Code::NotFound, "no PostgreSQL server is installed, which service {} needs", service)
        .retry(Retry::Never)
        .hint(
            "install it (Debian and Ubuntu: apt-get install postgresql), or say where its programs are in "
            "WEIR_POSTGRES_BIN, or give the connection the url of a server instead of managed: true");
  }
  if (data_major == 0) return installed.front();
  std::string versions;
  for (const auto& each : installed) {
    if (each.major == data_major) return each;
    versions += fmt::format("{}{} in {}", versions.empty() ? "" : ", ", each.version, each.folder.string());
  }
  return Error::system(Code::Unsupported,
                       "the data of service {} was made by PostgreSQL {}, which is not installed (there is {}): {}",
                       service, data_major, versions, data_folder.string())
      .retry(Retry::Never)
      .hint(fmt::format(
          "install PostgreSQL {} beside it (Debian and Ubuntu: apt-get install postgresql-{}), or upgrade the "
          "data with pg_upgrade, or move that folder away to begin with an empty database",
          data_major, data_major));
}

}  // namespace weir::services
