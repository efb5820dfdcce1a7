#include "source_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace weir::tests {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 8> kForeignFolders = {".git",   ".weir",        "build", "files",
                                                             "target", "node_modules", ".venv", "dist"};
constexpr std::array<std::string_view, 12> kTextExtensions = {".cpp", ".hpp", ".cmake", ".md", ".sh", ".txt",
                                                              ".yml", ".sql", ".rs",    ".ts", ".py", ".h"};

bool is_foreign(const fs::path& folder) {
  // src/connectors/files is a connector; files/ elsewhere holds what runs produced.
  if (folder.filename() == "files" && folder.parent_path().filename() == "connectors") return false;
  return std::ranges::find(kForeignFolders, folder.filename().string()) != kForeignFolders.end();
}

bool is_text(const fs::path& path) {
  return path.filename() == "dev" ||
         std::ranges::find(kTextExtensions, path.extension().string()) != kTextExtensions.end();
}

}  // namespace

std::string_view SourceFile::name() const {
  const std::string_view whole = path;
  return whole.substr(whole.rfind('/') + 1);
}

std::string_view SourceFile::extension() const {
  const auto dot = name().rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name().substr(dot);
}

bool SourceFile::is_test() const { return name().ends_with("_test.cpp"); }

std::vector<SourceFile> read_repository() {
  const fs::path root = WEIR_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory()) {
      if (is_foreign(entry->path())) entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && is_text(entry->path())) {
      std::ostringstream text;
      text << std::ifstream(entry->path(), std::ios::binary).rdbuf();
      files.push_back({fs::relative(entry->path(), root).string(), std::move(text).str()});
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string finding(std::string_view path, size_t line, std::string_view what) {
  return fmt::format("{}:{}: {}", path, line, what);
}

std::string join_lines(const std::vector<std::string>& findings) {
  return fmt::format("{}", fmt::join(findings, "\n"));
}

}  // namespace weir::tests
