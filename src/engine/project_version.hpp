#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/connections.hpp"
#include "models/models.hpp"
#include "project/project.hpp"
#include "services/service.hpp"

namespace weir::engine {

// A file of the project that says what it does: YAML, SQL, seeds. Not the files that runs make.
struct CodeFile {
  std::string path;  // relative to the project
  std::string text;
};

// The project as its files were at one moment, read and validated, with what runs need of it. Immutable and thread-safe:
// runs keep the one that they began with while others begin with a newer one.
struct ProjectVersion {
  std::string hash;  // of all files: 16 hexadecimal digits
  Instant loaded_at;
  std::vector<CodeFile> files;        // sorted by path
  bool has_links = false;             // some of them are links: they can change where nobody looks
  std::filesystem::path code_folder;  // where the files can be read as they were: the project's own, or a kept copy
  project::Project project;
  models::Targets targets;
  models::Graph graph;
  std::vector<Error> warnings;
  std::unique_ptr<Connections> connections;
};

// What a version is read with.
struct VersionSource {
  std::filesystem::path folder;  // the project's
  std::string environment;
  const flow::Registry& registry;
  std::filesystem::path weir_binary;
};

struct VersionOutcome {
  std::shared_ptr<ProjectVersion> version;  // null when there is any mistake
  std::vector<Error> mistakes;
};

// Reads and validates the project's files. Connections are not opened; `supervisor` starts managed services when a run
// needs them (null: there are none to be opened, as for `weir check`).
VersionOutcome read_version(const VersionSource& source, services::Supervisor* supervisor);

// The same from the copy of an earlier version that .weir/versions keeps. NotFound when it is not kept.
Result<VersionOutcome> read_kept_version(const VersionSource& source, const std::string& hash,
                                         services::Supervisor* supervisor);

// Whether a file of this name may be of a project: YAML, SQL, programs and seeds. Whatever else changes is data.
bool is_code_name(const std::filesystem::path& name);

// The same without tables of data: what is written by hand alone.
bool is_program_name(const std::filesystem::path& name);

// The folders below a project that hold its files, not its data.
std::vector<std::filesystem::path> code_folders(const std::filesystem::path& folder);

// Keeps a copy of the version's files below .weir/versions, unless it is there. Returns its folder.
Result<std::filesystem::path> keep_version(const std::filesystem::path& state_folder, const ProjectVersion& version);

// Removes all kept versions but the newest.
Result<void> prune_versions(const std::filesystem::path& state_folder, std::size_t kept);

// The files of a kept version; NotFound when it is not kept.
Result<std::vector<CodeFile>> kept_files(const std::filesystem::path& state_folder, const std::string& hash);

}  // namespace weir::engine
