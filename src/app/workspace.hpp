#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "engine/project_version.hpp"
#include "ledger/ledger.hpp"
#include "models/models.hpp"
#include "project/project.hpp"
#include "services/service.hpp"

namespace weir::app {

// Process exit codes; the command line's contract.
inline constexpr int kSuccess = 0;
inline constexpr int kFailed = 1;
inline constexpr int kMistake = 2;
inline constexpr int kUnavailable = 3;

// Which exit code an error means: the user's mistakes 2, services that are not there 3, everything else 1.
int exit_code(const Error& error);
// Prints the error to standard error and returns its exit code.
int report(const Error& error);

// A loaded project with what the verbs need around it: connectors, model graph, managed services.
class Workspace {
 public:
  // Loads the project at or above the current folder. On mistakes prints all of them and returns nothing.
  static std::unique_ptr<Workspace> open(const std::string& environment);
  // Loads the project of a folder; on mistakes returns nothing and says which, without a word.
  static std::unique_ptr<Workspace> open(const std::filesystem::path& folder, const std::string& environment,
                                         std::vector<Error>& mistakes);
  // Where the project lies, or a mistake with a hint.
  static Result<std::filesystem::path> find_folder();

  const project::Project& project() const { return version_->project; }
  const models::Graph& graph() const { return version_->graph; }
  const models::Targets& targets() const { return version_->targets; }
  const engine::Connections& connections() const { return *version_->connections; }
  const std::shared_ptr<engine::ProjectVersion>& version() const { return version_; }
  // What tasks lack on this machine: said by `weir check`; a task that needs it fails with the same words.
  const std::vector<Error>& warnings() const { return version_->warnings; }
  // The project's files as a run began with them take the place of those that are there now.
  Result<void> use_kept_version(const std::string& hash);
  services::Supervisor& supervisor() { return *supervisor_; }
  std::filesystem::path state_folder() const { return version_->project.folder / ".weir"; }
  Result<std::unique_ptr<ledger::Ledger>> open_ledger(ledger::Ledger::Mode mode) const;

 private:
  Workspace() = default;

  std::unique_ptr<services::Supervisor> supervisor_;
  std::shared_ptr<engine::ProjectVersion> version_;
};

// Prints the mistakes of a project as every verb does.
void print_mistakes(const std::vector<Error>& mistakes);

// This program's own file, for starting children of it.
std::filesystem::path weir_binary();

}  // namespace weir::app
