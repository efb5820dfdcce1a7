#include "models/graph_builder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "models/config.hpp"
#include "models/generic_tests.hpp"
#include "models/seed.hpp"
#include "models/template_text.hpp"
#include "project/nearest.hpp"
#include "sql/template.hpp"

namespace weir::models {

namespace {

// While the graph is built, references only have to be recorded.
Resolver recording() {
  return {[](const RefCall& call) -> Result<Json> {
            return relation_value(call.name, {"", call.name});
          },
          [](const SourceCall& call) -> Result<Json> {
            return relation_value(call.table, {call.source, call.table});
          }};
}

std::string key_of(const SourceCall& call) { return call.source + "." + call.table; }

// A seed is a model whose SELECT comes from its CSV text.
bool is_seed(const project::SqlFile& file) { return file.kind == project::SqlFile::Kind::Seed; }
bool is_model(const project::SqlFile& file) { return file.kind == project::SqlFile::Kind::Model || is_seed(file); }

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

template <typename T>
void join(std::vector<T>& list, const std::vector<T>& more) {
  for (const auto& value : more) {
    if (std::ranges::find(list, value) == list.end()) list.push_back(value);
  }
}

}  // namespace

GraphBuilder::GraphBuilder(const project::Project& project, const Targets& targets)
    : project_(project),
      targets_(targets),
      properties_(read_properties(project, mistakes_)),
      renderer_(project, targets, Json::object(), Phase::Parse, recording()) {
  mistakes_.insert(mistakes_.end(), renderer_.macro_mistakes().begin(), renderer_.macro_mistakes().end());
}

GraphOutcome GraphBuilder::build() {
  read_models();
  check_properties();
  read_singular_tests();
  read_generic_tests();
  resolve();
  check_targets();
  GraphOutcome outcome;
  Graph graph{in_order(), project_.dbt ? project_.dbt->folder : std::string()};
  if (mistakes_.empty()) outcome.graph = std::move(graph);
  std::ranges::stable_sort(mistakes_, {}, [](const Error& error) {
    const auto place = error.place().value_or(Place{});
    return std::tuple(place.file, place.line, place.column);
  });
  outcome.mistakes.errors = std::move(mistakes_);
  return outcome;
}

void GraphBuilder::mistake(Place place, std::string message, std::string hint) {
  mistakes_.push_back(
      Error(Fault::User, Code::InvalidProject, std::move(message)).at(std::move(place)).hint(std::move(hint)));
}

const Node* GraphBuilder::find_model(std::string_view name) const {
  const auto found = std::ranges::find_if(
      drafts_, [&](const Draft& draft) { return draft.node.kind == NodeKind::Model && draft.node.name == name; });
  return found == drafts_.end() ? nullptr : &found->node;
}

Place GraphBuilder::place_of(const Draft& draft, std::string_view call, std::string_view name) const {
  if (draft.file == nullptr) return draft.node.place;
  return place_of_call(draft.file->path, draft.file->text, call, name);
}

std::string GraphBuilder::unique_name(std::string name) const {
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::any_of(drafts_, [&](const Draft& draft) { return draft.node.name == candidate; });
  };
  if (!taken(name)) return name;
  int number = 2;
  while (taken(fmt::format("{}_{}", name, number))) ++number;
  return fmt::format("{}_{}", name, number);
}

bool GraphBuilder::render(Draft& draft, const std::string& text, Calls& calls) {
  calls = {};
  for (const auto incremental : {Incremental::No, Incremental::Yes}) {
    if (incremental == Incremental::Yes && text.find("is_incremental") == std::string::npos) break;
    const Scope scope{draft.node.connection, draft.node.target, incremental, Json::object()};
    auto rendered = renderer_.render(draft.node.path, text, scope);
    if (!rendered.ok()) {
      mistakes_.push_back(std::move(rendered).error());
      return false;
    }
    calls.config.update(renderer_.calls().config);
    join(calls.refs, renderer_.calls().refs);
    join(calls.sources, renderer_.calls().sources);
  }
  return true;
}

// The node's connection is the project's default unless its configuration names another.
bool GraphBuilder::set_connection(Draft& draft) {
  auto& node = draft.node;
  const auto configured = text_of(node.config, "connection");
  if (!configured.empty()) node.connection = configured;
  if (targets_.dialect(node.connection) != nullptr) return true;
  auto place = draft.file == nullptr ? node.place : place_of_word(draft.file->path, draft.file->text, node.connection);
  if (node.connection.empty()) {
    mistake({node.path, 0, 0}, fmt::format("no connection for: {}", node.name),
            "give it config(connection='…'), or name the project's connection for models in weir.yml");
  } else if (project_.find_connection(node.connection) == nullptr) {
    mistake(std::move(place), fmt::format("no such connection: {}", node.connection),
            project::suggestion(node.connection, project::names_of(project_.connections)));
  } else {
    mistake(std::move(place), fmt::format("this connection runs no SQL: {}", node.connection),
            "models need a database: postgres or clickhouse");
  }
  return false;
}

