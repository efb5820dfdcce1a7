#include "app/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace weir::app {
namespace {

std::string_view escape(Style style) {
  switch (style) {
    case Style::Good: return "\x1b[32m";
    case Style::Bad: return "\x1b[31m";
    case Style::Warning: return "\x1b[33m";
    case Style::Faint: return "\x1b[2m";
    case Style::Strong: return "\x1b[1m";
    case Style::Plain: return "";
  }
  return "";
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

}  // namespace

bool is_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && (term == nullptr || std::string_view{term} != "dumb");
}

bool wants_colour() {
  static const bool kWanted = [] {
    const char* no_color = std::getenv("NO_COLOR");
    return is_terminal(STDOUT_FILENO) && (no_color == nullptr || *no_color == '\0');
  }();
  return kWanted;
}

std::string styled(std::string_view text, Style style) {
  if (style == Style::Plain || !wants_colour()) return std::string{text};
  return std::string{escape(style)} + std::string{text} + "\x1b[0m";
}

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 120;
}

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) { return !is_continuation(byte); }));
}

std::string fitted(std::string_view text, std::size_t width) {
  if (text_width(text) <= width) return std::string{text};
  std::size_t shown = 0;
  std::size_t end = 0;
  while (end < text.size() && (is_continuation(text[end]) || shown + 1 < width)) {
    if (!is_continuation(text[end])) ++shown;
    ++end;
  }
  return std::string{text.substr(0, end)} + "…";
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string with_thousands(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string TextTable::text(int indent) const {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) widths.push_back(text_width(heading.title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i].text));
  }
  std::string out;
  const auto line = [&](const auto& cells, auto cell_of) {
    out.append(static_cast<std::size_t>(indent), ' ');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Cell cell = cell_of(cells[i]);
      const std::string padding(widths[i] - text_width(cell.text), ' ');
      const bool last = i + 1 == cells.size();
      if (headings_[i].align == Align::Right) out += padding;
      out += styled(cell.text, cell.style);
      if (headings_[i].align == Align::Left && !last) out += padding;
      if (!last) out += "  ";
    }
    out += '\n';
  };
  line(headings_, [](const Heading& heading) { return Cell{heading.title, Style::Faint}; });
  for (const auto& row : rows_) line(row, [](const Cell& cell) { return cell; });
  return out;
}

}  // namespace weir::app
