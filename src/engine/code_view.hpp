#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "engine/work_order.hpp"

// What programs of the user's see of the version that a run goes by. They work in the project's folder, since their data is
// there; the files that they consist of are those that the run began with.
namespace weir::engine {

// The project's folder as the run began with it: its files of code as they were, everything else where it is now. While the
// files are still the same it is the project's folder itself, else a folder of links below .weir/views.
class CodeView {
 public:
  static Result<CodeView> open(const WorkOrder& order);
  CodeView(CodeView&& other) noexcept
      : folder_(std::move(other.folder_)), differs_(std::exchange(other.differs_, false)) {}
  CodeView& operator=(CodeView&&) = delete;
  ~CodeView();

  const std::filesystem::path& folder() const { return folder_; }
  bool differs_from_project() const { return differs_; }

 private:
  CodeView(std::filesystem::path folder, bool differs) : folder_(std::move(folder)), differs_(differs) {}
  std::filesystem::path folder_;
  bool differs_ = false;
};

// Removes the views of a run that has ended: a task that was killed leaves its own.
void remove_views(const std::filesystem::path& state_folder, const RunId& run);

// The words of a shell command that are the path of one of the project's files of code ("./report.sh", "jobs/load.py"),
// relative to its folder; not the ones that output is redirected to.
struct CodeWord {
  std::size_t begin = 0;
  std::size_t length = 0;
  bool quoted = false;
};
std::vector<CodeWord> code_words(std::string_view command, const std::filesystem::path& code_folder);
// Whether the text as a whole is such a path.
bool is_code_path(std::string_view text, const std::filesystem::path& code_folder);

}  // namespace weir::engine
