#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace fs = std::filesystem;

Workspace::Workspace(fs::path binary, fs::path folder) : binary_(std::move(binary)), folder_(std::move(folder)) {}

Result<Workspace> Workspace::open(const Setup& setup, const std::string& example) {
  const fs::path origin = setup.source / "examples" / example;
  const fs::path folder = setup.folder / example;
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const auto& entry : fs::directory_iterator(origin)) {
    const fs::path name = entry.path().filename();
    if (name == ".weir" || name == "files") continue;  // what runs of the example left there
    fs::copy(entry.path(), folder / name, fs::copy_options::recursive);
  }
  Workspace workspace(setup.weir(), folder);
  WEIR_TRY(run(workspace.weir({"services", "up"})));
  return workspace;
}

Workspace::~Workspace() {
  if (folder_.empty()) return;  // moved from
  if (const auto stopped = run(weir({"services", "down"})); !stopped) {
    std::fprintf(stderr, "%s\n", stopped.error().explain().c_str());
  }
}

Program Workspace::weir(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), binary_.string());
  return {.arguments = std::move(arguments), .folder = folder_};
}

}  // namespace weir::bench
