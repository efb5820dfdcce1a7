#include "engine/project_version.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <span>
#include <utility>

#include "base/file.hpp"
#include "engine/task_kind.hpp"
#include "engine/vocabulary.hpp"
#include "net/sha256.hpp"

namespace weir::engine {
namespace {

namespace fs = std::filesystem;

// What a project is written in. Data that runs make lies in files/ and is none of it; CSV is only where it is a seed.
constexpr std::array<std::string_view, 5> kCodeExtensions{".yml", ".yaml", ".sql", ".py", ".sh"};
constexpr std::string_view kSeedExtension = ".csv";
constexpr std::array<std::string_view, 6> kOtherFolders{"files", "target",       "dbt_packages",
                                                        "logs",  "node_modules", "recordings"};
// A larger one is data.
constexpr std::uintmax_t kFileBytesMax = std::uintmax_t{64} << 20;
constexpr auto kVersionsFolder = "versions";

bool is_code(const fs::path& path) {
  return std::ranges::find(kCodeExtensions, path.extension().string()) != kCodeExtensions.end();
}

// Calls `visit` with what lies below a project and may be of it.
void walk_code(const fs::path& folder, const std::function<void(const fs::directory_entry&)>& visit) {
  std::error_code error;
  fs::recursive_directory_iterator entry{folder, fs::directory_options::skip_permission_denied, error};
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    const bool is_other = entry.depth() == 0 && std::ranges::find(kOtherFolders, name) != kOtherFolders.end();
    if (name.starts_with('.') || is_other) {
      if (entry->is_directory(error)) entry.disable_recursion_pending();
      continue;
    }
    visit(*entry);
  }
}

// dbt's seeds are tables that say what a project does, as Weir's own are.
bool is_dbt_seed(const fs::path& folder, const fs::path& path) {
  if (path.extension() != kSeedExtension) return false;
  std::error_code error;
  for (auto above = path.parent_path(); above != folder; above = above.parent_path()) {
    if (above.filename() == "seeds" && fs::exists(above.parent_path() / "dbt_project.yml", error)) return true;
  }
  return false;
}

struct CodeFound {
  std::vector<CodeFile> files;
  bool has_links = false;
};

CodeFound read_code(const fs::path& folder) {
  CodeFound code;
  walk_code(folder, [&](const fs::directory_entry& entry) {
    std::error_code error;
    const bool is_wanted = is_code(entry.path()) || is_dbt_seed(folder, entry.path());
    if (!is_wanted || !entry.is_regular_file(error) || entry.file_size(error) > kFileBytesMax) return;
    auto text = read_file(entry.path());
    // A file that goes away while it is read is a change that will be noticed.
    if (!text.ok()) return;
    code.files.push_back({entry.path().lexically_relative(folder).generic_string(), std::move(*text)});
    code.has_links |= entry.is_symlink(error);
  });
  std::ranges::sort(code.files, {}, &CodeFile::path);
  return code;
}

std::string hash_of(const std::vector<CodeFile>& files) {
  net::Sha256 hash;
  const auto add = [&](std::string_view text) {
    const auto length = fmt::format("{}:", text.size());
    hash.add(std::as_bytes(std::span{length}));
    hash.add(std::as_bytes(std::span{text}));
  };
  for (const auto& file : files) {
    add(file.path);
    add(file.text);
  }
  return hash.finish().substr(0, 16);
}

// Reads the project from `code`, which is the folder itself or a kept copy of its files.
VersionOutcome read_from(const VersionSource& source, const fs::path& code, services::Supervisor* supervisor) {
  VersionOutcome outcome;
  auto version = std::make_shared<ProjectVersion>();
  version->loaded_at = system_clock().now();
  version->code_folder = code;
  auto [files, has_links] = read_code(code);
  version->files = std::move(files);
  version->has_links = has_links;
  auto loaded = project::load(code, vocabulary(source.registry), {.environment = source.environment});
  if (!loaded.project) {
    outcome.mistakes = std::move(loaded.mistakes.errors);
    return outcome;
  }
  version->project = std::move(*loaded.project);
  for (const auto& file : version->project.sql_files) {
    if (file.kind == project::SqlFile::Kind::Seed) version->files.push_back({file.path, file.text});
  }
  std::ranges::sort(version->files, {}, &CodeFile::path);
  version->hash = hash_of(version->files);
  version->targets = model_targets(version->project, source.registry);
  auto graph = models::build_graph(version->project, version->targets);
  auto findings = check_tasks(version->project, source.registry);
  outcome.mistakes = std::move(findings.mistakes);
  for (auto& mistake : graph.mistakes.errors) outcome.mistakes.push_back(std::move(mistake));
  if (!outcome.mistakes.empty()) return outcome;
  version->graph = std::move(*graph.graph);
  version->warnings = std::move(findings.warnings);
  // Data, programs and managed services are where the project is.
  version->project.folder = fs::absolute(source.folder).lexically_normal();
  if (supervisor != nullptr) {
    supervisor->know(managed_services(version->project, source.weir_binary));
    version->connections = std::make_unique<Connections>(version->project, source.registry, *supervisor);
  }
  outcome.version = std::move(version);
  return outcome;
}

}  // namespace

