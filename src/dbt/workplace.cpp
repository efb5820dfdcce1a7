#include "dbt/workplace.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/file.hpp"

namespace weir::dbt {
namespace {

namespace fs = std::filesystem;

constexpr auto kParsedFile = "partial_parse.msgpack";
// Runs whose artifacts are kept: a manifest is about a megabyte.
constexpr std::size_t kRunsKept = 20;

// Run ids begin with their time, so the oldest sort first.
void remove_old_runs(const fs::path& runs) {
  std::error_code error;
  std::vector<fs::path> folders;
  fs::directory_iterator entry{runs, error};
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error))
    folders.push_back(entry->path());
  if (folders.size() <= kRunsKept) return;
  std::ranges::sort(folders);
  for (std::size_t i = 0; i + kRunsKept < folders.size(); ++i) fs::remove_all(folders[i], error);
}

void copy_over(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from, error)) return;
  auto sibling = to;
  sibling += fmt::format(".{}.tmp", ::getpid());
  fs::copy_file(from, sibling, fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(sibling, to, error);
}

}  // namespace

Result<Workplace> Workplace::create(const fs::path& state_folder, const std::string& name,
                                    const std::string& project_key, const std::string& profile) {
  const auto base = state_folder / "dbt";
  remove_old_runs(base / "runs");
  Workplace workplace{base / "runs" / name, base / "parsed" / (project_key + ".msgpack")};
  // An attempt of that number may have left something when it was killed.
  std::error_code error;
  fs::remove_all(workplace.folder_, error);
  WEIR_TRY(make_folder(workplace.profiles()));
  WEIR_TRY(make_folder(workplace.target()));
  WEIR_TRY(make_folder(workplace.logs()));
  WEIR_TRY(make_folder(workplace.parsed_.parent_path()));
  fs::permissions(workplace.profiles(), fs::perms::owner_all, error);
  if (error) return Error::from_errno(error.value(), "making a folder private");
  WEIR_TRY(write_file(workplace.profiles() / "profiles.yml", profile, FileAccess::OwnerOnly));
  copy_over(workplace.parsed_, workplace.target() / kParsedFile);
  return workplace;
}

Workplace::Workplace(Workplace&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), parsed_(std::exchange(other.parsed_, {})) {}

Workplace::~Workplace() {
  if (folder_.empty()) return;
  std::error_code error;
  fs::remove_all(profiles(), error);
}

void Workplace::keep_parsed() const { copy_over(target() / kParsedFile, parsed_); }

}  // namespace weir::dbt
