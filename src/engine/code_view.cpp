#include "engine/code_view.hpp"

#include <algorithm>

#include "base/file.hpp"
#include "engine/project_version.hpp"

namespace weir::engine {
namespace {

namespace fs = std::filesystem;

constexpr auto kViewsFolder = "views";

bool is_same_file(const fs::path& kept, const fs::path& now) {
  std::error_code error;
  const auto bytes = fs::file_size(now, error);
  if (error || bytes != fs::file_size(kept, error) || error) return false;
  const auto before = read_file(kept);
  const auto after = read_file(now);
  return before.ok() && after.ok() && *before == *after;
}

bool has_changed(const fs::path& code, const fs::path& project) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator{code, error}) {
    if (entry.is_regular_file() && !is_same_file(entry.path(), project / entry.path().lexically_relative(code)))
      return true;
  }
  return false;
}

Result<void> link(const fs::path& target, const fs::path& place) {
  std::error_code error;
  fs::create_symlink(target, place, error);
  if (error) return Error::from_errno(error.value(), fmt::format("making a link: {}", place.string()));
  return {};
}

Result<void> fill(const fs::path& view, const fs::path& code, const fs::path& project) {
  WEIR_TRY(make_folder(view));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{code, error}) {
    const auto name = entry.path().filename();
    WEIR_TRY(entry.is_directory() ? fill(view / name, entry.path(), project / name) : link(entry.path(), view / name));
  }
  for (const auto& entry : fs::directory_iterator{project, error}) {
    const auto name = entry.path().filename();
    // A file of code that is not in the copy was not there then.
    if (name == ".weir" || is_program_name(name) || fs::exists(fs::symlink_status(view / name))) continue;
    WEIR_TRY(link(entry.path(), view / name));
  }
  return {};
}

bool separates(char letter) {
  constexpr std::string_view kSeparators = " \t\n;|&()<>\"'`=$";
  return kSeparators.find(letter) != std::string_view::npos;
}

}  // namespace

Result<CodeView> CodeView::open(const WorkOrder& order) {
  std::error_code error;
  if (order.code_is_current || fs::equivalent(order.code_folder, order.project_folder, error) ||
      !has_changed(order.code_folder, order.project_folder))
    return CodeView{order.project_folder, false};
  auto step = order.step;
  std::ranges::replace(step, '/', '.');
  auto folder =
      order.project_folder / ".weir" / kViewsFolder / order.run.text() / fmt::format("{}.{}", step, order.attempt);
  WEIR_TRY(fill(folder, order.code_folder, order.project_folder));
  return CodeView{std::move(folder), true};
}

CodeView::~CodeView() {
  std::error_code ignored;
  if (differs_) fs::remove_all(folder_, ignored);
}

void remove_views(const fs::path& state_folder, const RunId& run) {
  std::error_code ignored;
  fs::remove_all(state_folder / kViewsFolder / run.text(), ignored);
}

bool is_code_path(std::string_view text, const fs::path& code_folder) {
  const fs::path path{text};
  std::error_code error;
  return !text.empty() && path.is_relative() && is_code_name(path) && fs::is_regular_file(code_folder / path, error);
}

std::vector<CodeWord> code_words(std::string_view command, const fs::path& code_folder) {
  std::vector<CodeWord> words;
  char quote = 0;
  bool is_target = false;  // of a redirection of output
  for (std::size_t at = 0; at < command.size();) {
    const char letter = command[at];
    if (separates(letter)) {
      if (quote == 0 && (letter == '"' || letter == '\'')) {
        quote = letter;
      } else if (letter == quote) {
        quote = 0;
      }
      is_target = letter == '>' || (is_target && (letter == ' ' || letter == '\t' || letter == '"' || letter == '\''));
      ++at;
      continue;
    }
    const auto begin = at;
    while (at < command.size() && !separates(command[at])) ++at;
    if (!is_target && is_code_path(command.substr(begin, at - begin), code_folder))
      words.push_back({.begin = begin, .length = at - begin, .quoted = quote != 0});
    is_target = false;
  }
  return words;
}

}  // namespace weir::engine
