#include "sql/template.hpp"

#include <map>
#include <optional>
#include <utility>

// The C ABI of rust/src/abi.rs.
extern "C" {
struct WeirText {
  const char* data;
  std::size_t size;
};
struct WeirOwnedText {
  char* data;
  std::size_t size;
  std::size_t capacity;
};
struct WeirOutcome {
  WeirOwnedText text;
  WeirOwnedText file;
  std::size_t line;
  std::size_t column;
  std::int32_t status;
};
struct WeirTemplateEngine;
struct WeirReply;
using WeirCallback = void (*)(void* context, WeirText arguments, WeirText keywords, WeirReply* reply);

void weir_reply(WeirReply* reply, bool succeeded, WeirText text);
WeirTemplateEngine* weir_template_new();
void weir_template_free(WeirTemplateEngine* engine);
void weir_template_add_function(WeirTemplateEngine* engine, WeirText name, WeirCallback callback, void* context);
WeirOutcome weir_template_add_variable(WeirTemplateEngine* engine, WeirText name, WeirText json);
WeirOutcome weir_template_add_macros(WeirTemplateEngine* engine, WeirText file, WeirText text);
WeirOutcome weir_template_render(const WeirTemplateEngine* engine, WeirText text, WeirText variables);
WeirOutcome weir_template_evaluate(const WeirTemplateEngine* engine, WeirText text, WeirText variables);
WeirOutcome weir_template_check(WeirText text);
WeirOutcome weir_template_free_names(WeirText text);
void weir_outcome_free(WeirOutcome outcome);
}

namespace weir::sql {
namespace {

enum class Status : std::int32_t { Ok = 0, Mistake = 1, Function = 2, Panic = 3 };

WeirText borrow(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const WeirText& text) { return {text.data, text.size}; }
std::string copy(const WeirOwnedText& text) { return {text.data, text.size}; }

// Where a template's text begins.
struct Origin {
  std::string_view file;
  int first_line = 1;
};

// Takes the outcome over. `from_function` is the error that a function of ours returned while it was called.
Result<std::string> take(WeirOutcome outcome, const Origin& origin, std::optional<Error> from_function = {}) {
  auto text = copy(outcome.text);
  auto file = copy(outcome.file);
  weir_outcome_free(outcome);
  const auto status = static_cast<Status>(outcome.status);
  if (status == Status::Ok) return text;
  if (status == Status::Panic) return Error::bug("{}: {}", text, origin.file);
  Place place{std::move(file), static_cast<int>(outcome.line), static_cast<int>(outcome.column)};
  if (place.file.empty()) {
    place.file = origin.file;
    place.line += origin.first_line - 1;
  }
  if (status == Status::Function && from_function) return std::move(*from_function).at(std::move(place));
  return Error{Fault::User, Code::InvalidProject, std::move(text)}.at(std::move(place));
}

}  // namespace

struct TemplateEngine::Engine {
  WeirTemplateEngine* handle = weir_template_new();
  // Functions keep their address: the Rust side calls them by it.
  std::map<std::string, std::pair<Engine*, Function>> functions;
  // What the last failed function returned; the error that crosses the ABI is only its text.
  std::optional<Error> failed;

  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { weir_template_free(handle); }

  static void call(void* context, WeirText arguments, WeirText keywords, WeirReply* reply) {
    auto& [engine, function] = *static_cast<std::pair<Engine*, Function>*>(context);
    const auto run = [&function = function, arguments, keywords]() -> Result<Json> {
      const auto positional = WEIR_TRY(parse_json(view(arguments)));
      const auto named = WEIR_TRY(parse_json(view(keywords)));
      return function(positional, named);
    };
    auto result = run();
    if (result.ok()) {
      weir_reply(reply, true, borrow(to_text(*result)));
      return;
    }
    weir_reply(reply, false, borrow(result.error().message()));
    engine->failed = std::move(result).error();
  }
};

TemplateEngine::TemplateEngine() : engine_(std::make_unique<Engine>()) {}
TemplateEngine::~TemplateEngine() = default;
TemplateEngine::TemplateEngine(TemplateEngine&&) noexcept = default;
TemplateEngine& TemplateEngine::operator=(TemplateEngine&&) noexcept = default;

void TemplateEngine::add_function(const std::string& name, Function function) {
  auto& entry = engine_->functions[name];
  entry = {engine_.get(), std::move(function)};
  weir_template_add_function(engine_->handle, borrow(name), &Engine::call, &entry);
}

void TemplateEngine::add_variable(const std::string& name, const Json& value) {
  const auto added = take(weir_template_add_variable(engine_->handle, borrow(name), borrow(to_text(value))), {name});
  WEIR_CHECK(added.ok());  // what to_text writes is JSON
}

Result<void> TemplateEngine::add_macros(std::string_view file, std::string_view text) {
  engine_->failed.reset();
  auto outcome = weir_template_add_macros(engine_->handle, borrow(file), borrow(text));
  WEIR_TRY(take(outcome, {file}, std::exchange(engine_->failed, {})));
  return {};
}

Result<std::string> TemplateEngine::render(std::string_view file, std::string_view text, const Json& variables,
                                           int first_line) {
  if (!has_template(text)) return std::string{text};
  engine_->failed.reset();
  auto outcome = weir_template_render(engine_->handle, borrow(text), borrow(to_text(variables)));
  return take(outcome, {file, first_line}, std::exchange(engine_->failed, {}));
}

Result<Json> TemplateEngine::evaluate(std::string_view file, std::string_view text, const Json& variables,
                                      int first_line) {
  if (!has_template(text)) return Json(text);
  engine_->failed.reset();
  auto outcome = weir_template_evaluate(engine_->handle, borrow(text), borrow(to_text(variables)));
  return parse_json(WEIR_TRY(take(outcome, {file, first_line}, std::exchange(engine_->failed, {}))));
}

bool has_template(std::string_view text) {
  for (auto at = text.find('{'); at != std::string_view::npos && at + 1 < text.size(); at = text.find('{', at + 1)) {
    const char next = text[at + 1];
    if (next == '{' || next == '%' || next == '#') return true;
  }
  return false;
}

Result<void> check_syntax(std::string_view file, std::string_view text) {
  WEIR_TRY(take(weir_template_check(borrow(text)), {file}));
  return {};
}

std::vector<std::string> free_names(std::string_view text) {
  const auto names = take(weir_template_free_names(borrow(text)), {});
  std::vector<std::string> result;
  if (!names.ok() || names->empty()) return result;
  std::string_view rest = *names;
  for (;;) {
    const auto end = rest.find('\n');
    result.emplace_back(rest.substr(0, end));
    if (end == std::string_view::npos) return result;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace weir::sql
