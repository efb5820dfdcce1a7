#include "models/renderer.hpp"

#include <unistd.h>

#include <algorithm>
#include <regex>
#include <set>

#include "models/properties.hpp"
#include "models/template_text.hpp"
#include "project/nearest.hpp"
#include "sql/template.hpp"

namespace weir::models {

struct Renderer::State {
  const project::Project& project;
  const Targets& targets;
  Json variables;
  Phase phase;
  Resolver resolver;
  sql::TemplateEngine engine;
  std::vector<Error> macro_mistakes;
  std::set<std::string, std::less<>> macros;
  std::set<std::string> macro_free_names;  // what macros take from outside
  Calls calls;
  Scope scope;

  State(const project::Project& of, const Targets& on, Json given, Phase in, Resolver by)
      : project(of), targets(on), variables(std::move(given)), phase(in), resolver(std::move(by)) {}

  void add_functions();
  void add_macros();
  void add_variables();
  Json node_variables() const;
  void fill_in(Json& values, const std::string& name) const;

  Result<Json> call_ref(const Json& arguments, const Json& keywords);
  Result<Json> call_source(const Json& arguments);
  Result<Json> call_var(const Json& arguments, const Json& keywords);
  Result<Json> call_env_var(const Json& arguments);
};

namespace {

Json environment() {
  Json values = Json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) values[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return values;
}

template <typename T>
void add_once(std::vector<T>& list, T value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(std::move(value));
}

Result<std::vector<std::string>> texts(const Json& arguments, std::string_view usage) {
  std::vector<std::string> found;
  for (const auto& argument : arguments) {
    if (!argument.is_string()) return Error::user(Code::InvalidProject, "arguments must be texts: {}", usage);
    found.push_back(argument.get<std::string>());
  }
  return found;
}

bool is_filled_in(std::string_view name) {
  return name == "run" || name == "params" || name == "interval" || name == "env";
}

// "run.started_at" → run, started_at.
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts;
  for (;;) {
    const auto dot = name.find('.');
    parts.emplace_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

Error missing_variable(std::string_view name, const Json& vars) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : vars.items()) keys.push_back(key);
  const std::vector<std::string_view> candidates(keys.begin(), keys.end());
  return Error::user(Code::InvalidProject, "no such var: {}", name)
      .hint(project::suggestion(name, candidates, "set it under vars: in weir.yml, or give var() a default"));
}

}  // namespace

Result<Json> Renderer::State::call_ref(const Json& arguments, const Json& keywords) {
  const auto names = WEIR_TRY(texts(arguments, "ref('model')"));
  if (names.empty() || names.size() > 2) return Error::user(Code::InvalidProject, "ref() takes a model's name");
  if (!keywords.empty()) return Error::user(Code::Unsupported, "ref() takes no version here: {}", names.back());
  RefCall call{names.size() == 2 ? names.front() : "", names.back()};
  add_once(calls.refs, call);
  return resolver.ref(call);
}

Result<Json> Renderer::State::call_source(const Json& arguments) {
  const auto names = WEIR_TRY(texts(arguments, "source('source', 'table')"));
  if (names.size() != 2) return Error::user(Code::InvalidProject, "source() takes a source's name and a table's");
  SourceCall call{names[0], names[1]};
  add_once(calls.sources, call);
  return resolver.source(call);
}

// dbt looks under the project's name first, then at the top.
Result<Json> Renderer::State::call_var(const Json& arguments, const Json& keywords) {
  if (arguments.empty() || !arguments[0].is_string()) return Error::user(Code::InvalidProject, "var() takes a name");
  const auto name = arguments[0].get<std::string>();
  const auto& vars = project.vars;
  const auto given = variables.find("vars");
  if (given != variables.end() && given->is_object() && given->contains(name)) return (*given)[name];
  if (const auto own = vars.find(project.name); own != vars.end() && own->is_object() && own->contains(name)) {
    return (*own)[name];
  }
  if (vars.contains(name)) return vars[name];
  if (arguments.size() > 1) return arguments[1];
  if (keywords.contains("default")) return keywords["default"];
  return missing_variable(name, vars);
}

Result<Json> Renderer::State::call_env_var(const Json& arguments) {
  if (arguments.empty() || !arguments[0].is_string())
    return Error::user(Code::InvalidProject, "env_var() takes a name");
  const auto name = arguments[0].get<std::string>();
  const auto& env = variables["env"];
  if (env.contains(name)) return env[name];
  if (arguments.size() > 1) return arguments[1];
  if (phase == Phase::Parse) return Json("");
  return Error::user(Code::InvalidProject, "environment variable is not set: {}", name)
      .hint("export it, or give env_var() a default");
}

