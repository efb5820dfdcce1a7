#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

// Jinja, by the minijinja crate behind the C ABI in rust/ (https://docs.rs/minijinja; Jinja2's syntax).
namespace weir::sql {

// A function that templates may call: positional arguments as a JSON array, keyword arguments as an object; returns JSON
// or an error that becomes the template's error, at the call's place. An object with the key "__text__" prints as that text and
// still has its other keys: what ref() and `this` give.
using Function = std::function<Result<Json>(const Json& arguments, const Json& keywords)>;

// Renders templates with shared functions, macros and variables. Undefined variables are errors that name the variable.
// Use one per thread. Cheap to make (well below a millisecond).
class TemplateEngine {
 public:
  TemplateEngine();
  ~TemplateEngine();
  TemplateEngine(TemplateEngine&&) noexcept;
  TemplateEngine& operator=(TemplateEngine&&) noexcept;

  void add_function(const std::string& name, Function function);
  void add_variable(const std::string& name, const Json& value);
  // The macros in this text become callable from every template that is rendered later, and from each other.
  Result<void> add_macros(std::string_view file, std::string_view text);

  // Errors are InvalidProject at file:line:column (`first_line` is the line of the text's begin in its file).
  Result<std::string> render(std::string_view file, std::string_view text, const Json& variables, int first_line = 1);
  // The value of a whole-text expression ("{{ params.rows }}") with its type kept; other texts render to a string.
  Result<Json> evaluate(std::string_view file, std::string_view text, const Json& variables, int first_line = 1);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

// Whether rendering could change the text: it holds "{{", "{%" or "{#".
bool has_template(std::string_view text);

// Checks the syntax alone: InvalidProject at file:line:column, counted from the text's begin.
Result<void> check_syntax(std::string_view file, std::string_view text);

// The variables and functions that a template takes from outside, with their attributes ("params.rows", "ref"), sorted.
// Empty when the syntax is wrong.
std::vector<std::string> free_names(std::string_view text);

}  // namespace weir::sql
