#include <gtest/gtest.h>

#include <algorithm>

#include "weir_program.hpp"

// What people see on a terminal, and what a pipe gets.
namespace weir {
namespace {

using testing::TestProject;

constexpr std::string_view kEscape = "\x1b[";

// What stands on the screen in the end, by the sequences that a view moves the cursor with; any other is a failure.
std::vector<std::string> screen_of(std::string_view text) {
  std::vector<std::string> lines{""};
  std::size_t row = 0;
  std::size_t column = 0;  // in bytes: nothing is written over but what was cleared
  while (!text.empty()) {
    if (text.starts_with(kEscape)) {
      const auto end = text.find_first_not_of("0123456789;", kEscape.size());
      const auto sequence = text.substr(0, end + 1);
      text.remove_prefix(sequence.size());
      if (sequence == "\x1b[1A") {
        EXPECT_GT(row, 0U) << "above the first line";
        row -= row == 0 ? 0 : 1;
      } else if (sequence == "\x1b[2K") {
        lines[row].clear();
      } else {
        EXPECT_EQ(sequence.back(), 'm') << sequence.substr(1);
      }
      continue;
    }
    const char letter = text.front();
    text.remove_prefix(1);
    if (letter == '\r') {
      column = 0;
    } else if (letter == '\n') {
      if (++row == lines.size()) lines.emplace_back();
    } else {
      lines[row].resize(std::max(lines[row].size(), column), ' ');
      lines[row].replace(column, 1, 1, letter);
      ++column;
    }
  }
  return lines;
}

class Terminal : public ::testing::Test {
 protected:
  Terminal() {
    project_.write("weir.yml", "name: seen\n");
    project_.write("pipelines/work.yml", R"(name: work
parallel: 2
tasks:
  one: {command: "sleep 0.3"}
  two: {command: "sleep 0.6"}
  three: {needs: [one, two], command: "false"}
)");
  }
  TestProject project_;
};

TEST_F(Terminal, ShowsLiveProgressInColourAndEndsClean) {
  const auto result = project_.run_on_terminal({"run", "work"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("\x1b[32m✓\x1b[0m one"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\x1b[31m✗\x1b[0m three"), std::string::npos) << result.out;
  // It was drawn while both ran, and drawn over.
  EXPECT_NE(result.out.find("  ▸ one  "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\x1b[1A\x1b[2K"), std::string::npos) << result.out;
  const auto screen = screen_of(result.out);
  for (const auto* line : {"  ✓ one  ", "  ✓ two  ", "  ✗ three  "}) {
    EXPECT_EQ(std::ranges::count_if(screen, [&](const auto& shown) { return shown.starts_with(line); }), 1)
        << line << "\n"
        << result.out;
  }
  for (const auto& line : screen) EXPECT_EQ(line.find("▸"), std::string::npos) << line;
  EXPECT_EQ(screen.back(), "");
}

TEST_F(Terminal, HasNoColourWhereNobodyWantsIt) {
  const auto without = project_.run_on_terminal({"run", "work"}, {{"NO_COLOR", "1"}});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_NE(without.out.find("✓ one"), std::string::npos) << without.out;
  EXPECT_NE(without.out.find("\x1b[2K"), std::string::npos) << "progress is no colour";
  for (auto at = without.out.find(kEscape); at != std::string::npos; at = without.out.find(kEscape, at + 1)) {
    const auto end = without.out.find_first_not_of("0123456789;", at + kEscape.size());
    EXPECT_NE(without.out[end], 'm') << without.out.substr(at + 1, 60);
  }
  // An empty one asks for nothing (https://no-color.org).
  EXPECT_NE(project_.run_on_terminal({"runs"}, {{"NO_COLOR", ""}}).out.find("\x1b[31m"), std::string::npos);
  EXPECT_EQ(project_.run_on_terminal({"runs"}, {{"NO_COLOR", "1"}}).out.find(kEscape), std::string::npos);
  EXPECT_EQ(project_.run_on_terminal({"run", "work"}, {{"TERM", "dumb"}}).out.find(kEscape), std::string::npos);
}

TEST_F(Terminal, APipeGetsPlainLines) {
  const auto result = project_.run({"run", "work"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ((result.out + result.err).find('\x1b'), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("  ▸ one: "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("  ✓ one  "), std::string::npos) << result.out;
  const auto mistaken = project_.run({"run", "nowhere"});
  EXPECT_EQ(mistaken.exit_code, 2);
  EXPECT_EQ((mistaken.out + mistaken.err).find('\x1b'), std::string::npos) << mistaken.err;
}

}  // namespace
}  // namespace weir
