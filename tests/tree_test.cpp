// The rules about the repository's text that no compiler checks: each is a function from a file to what breaks it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "source_tree.hpp"

namespace weir::tests {
namespace {

using Findings = std::vector<std::string>;

constexpr size_t kLinesMax = 700;

// A name of a file has to say what is inside; these words say that its author did not know.
Findings empty_names(const SourceFile& file) {
  constexpr std::array<std::string_view, 8> kBanned = {"util",   "utils", "helper",  "helpers",
                                                       "common", "misc",  "manager", "managers"};
  Findings findings;
  std::string_view rest = file.name();
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("_-."), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (std::ranges::find(kBanned, word) != kBanned.end()) {
      findings.push_back(finding(file.path, 1, fmt::format("'{}' in a name says nothing about what is inside", word)));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return findings;
}

Findings unguarded_headers(const SourceFile& file) {
  if (file.extension() != ".hpp" || file.text.starts_with("#pragma once\n") ||
      file.text.find("\n#pragma once\n") != std::string::npos)
    return {};
  return {finding(file.path, 1, "a header begins with #pragma once")};
}

Findings long_files(const SourceFile& file) {
  if (!file.is_cpp() && file.extension() != ".sh" && file.extension() != ".rs" && file.name() != "dev") return {};
  const size_t count = lines_of(file.text).size();
  if (count <= kLinesMax) return {};
  return {finding(file.path, count, fmt::format("longer than {} lines: one file holds one concept", kLinesMax))};
}

// Lines that contain one of the words.
Findings lines_with(const SourceFile& file, std::initializer_list<std::string_view> words, std::string_view why) {
  Findings findings;
  size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    for (std::string_view word : words) {
      if (line.find(word) != std::string_view::npos)
        findings.push_back(finding(file.path, number, fmt::format("{}: {}", word, why)));
    }
  }
  return findings;
}

// The words are spelled in two halves, so that this file keeps its own rules.
Findings postponed_work(const SourceFile& file) {
  return lines_with(file,
                    {"TO"
                     "DO",
                     "FIX"
                     "ME",
                     "XX"
                     "X:"},
                    "do it now, or write an issue");
}

// A poll of a server that tells nobody when it is ready may sleep, and says so; anything else waits for what it needs.
Findings sleeping_tests(const SourceFile& file) {
  if (!file.is_test()) return {};
  Findings findings;
  std::string_view before;
  size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    const bool sleeps = line.find(
                            "this_thread::"
                            "sleep") != std::string_view::npos ||
                        line.find(
                            "usle"
                            "ep(") != std::string_view::npos ||
                        line.find(
                            "nanosle"
                            "ep(") != std::string_view::npos;
    const bool is_explained = line.find("//") != std::string_view::npos || trimmed(before).starts_with("//");
    if (sleeps && !is_explained)
      findings.push_back(
          finding(file.path, number, "a sleep without a comment that says why nothing can be waited for"));
    before = line;
  }
  return findings;
}

Findings opened_std(const SourceFile& file) {
  if (!file.is_cpp()) return {};
  return lines_with(file,
                    {"using namespace "
                     "std;"},
                    "name what you use");
}

// The targets of "[text](target)" in a Markdown file, outside of fenced code.
std::vector<std::pair<size_t, std::string_view>> links_of(const SourceFile& file) {
  std::vector<std::pair<size_t, std::string_view>> links;
  bool in_code = false;
  size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    if (line.starts_with("```")) in_code = !in_code;
    if (in_code) continue;
    for (auto at = line.find("]("); at != std::string_view::npos; at = line.find("](", at + 1)) {
      const std::string_view target = line.substr(at + 2, line.find(')', at) - at - 2);
      links.emplace_back(number, target.substr(0, target.find('#')));
    }
  }
  return links;
}

// exists(path): whether the repository has that file or folder.
template <typename Exists>
Findings dead_links(const SourceFile& file, const Exists& exists) {
  Findings findings;
  if (file.extension() != ".md") return findings;
  for (const auto& [number, target] : links_of(file)) {
    if (target.empty() || target.find("://") != std::string_view::npos || target.starts_with("mailto:")) continue;
    const auto path = (std::filesystem::path(file.path).parent_path() / target).lexically_normal();
    if (!exists(path))
      findings.push_back(finding(file.path, number, fmt::format("link to {}, which does not exist", path.string())));
  }
  return findings;
}

