#include "app/workspace.hpp"

#include <cstdio>
#include <utility>

#include "app/connectors.hpp"
#include "app/terminal.hpp"
#include "base/file.hpp"
#include "engine/task_kind.hpp"
#include "engine/vocabulary.hpp"

namespace weir::app {
namespace {

void print_mistakes(const project::Mistakes& mistakes) {
  for (const auto& error : mistakes.errors) {
    std::fprintf(stderr, "%s\n", error.text().c_str());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
  }
  const auto count = mistakes.errors.size();
  std::fprintf(stderr, "%s\n", (counted(count, "mistake") + " in the project; nothing was run").c_str());
}

}  // namespace

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
  auto loaded = project::load(*folder, engine::vocabulary(connectors()), {.environment = environment});
  if (!loaded.project) {
    print_mistakes(loaded.mistakes);
    return nullptr;
  }
  std::unique_ptr<Workspace> workspace{new Workspace};
  workspace->project_ = std::move(*loaded.project);
  workspace->targets_ = engine::model_targets(workspace->project_, connectors());
  auto graph = models::build_graph(workspace->project_, workspace->targets_);
  auto findings = engine::check_tasks(workspace->project_, connectors());
  project::Mistakes mistakes{std::move(findings.mistakes)};
  for (auto& mistake : graph.mistakes.errors) mistakes.errors.push_back(std::move(mistake));
  if (!mistakes.errors.empty()) {
    print_mistakes(mistakes);
    return nullptr;
  }
  workspace->graph_ = std::move(*graph.graph);
  workspace->warnings_ = std::move(findings.warnings);
  workspace->supervisor_ = services::Supervisor::create(engine::managed_services(workspace->project_, weir_binary()),
                                                        services::Supervisor::Lifetime::WithSupervisor, silent_log());
  workspace->connections_ =
      std::make_unique<engine::Connections>(workspace->project_, connectors(), *workspace->supervisor_);
  return workspace;
}

Result<std::unique_ptr<ledger::Ledger>> Workspace::open_ledger(ledger::Ledger::Mode mode) const {
  WEIR_TRY(make_folder(state_folder()));
  return ledger::Ledger::open(state_folder(), mode);
}

}  // namespace weir::app
