#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What people see on a terminal: colours only there, and only when NO_COLOR (https://no-color.org) is not set.
namespace weir::app {

enum class Style { Plain, Good, Bad, Warning, Faint, Strong };

bool is_terminal(int fd);
// Whether colours are wanted on standard output.
bool wants_colour();
std::string styled(std::string_view text, Style style);
int terminal_columns();

// Columns that a terminal shows the text in: counts code points of UTF-8, not bytes. Colours must not be in it.
std::size_t text_width(std::string_view text);
// Cuts to the width, with an ellipsis.
std::string fitted(std::string_view text, std::size_t width);
// "1,000,000".
std::string with_thousands(std::uint64_t number);
// "1 step", "2 steps"; a noun with a regular plural.
std::string counted(std::size_t count, std::string_view noun);

// A table with aligned columns and a faint head. Cells are plain text; numbers are aligned to the right.
class TextTable {
 public:
  enum class Align { Left, Right };
  struct Heading {
    std::string title;
    Align align = Align::Left;
  };
  struct Cell {
    std::string text;
    Style style = Style::Plain;
  };
  explicit TextTable(std::vector<Heading> headings) : headings_(std::move(headings)) {}
  void add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  // Lines are indented and end with a line feed.
  std::string text(int indent) const;

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace weir::app
