#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::tests {

struct SourceFile {
  std::string path;  // relative to the repository, "src/base/error.hpp"
  std::string text;

  std::string_view name() const;       // "error.hpp"
  std::string_view extension() const;  // ".hpp", "" without one
  bool is_cpp() const { return extension() == ".cpp" || extension() == ".hpp"; }
  bool is_test() const;  // a test program's source: foo_test.cpp, foo_live_test.cpp
};

// Every text file that belongs to the repository: not what builds, runs or package managers left behind.
std::vector<SourceFile> read_repository();

std::vector<std::string_view> lines_of(std::string_view text);
std::string_view trimmed(std::string_view text);  // of spaces

// One broken rule, as compilers print them: "src/a.cpp:7: what is wrong".
std::string finding(std::string_view path, size_t line, std::string_view what);
std::string join_lines(const std::vector<std::string>& findings);

}  // namespace weir::tests
