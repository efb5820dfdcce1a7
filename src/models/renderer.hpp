#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "flow/database.hpp"
#include "models/models.hpp"

// What dbt's templates see: ref(), source(), config(), var(), this, target, is_incremental(), env_var() and macros.
namespace weir::models {

struct RefCall {
  std::string package;  // "" when not given
  std::string name;
  auto operator<=>(const RefCall&) const = default;
};

struct SourceCall {
  std::string source;
  std::string table;
  auto operator<=>(const SourceCall&) const = default;
};

// What one rendering called, in order, each once.
struct Calls {
  Json config = Json::object();
  std::vector<RefCall> refs;
  std::vector<SourceCall> sources;
};

// A relation as templates see it: prints as SQL takes it, and has dbt's parts (schema, identifier, name, …).
Json relation_value(std::string printed, const flow::Relation& relation);

// What ref() and source() become. While the graph is built they are only recorded, and any value will do.
struct Resolver {
  std::function<Result<Json>(const RefCall&)> ref;
  std::function<Result<Json>(const SourceCall&)> source;
};

enum class Incremental { No, Yes };

// Where the rendered text stands.
struct Scope {
  std::string connection;
  flow::Relation self;  // `this`
  Incremental incremental = Incremental::No;
  Json variables = Json::object();  // further ones
};

enum class Phase {
  Parse,   // run, params, interval and env may lack what the text asks for: it reads as ""
  Execute  // a missing variable is a mistake
};

// Renders the project's SQL. One a thread; the project and the targets outlive it.
class Renderer {
 public:
  Renderer(const project::Project& project, const Targets& targets, Json variables, Phase phase, Resolver resolver);
  ~Renderer();
  Renderer(Renderer&&) noexcept;
  Renderer& operator=(Renderer&&) = delete;

  // The macros of the project that are wrong; the rest are there.
  const std::vector<Error>& macro_mistakes() const;
  bool has_macro(std::string_view name) const;

  Result<std::string> render(std::string_view file, std::string_view text, const Scope& scope, int first_line = 1);
  // The value of an expression as YAML holds it: "ref('customers')" or a text with a template in it; other texts are
  // themselves. `line` is where it stands.
  Result<std::string> evaluate(std::string_view file, const std::string& text, const Scope& scope, int line);
  // What the last render called.
  const Calls& calls() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::models
