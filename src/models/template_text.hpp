#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "project/project.hpp"

// What is read in the text of a template without rendering it.
namespace weir::models {

// A file whose text is added to the macros: of macros/, or a generic test of tests/generic/.
bool holds_macros(const project::SqlFile& file);

// The macros that a text defines; {% test x(…) %} defines test_x.
std::vector<std::string> macro_names(std::string_view text);

// Where `call` has `name` as its last text argument: place_of_call(file, text, "ref", "orders").
Place place_of_call(std::string_view file, std::string_view text, std::string_view call, std::string_view name);
// Where the word first stands, or the file alone.
Place place_of_word(std::string_view file, std::string_view text, std::string_view word);

}  // namespace weir::models