// dbt's default: a custom schema is added to the connection's own, unless the project has a generate_schema_name macro.
std::string GraphBuilder::space_of(const Draft& draft) {
  auto own = targets_.default_space(draft.node.connection);
  const auto custom = trimmed(text_of(draft.node.config, "schema"));
  if (renderer_.has_macro("generate_schema_name")) {
    const Json node = {{"name", draft.node.name}, {"path", draft.node.path}, {"config", draft.node.config}};
    const Json custom_name = custom.empty() ? Json() : Json(custom);
    const Scope scope{draft.node.connection, {}, Incremental::No, {{"weir_custom", custom_name}, {"weir_node", node}}};
    auto space = renderer_.render(draft.node.path, "{{ generate_schema_name(weir_custom, weir_node) }}", scope);
    if (space.ok()) return trimmed(*space);
    mistakes_.push_back(std::move(space).error());
    return own;
  }
  if (custom.empty()) return own;
  return own.empty() ? custom : own + "_" + custom;
}

void GraphBuilder::set_target(Draft& draft) {
  const auto alias = text_of(draft.node.config, "alias");
  draft.node.target = {space_of(draft), alias.empty() ? draft.node.name : alias};
}

void GraphBuilder::read_models() {
  for (const auto& file : project_.sql_files) {
    if (is_model(file)) read_model(file);
  }
}

void GraphBuilder::read_model(const project::SqlFile& file) {
  if (const auto* other = find_model(file.name)) {
    return mistake({file.path, 0, 0},
                   fmt::format("two models are called {}: {} and {}", file.name, other->path, file.path),
                   "rename one of them; alias names its table");
  }
  Draft draft;
  auto& node = draft.node;
  draft.file = &file;
  node.name = file.name;
  node.path = file.path;
  node.place = {file.path, 1, 1};
  const auto& tree = is_seed(file) ? project_.dbt->seed_config : project_.model_config;
  node.config = config_by_folder(tree, project_.name, file.path_below_root());
  if (const auto* properties = properties_.find_model(file.name)) {
    merge_config(node.config, properties->config);
    node.description = properties->description;
  }
  if (is_seed(file)) merge_config(node.config, {{"materialized", "table"}, {"seed", true}});
  node.connection = text_of(node.config, "connection");
  if (node.connection.empty()) node.connection = project_.model_connection;
  if (!render_config(draft)) return;
  set_target(draft);
  if (is_seed(file)) return read_seed(std::move(draft));

  Calls calls;
  if (!render(draft, file.text, calls)) return;
  const auto assumed = node.connection;
  merge_config(node.config, calls.config);
  if (!is_enabled(node.config)) {
    disabled_.insert(node.name);
    return;
  }
  if (!set_connection(draft)) return;
  set_target(draft);
  // `target` and `this` said the wrong things if config() moved the model.
  if (node.connection != assumed && !render(draft, file.text, calls)) return;
  draft.refs = calls.refs;
  draft.sources = calls.sources;
  node.tags = text_list(node.config.value("tags", Json()));
  if (const auto how = parse_materialized(text_of(node.config, "materialized"))) node.materialized = how->materialized;
  for (auto& error : check_config(node.config, *targets_.dialect(node.connection))) {
    const auto key = error.message().substr(0, error.message().find(' '));
    mistakes_.push_back(std::move(error).at(place_of_word(file.path, file.text, key)));
  }
  drafts_.push_back(std::move(draft));
}

// Texts of dbt_project.yml and of properties may hold templates: "{{ target.type == 'clickhouse' }}". Hooks are rendered
// when they run.
bool GraphBuilder::render_config(Draft& draft) {
  auto& config = draft.node.config;
  const bool rendered = std::ranges::all_of(config.items(), [&](const auto& entry) {
    return entry.key().ends_with("_hook") || render_value(draft, entry.value());
  });
  if (config.contains("enabled") && config["enabled"] == "False") config["enabled"] = false;
  return rendered;
}