VersionOutcome read_version(const VersionSource& source, services::Supervisor* supervisor) {
  return read_from(source, source.folder, supervisor);
}

Result<VersionOutcome> read_kept_version(const VersionSource& source, const std::string& hash,
                                         services::Supervisor* supervisor) {
  const auto folder = source.folder / ".weir" / kVersionsFolder / hash;
  std::error_code error;
  if (hash.empty() || !fs::is_directory(folder, error)) {
    return Error::user(Code::NotFound, "the project's files of that run are not kept any more: version {}", hash)
        .hint("retry it with the current code");
  }
  return read_from(source, folder, supervisor);
}

bool is_program_name(const fs::path& name) { return is_code(name); }

bool is_code_name(const fs::path& name) { return is_code(name) || name.extension() == kSeedExtension; }

std::vector<fs::path> code_folders(const fs::path& folder) {
  std::vector<fs::path> folders;
  walk_code(folder, [&](const fs::directory_entry& entry) {
    std::error_code error;
    if (entry.is_directory(error)) folders.push_back(entry.path());
  });
  return folders;
}

Result<fs::path> keep_version(const fs::path& state_folder, const ProjectVersion& version) {
  const auto folder = state_folder / kVersionsFolder / version.hash;
  std::error_code error;
  if (fs::is_directory(folder, error)) return folder;
  // Whole or not at all: a version that is there is complete.
  const auto unfinished = state_folder / kVersionsFolder / (version.hash + ".new");
  fs::remove_all(unfinished, error);
  for (const auto& file : version.files) {
    const auto path = unfinished / file.path;
    WEIR_TRY(make_folder(path.parent_path()));
    const Descriptor target{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!target) return Error::from_errno(errno, fmt::format("keeping a version of {}", file.path));
    WEIR_TRY(write_all(target.get(), file.text, "keeping a version"));
    // A script that can be started stays one.
    const auto rights = fs::status(version.code_folder / file.path, error).permissions();
    if (!error && (rights & fs::perms::owner_exec) != fs::perms::none) ::fchmod(target.get(), 0755);
  }
  WEIR_TRY(make_folder(unfinished));
  fs::rename(unfinished, folder, error);
  if (error && !fs::is_directory(folder)) {
    return Error::system(Code::Unavailable, "keeping the project's version {}: {}", version.hash, error.message());
  }
  return folder;
}

Result<void> prune_versions(const fs::path& state_folder, std::size_t kept) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> versions;
  for (const auto& entry : fs::directory_iterator{state_folder / kVersionsFolder, error})
    versions.emplace_back(entry.last_write_time(error), entry.path());
  if (versions.size() <= kept) return {};
  std::ranges::sort(versions, std::greater<>{});
  for (std::size_t i = kept; i < versions.size(); ++i) {
    fs::remove_all(versions[i].second, error);
    if (error) return Error::from_errno(error.value(), fmt::format("removing: {}", versions[i].second.string()));
  }
  return {};
}

Result<std::vector<CodeFile>> kept_files(const fs::path& state_folder, const std::string& hash) {
  const auto folder = state_folder / kVersionsFolder / hash;
  std::error_code error;
  if (hash.empty() || !fs::is_directory(folder, error))
    return Error::user(Code::NotFound, "that version of the project is not kept: {}", hash);
  return read_code(folder).files;
}

}  // namespace weir::engine
