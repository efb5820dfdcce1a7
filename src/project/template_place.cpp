#include <string_view>

#include "project/validator.hpp"
#include "sql/template.hpp"

namespace weir::project {
namespace {

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// Where a position inside a scalar's value stands in the file. Exact for a value on one line without escapes and for
// literal blocks (|); elsewhere YAML folds lines, and the scalar's own place has to do.
Place place_in_scalar(const Place& scalar, Node::Style style, std::string_view file_text, const Place& inside) {
  auto place = scalar;
  if (style == Node::Style::Literal) {
    place.line += inside.line;
    const auto indentation = line_of(file_text, scalar.line + 1).find_first_not_of(' ');
    place.column = inside.column + (indentation == std::string_view::npos ? 0 : static_cast<int>(indentation));
  } else if (style != Node::Style::Folded && inside.line == 1 && inside.column > 0) {
    place.column += inside.column - 1 + (style == Node::Style::Quoted ? 1 : 0);
  }
  return place;
}

}  // namespace

void Validator::check_template(const Node& node) {
  if (node.kind != Node::Kind::Scalar || !sql::has_template(node.text)) return;
  const auto checked = sql::check_syntax(file_, node.text);
  if (checked.ok()) return;
  const Place scalar{file_, node.line, node.column};
  const auto place = place_in_scalar(scalar, node.style, text_, checked.error().place().value_or(Place{}));
  mistakes_.push_back(Error{Fault::User, Code::InvalidProject, checked.error().message()}.at(place));
}

}  // namespace weir::project