bool GraphBuilder::render_value(const Draft& draft, Json& value) {
  if (value.is_structured())
    return std::ranges::all_of(value, [&](Json& element) { return render_value(draft, element); });
  if (!value.is_string() || !sql::has_template(value.get_ref<const std::string&>())) return true;
  const Scope scope{draft.node.connection, draft.node.target, Incremental::No, Json::object()};
  auto rendered = renderer_.evaluate(draft.node.path, value.get<std::string>(), scope, 1);
  if (!rendered.ok()) {
    mistakes_.push_back(std::move(rendered).error());
    return false;
  }
  value = trimmed(*rendered);
  return true;
}

void GraphBuilder::read_seed(Draft draft) {
  auto& node = draft.node;
  if (!is_enabled(node.config)) {
    disabled_.insert(node.name);
    return;
  }
  if (!set_connection(draft)) return;
  set_target(draft);
  node.tags = text_list(node.config.value("tags", Json()));
  node.materialized = flow::Materialized::Table;
  auto select = seed_select(node.path, draft.file->text, node.config.value("column_types", Json()),
                            *targets_.dialect(node.connection));
  if (!select.ok()) {
    mistakes_.push_back(std::move(select).error());
    return;
  }
  drafts_.push_back(std::move(draft));
}

void GraphBuilder::check_properties() {
  std::vector<std::string_view> names;
  for (const auto& file : project_.sql_files) {
    if (is_model(file)) names.push_back(file.name);
  }
  std::set<std::string> seen;
  for (const auto& model : properties_.models) {
    if (std::ranges::find(names, model.name) == names.end()) {
      mistake(model.place, fmt::format("no such model: {}", model.name), project::suggestion(model.name, names));
    } else if (!seen.insert(model.name).second) {
      mistake(model.place, fmt::format("the properties of this model are given twice: {}", model.name),
              "join the two entries");
    }
  }
}

void GraphBuilder::set_severity(Draft& draft) {
  const auto severity = text_of(draft.node.config, "severity");
  if (severity == "warn" || severity == "WARN") {
    draft.node.severity = Severity::Warn;
  } else if (!severity.empty() && severity != "error" && severity != "ERROR") {
    mistake(draft.node.place, fmt::format("severity cannot be: {}", severity), "one of: warn, error");
  }
  for (const auto* key : {"warn_if", "error_if"}) {
    const auto condition = text_of(draft.node.config, key);
    if (!condition.empty() && !condition_holds(condition, 0)) {
      mistake(draft.node.place, fmt::format("{} cannot be: {}", key, condition),
              "a comparison with a number, as in \"> 10\"");
    }
  }
}

void GraphBuilder::read_singular_tests() {
  for (const auto& file : project_.sql_files) {
    if (file.kind != project::SqlFile::Kind::SingularTest || holds_macros(file)) continue;
    Draft draft;
    auto& node = draft.node;
    draft.file = &file;
    node.kind = NodeKind::Test;
    node.name = unique_name(file.name);
    node.path = file.path;
    node.place = {file.path, 1, 1};
    node.connection = project_.model_connection;
    Calls calls;
    if (!render(draft, file.text, calls)) continue;
    const auto assumed = node.connection;
    merge_config(node.config, calls.config);
    if (!is_enabled(node.config)) continue;
    // It runs where the models lie that it reads.
    for (const auto& ref : calls.refs) {
      if (const auto* model = find_model(ref.name)) {
        node.connection = model->connection;
        break;
      }
    }
    if (!set_connection(draft)) continue;
    if (node.connection != assumed && !render(draft, file.text, calls)) continue;
    draft.refs = calls.refs;
    draft.sources = calls.sources;
    node.tags = text_list(node.config.value("tags", Json()));
    set_severity(draft);
    drafts_.push_back(std::move(draft));
  }
}

void GraphBuilder::read_generic_tests() {
  for (const auto& properties : properties_.models) {
    const auto* model = find_model(properties.name);
    if (model == nullptr) continue;
    const auto copy = *model;  // drafts_ grows below
    for (const auto& test : properties.tests) read_generic_test(test, &copy, nullptr);
  }
  for (const auto& source : properties_.sources) {
    for (const auto& test : source.tests) read_generic_test(test, nullptr, &source);
  }
}