void Renderer::State::add_functions() {
  engine.add_function("config", [this](const Json& arguments, const Json& keywords) -> Result<Json> {
    for (const auto& argument : arguments) {
      if (argument.is_object()) calls.config.update(argument);
    }
    calls.config.update(keywords);
    return Json("");
  });
  engine.add_function("ref",
                      [this](const Json& arguments, const Json& keywords) { return call_ref(arguments, keywords); });
  engine.add_function("source", [this](const Json& arguments, const Json&) { return call_source(arguments); });
  engine.add_function("var",
                      [this](const Json& arguments, const Json& keywords) { return call_var(arguments, keywords); });
  engine.add_function("env_var", [this](const Json& arguments, const Json&) { return call_env_var(arguments); });
  engine.add_function("is_incremental", [this](const Json&, const Json&) -> Result<Json> {
    return Json(scope.incremental == Incremental::Yes);
  });
  engine.add_function("log", [](const Json&, const Json&) -> Result<Json> { return Json(""); });
}

void Renderer::State::add_macros() {
  for (const auto& file : project.sql_files) {
    if (!holds_macros(file)) continue;
    for (auto& name : macro_names(file.text)) macros.insert(std::move(name));
    for (auto& name : sql::free_names(file.text)) macro_free_names.insert(std::move(name));
    if (auto added = engine.add_macros(file.path, file.text); !added.ok())
      macro_mistakes.push_back(std::move(added).error());
  }
}

// What does not change between texts.
void Renderer::State::add_variables() {
  if (!variables.contains("env")) variables["env"] = environment();
  const auto run = variables.value("run", Json::object());
  variables["execute"] = phase == Phase::Execute;
  variables["invocation_id"] = text_of(run, "id");
  variables["run_started_at"] = text_of(run, "started_at");
  for (const auto& [name, value] : variables.items()) engine.add_variable(name, value);
}

Json Renderer::State::node_variables() const {
  const auto* dialect = targets.dialect(scope.connection);
  const auto space = targets.default_space(scope.connection);
  return {{"this", relation_value(dialect == nullptr ? scope.self.text() : dialect->quote(scope.self), scope.self)},
          {"target",
           {{"name", project.environment.empty() ? "default" : project.environment},
            {"type", dialect == nullptr ? std::string_view() : dialect->name()},
            {"schema", space},
            {"database", space},
            {"connection", scope.connection}}}};
}

// While the graph is built nobody has run anything: `{{ run.id }}` reads as "".
void Renderer::State::fill_in(Json& values, const std::string& name) const {
  const auto path = parts_of(name);
  if (!is_filled_in(path.front())) return;
  if (!values.contains(path.front())) values[path.front()] = variables.value(path.front(), Json::object());
  auto* at = &values[path.front()];
  for (std::size_t depth = 1; depth < path.size(); ++depth) {
    if (!at->is_object()) *at = Json::object();
    at = &(*at)[path[depth]];
  }
  if (at->is_null()) *at = "";
}

Json relation_value(std::string printed, const flow::Relation& relation) {
  return {{"__text__", std::move(printed)}, {"schema", relation.space}, {"database", relation.space},
          {"identifier", relation.name},    {"name", relation.name},    {"table", relation.name}};
}

Renderer::Renderer(const project::Project& project, const Targets& targets, Json variables, Phase phase,
                   Resolver resolver)
    : state_(std::make_unique<State>(project, targets, std::move(variables), phase, std::move(resolver))) {
  if (!state_->variables.is_object()) state_->variables = Json::object();
  state_->add_variables();
  state_->add_functions();
  state_->add_macros();
}

Renderer::~Renderer() = default;
Renderer::Renderer(Renderer&&) noexcept = default;

const std::vector<Error>& Renderer::macro_mistakes() const { return state_->macro_mistakes; }
bool Renderer::has_macro(std::string_view name) const { return state_->macros.contains(name); }
const Calls& Renderer::calls() const { return state_->calls; }

Result<std::string> Renderer::render(std::string_view file, std::string_view text, const Scope& scope, int first_line) {
  auto& state = *state_;
  state.calls = {};
  state.scope = scope;
  auto values = state.node_variables();
  if (state.phase == Phase::Parse) {
    for (const auto& name : state.macro_free_names) state.fill_in(values, name);
    for (const auto& name : sql::free_names(text)) state.fill_in(values, name);
  }
  values.update(scope.variables);
  // Macros see the engine's variables, not those of the text that calls them.
  for (const auto& [name, value] : values.items()) state.engine.add_variable(name, value);
  return state.engine.render(file, text, values, first_line);
}

Result<std::string> Renderer::evaluate(std::string_view file, const std::string& text, const Scope& scope, int line) {
  line = std::max(line, 1);
  static const std::regex kCall(R"(^\s*(ref|source|var|env_var)\s*\()");
  if (std::regex_search(text, kCall)) return render(file, "{{ " + text + " }}", scope, line);
  if (sql::has_template(text)) return render(file, text, scope, line);
  state_->calls = {};
  return text;
}

}  // namespace weir::models