bool exists_in_repository(const std::filesystem::path& path) { return std::filesystem::exists(WEIR_SOURCE_DIR / path); }

Findings all_findings(const SourceFile& file) {
  Findings findings;
  for (const Findings& found : {empty_names(file), unguarded_headers(file), long_files(file), postponed_work(file),
                                sleeping_tests(file), opened_std(file), dead_links(file, exists_in_repository)}) {
    findings.insert(findings.end(), found.begin(), found.end());
  }
  return findings;
}

TEST(Tree, EmptyNamesAreFound) {
  EXPECT_EQ(empty_names({"src/base/string_util.hpp", ""}),
            Findings{"src/base/string_util.hpp:1: 'util' in a name says nothing about what is inside"});
  EXPECT_EQ(empty_names({"src/helpers.cpp", ""}).size(), 1U);
  EXPECT_EQ(empty_names({"src/base/commons_law.cpp", ""}), Findings{});
}

TEST(Tree, UnguardedHeadersAreFound) {
  EXPECT_EQ(unguarded_headers({"src/a.hpp", "int a;\n"}).size(), 1U);
  EXPECT_EQ(unguarded_headers({"src/a.hpp", "// About a.\n#pragma once\nint a;\n"}), Findings{});
  EXPECT_EQ(unguarded_headers({"src/a.cpp", "int a;\n"}), Findings{});
}

TEST(Tree, LongFilesAreFound) {
  std::string text;
  for (size_t line = 0; line < kLinesMax; ++line) text += "x\n";
  EXPECT_EQ(long_files({"src/a.cpp", text}), Findings{});
  EXPECT_EQ(long_files({"src/a.cpp", text + "x\n"}),
            Findings{"src/a.cpp:701: longer than 700 lines: one file holds one concept"});
  EXPECT_EQ(long_files({"docs/a.md", text + "x\n"}), Findings{});
}

TEST(Tree, PostponedWorkIsFound) {
  EXPECT_EQ(postponed_work({"src/a.cpp",
                            "int a;\n// TO"
                            "DO: b\n"}),
            Findings{"src/a.cpp:2: TO"
                     "DO: do it now, or write an issue"});
}

TEST(Tree, SleepingTestsAreFound) {
  const std::string text =
      "std::this_thread::"
      "sleep_for(1s);\n";
  EXPECT_EQ(sleeping_tests({"src/a_test.cpp", text}).size(), 1U);
  EXPECT_EQ(sleeping_tests({"src/a_test.cpp", "  // The server tells nobody when it has noticed.\n  " + text}),
            Findings{});
  EXPECT_EQ(sleeping_tests({"src/a.cpp", text}), Findings{});
}

TEST(Tree, OpenedStdIsFound) {
  EXPECT_EQ(opened_std({"src/a.cpp",
                        "using namespace "
                        "std;\n"})
                .size(),
            1U);
  EXPECT_EQ(opened_std({"src/a.cpp", "using namespace std::chrono_literals;\n"}), Findings{});
}

TEST(Tree, DeadLinksAreFound) {
  const auto exists = [](const std::filesystem::path& path) { return path == "docs/types.md"; };
  const auto found = [&](std::string text) { return dead_links(SourceFile{"docs/a.md", std::move(text)}, exists); };
  EXPECT_EQ(found("See [types](types.md#money) and [there](https://example.org/x).\n"), Findings{});
  EXPECT_EQ(found("\nSee [types](../types.md).\n"), Findings{"docs/a.md:2: link to types.md, which does not exist"});
  EXPECT_EQ(found("```\n[a](b.md)\n```\n"), Findings{});
}

TEST(Tree, TheRepositoryKeepsTheRules) {
  const auto files = read_repository();
  ASSERT_GT(files.size(), 50U);
  Findings findings;
  for (const SourceFile& file : files) {
    const Findings found = all_findings(file);
    findings.insert(findings.end(), found.begin(), found.end());
  }
  EXPECT_EQ(join_lines(findings), "");
}

}  // namespace
}  // namespace weir::tests