void GraphBuilder::read_generic_test(const TestProperties& test, const Node* model, const SourceTable* source) {
  if (!is_enabled(test.config)) return;
  if (!is_built_in_test(test.type) && !renderer_.has_macro("test_" + test.type)) {
    return mistake(
        test.place, fmt::format("no such test: {}", test.type),
        project::suggestion(test.type, built_in_tests(), "a macro test_" + test.type + " in macros/ would be it"));
  }
  if (auto missing = missing_argument(test); !missing.empty()) return mistake(test.place, std::move(missing), {});
  Draft draft;
  auto& node = draft.node;
  node.kind = NodeKind::Test;
  const auto table = model != nullptr ? model->name : source->source + "_" + source->table;
  const auto prefix = model == nullptr && test.name.empty() ? "source_" : "";
  node.name = unique_name(prefix + test_name(test, table));
  node.path = test.place.file;
  node.place = test.place;
  node.connection = project_.model_connection;
  node.config = test.config;
  node.config["test"] = test.type;
  node.config["column"] = test.column;
  node.config["arguments"] = test.arguments;
  node.tags = text_list(test.config.value("tags", Json()));
  if (model != nullptr) {
    node.tested_model = model->name;
    node.connection = model->connection;
    draft.refs.push_back({"", model->name});
    join(node.tags, model->tags);
  } else {
    node.config["source"] = source->source + "." + source->table;
    if (!source->connection.empty()) node.connection = source->connection;
    if (project_.find_connection(source->source) != nullptr && source->schema.empty()) node.connection = source->source;
    draft.sources.push_back({source->source, source->table});
  }
  if (!set_connection(draft)) return;
  set_severity(draft);
  // "ref('customers')" among the arguments.
  for (const auto& [key, value] : test.arguments.items()) {
    if (!value.is_string()) continue;
    const Scope scope{node.connection, {}, Incremental::No, Json::object()};
    auto evaluated = renderer_.evaluate(node.path, value.get<std::string>(), scope, test.place.line);
    if (!evaluated.ok()) {
      mistakes_.push_back(std::move(evaluated).error().at(test.place));
      continue;
    }
    join(draft.refs, renderer_.calls().refs);
    join(draft.sources, renderer_.calls().sources);
  }
  drafts_.push_back(std::move(draft));
}

void GraphBuilder::resolve() {
  for (auto& draft : drafts_) {
    for (const auto& call : draft.refs) resolve_ref(draft, call);
    for (const auto& call : draft.sources) resolve_source(draft, call);
  }
}

void GraphBuilder::resolve_ref(Draft& draft, const RefCall& call) {
  auto& node = draft.node;
  if (!call.package.empty() && call.package != project_.name && !(project_.dbt && call.package == project_.dbt->name)) {
    return mistake(place_of(draft, "ref", call.name), fmt::format("no such package: {}", call.package),
                   "this project is called " + project_.name);
  }
  const auto* model = find_model(call.name);
  if (model != nullptr) {
    node.depends_on.insert(call.name);
    if (model->connection == node.connection) return;
    return mistake(place_of(draft, "ref", call.name),
                   fmt::format("{} is on another connection: {} is on {}, {} on {}", call.name, call.name,
                               model->connection, node.name, node.connection),
                   fmt::format("copy it there first (copy: {{from: {0}.{1}, to: {2}.{1}}}) and read it with source()",
                               model->connection, model->target.name, node.connection));
  }
  if (disabled_.contains(call.name)) {
    return mistake(place_of(draft, "ref", call.name), fmt::format("this model is disabled: {}", call.name),
                   "enable it, or disable what refers to it");
  }
  // A model with a mistake of its own is there; one mistake is enough.
  const auto exists = std::ranges::any_of(
      project_.sql_files, [&](const project::SqlFile& file) { return is_model(file) && file.name == call.name; });
  if (exists) return;
  if (project_.dbt && std::ranges::find(project_.dbt->snapshots, call.name) != project_.dbt->snapshots.end()) {
    return mistake(
        place_of(draft, "ref", call.name), fmt::format("Weir does not make snapshots: {}", call.name),
        "let dbt itself run this model (a task dbt: {command: build}), or describe the snapshot's table as a source");
  }
  std::vector<std::string_view> names;
  for (const auto& other : drafts_) {
    if (other.node.kind == NodeKind::Model) names.push_back(other.node.name);
  }
  mistake(place_of(draft, "ref", call.name), fmt::format("no such model: {}", call.name),
          project::suggestion(call.name, names));
}

