#include "app/workspace.hpp"

#include <cstdio>
#include <utility>

#include "app/connectors.hpp"
#include "app/terminal.hpp"
#include "base/file.hpp"

namespace weir::app {

void print_mistakes(const std::vector<Error>& mistakes) {
  for (const auto& error : mistakes) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
  }
  std::fprintf(stderr, "%s\n", (counted(mistakes.size(), "mistake") + " in the project; nothing was run").c_str());
}

int exit_code(const Error& error) {
  switch (error.code()) {
    case Code::InvalidProject:
    case Code::InvalidArgument: return kMistake;
    case Code::Unavailable:
    case Code::Conflict: return kUnavailable;
    default: return kFailed;
  }
}

int report(const Error& error) {
  std::fprintf(stderr, "%s\n", error.explain().c_str());
  return exit_code(error);
}

std::filesystem::path weir_binary() { return std::filesystem::read_symlink("/proc/self/exe"); }

Result<std::filesystem::path> Workspace::find_folder() {
  const auto folder = project::find_project_folder(std::filesystem::current_path());
  if (!folder) {
    return Error::user(Code::InvalidArgument, "no weir.yml here or in a folder above: {}",
                       std::filesystem::current_path().string())
        .hint("go into a project's folder, or make one: weir init sales my-sales");
  }
  return *folder;
}

std::unique_ptr<Workspace> Workspace::open(const std::string& environment) {
  const auto folder = find_folder();
  if (!folder.ok()) {
    report(folder.error());
    return nullptr;
  }
  std::vector<Error> mistakes;
  auto workspace = open(*folder, environment, mistakes);
  if (!workspace) print_mistakes(mistakes);
  return workspace;
}

std::unique_ptr<Workspace> Workspace::open(const std::filesystem::path& folder, const std::string& environment,
                                           std::vector<Error>& mistakes) {
  std::unique_ptr<Workspace> workspace{new Workspace};
  workspace->supervisor_ =
      services::Supervisor::create({}, services::Supervisor::Lifetime::WithSupervisor, silent_log());
  const engine::VersionSource source{
      .folder = folder, .environment = environment, .registry = connectors(), .weir_binary = weir_binary()};
  auto outcome = engine::read_version(source, workspace->supervisor_.get());
  if (!outcome.version) {
    mistakes = std::move(outcome.mistakes);
    return nullptr;
  }
  workspace->version_ = std::move(outcome.version);
  return workspace;
}

Result<void> Workspace::use_kept_version(const std::string& hash) {
  const engine::VersionSource source{.folder = version_->project.folder,
                                     .environment = version_->project.environment,
                                     .registry = connectors(),
                                     .weir_binary = weir_binary()};
  auto kept = WEIR_TRY(engine::read_kept_version(source, hash, supervisor_.get()));
  if (!kept.version) return kept.mistakes.front();
  version_ = std::move(kept.version);
  return {};
}

Result<std::unique_ptr<ledger::Ledger>> Workspace::open_ledger(ledger::Ledger::Mode mode) const {
  WEIR_TRY(make_folder(state_folder()));
  return ledger::Ledger::open(state_folder(), mode);
}

}  // namespace weir::app
