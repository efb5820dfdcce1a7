#include "engine/retention.hpp"

#include <filesystem>

namespace weir::engine {

Result<void> prune_files(const project::Project& project, ledger::Ledger& ledger, Instant now) {
  const auto files = project.folder / "files";
  std::error_code error;
  if (!project.files_retention || !std::filesystem::is_directory(files, error)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(files, error)) {
    if (!entry.is_directory()) continue;
    const auto name = entry.path().filename().string();
    const auto run = WEIR_TRY(ledger.find_run(name));
    if (!run || run->id.text() != name || !run->finished_at || now - *run->finished_at < *project.files_retention)
      continue;
    std::filesystem::remove_all(entry.path(), error);
    if (error) return Error::from_errno(error.value(), fmt::format("removing old files: {}", entry.path().string()));
  }
  return {};
}

}  // namespace weir::engine