// A source that is called like a connection lies there in its default space; otherwise, as in dbt, its name is its schema.
void GraphBuilder::resolve_source(Draft& draft, const SourceCall& call) {
  auto& node = draft.node;
  const auto* table = properties_.find_source(call.source, call.table);
  if (table == nullptr) {
    std::vector<std::string> known;
    for (const auto& source : properties_.sources) known.push_back(source.source + "." + source.table);
    const std::vector<std::string_view> names(known.begin(), known.end());
    return mistake(place_of(draft, "source", call.table), fmt::format("no such source: {}", key_of(call)),
                   project::suggestion(key_of(call), names, "describe it under sources: in a YAML file below models/"));
  }
  const bool named_like_connection = table->schema.empty() && project_.find_connection(table->source) != nullptr;
  const auto connection = !table->connection.empty() ? table->connection
                          : named_like_connection    ? table->source
                                                     : std::string();
  if (!connection.empty() && connection != node.connection) {
    return mistake(
        place_of(draft, "source", call.table),
        fmt::format("{} is on another connection: {}, {} on {}", key_of(call), connection, node.name, node.connection),
        fmt::format("copy it there first: copy: {{from: {0}.{1}, to: {2}.{1}}}", connection, table->identifier,
                    node.connection));
  }
  flow::Relation relation;
  const auto schema = table->schema.empty() && !named_like_connection ? table->source : table->schema;
  const Scope scope{node.connection, {}, Incremental::No, Json::object()};
  for (const auto& [text, into] : {std::pair{schema, &relation.space}, std::pair{table->identifier, &relation.name}}) {
    auto evaluated = renderer_.evaluate(table->place.file, text, scope, table->place.line);
    if (!evaluated.ok()) {
      mistakes_.push_back(std::move(evaluated).error().at(table->place));
      return;
    }
    *into = *evaluated;
  }
  if (relation.space.empty()) relation.space = targets_.default_space(node.connection);
  node.sources[key_of(call)] = std::move(relation);
}

void GraphBuilder::check_targets() {
  std::map<std::pair<std::string, flow::Relation>, const Node*> taken;
  for (const auto& draft : drafts_) {
    const auto& node = draft.node;
    if (node.kind != NodeKind::Model || is_ephemeral(node)) continue;
    const auto [entry, added] = taken.try_emplace({node.connection, node.target}, &node);
    if (added) continue;
    mistake({node.path, 0, 0},
            fmt::format("two models become the same relation {}: {} and {}", node.target.text(), entry->second->name,
                        node.name),
            "give one of them another alias or schema");
  }
}

// Tests come as soon as they can, otherwise the order is that of the paths.
std::vector<Node> GraphBuilder::in_order() {
  std::map<std::string, std::set<std::string>> waiting;
  for (const auto& draft : drafts_) waiting[draft.node.name] = draft.node.depends_on;
  for (auto& [name, needs] : waiting) {
    std::erase_if(needs, [&](const auto& need) { return !waiting.contains(need); });
  }
  std::vector<Node> ordered;
  const auto rank = [](const Draft* draft) {
    return std::tuple(draft->node.kind == NodeKind::Model, draft->node.path);
  };
  while (!waiting.empty()) {
    const Draft* next = nullptr;
    for (const auto& draft : drafts_) {
      const auto entry = waiting.find(draft.node.name);
      if (entry == waiting.end() || !entry->second.empty()) continue;
      if (next == nullptr || rank(&draft) < rank(next)) next = &draft;
    }
    if (next == nullptr) {
      report_cycle(waiting);
      return {};
    }
    ordered.push_back(next->node);
    waiting.erase(next->node.name);
    for (auto& [name, needs] : waiting) needs.erase(next->node.name);
  }
  return ordered;
}

// Everything that waits waits for something that waits, so following the first need of each ends in a circle.
void GraphBuilder::report_cycle(const std::map<std::string, std::set<std::string>>& waiting) {
  std::vector<std::string> path{waiting.begin()->first};
  for (;;) {
    const auto& next = *waiting.at(path.back()).begin();
    const auto closes = std::ranges::find(path, next) != path.end();
    path.push_back(next);
    if (!closes) continue;
    path.erase(path.begin(), std::ranges::find(path, next));
    break;
  }
  const auto draft = std::ranges::find_if(drafts_, [&](const Draft& item) { return item.node.name == path.front(); });
  mistake(place_of(*draft, "ref", path[1]),
          fmt::format("models refer to each other in a circle: {}", fmt::join(path, " → ")),
          path.size() == 2 ? "a model reads its own table as {{ this }}" : "take one of these references out");
}

const Node* Graph::find(std::string_view name) const {
  const auto found = std::ranges::find(nodes, name, &Node::name);
  return found == nodes.end() ? nullptr : &*found;
}

GraphOutcome build_graph(const project::Project& project, const Targets& targets) {
  return GraphBuilder(project, targets).build();
}

}  // namespace weir::models
