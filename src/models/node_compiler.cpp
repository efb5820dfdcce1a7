#include "models/node_compiler.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/config.hpp"
#include "models/generic_tests.hpp"
#include "models/seed.hpp"

namespace weir::models {

namespace {

// Blank lines around the text are what config() leaves; a semicolon at the end would stand inside parentheses.
std::string bare_select(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(" \t\r\n;") - begin + 1);
  return std::string(text);
}

}  // namespace

NodeCompiler::NodeCompiler(const project::Project& project, const Graph& graph, const Targets& targets,
                           const CompileOptions& options)
    : project_(project),
      graph_(graph),
      targets_(targets),
      options_(options),
      renderer_(project, targets, options.variables, Phase::Execute,
                {[this](const RefCall& call) { return reference(call); },
                 [this](const SourceCall& call) { return source_of(call); }}) {}

Scope NodeCompiler::scope_of(const Node& node) const {
  const bool later_run = node.materialized == flow::Materialized::Incremental && options_.target_exists &&
                         !options_.full_refresh && !(node.config.value("full_refresh", Json()) == true);
  return {node.connection, node.target, later_run ? Incremental::Yes : Incremental::No, Json::object()};
}

Result<Json> NodeCompiler::reference(const RefCall& call) {
  const auto* node = graph_.find(call.name);
  if (node == nullptr || node->kind != NodeKind::Model) {
    // build_graph found every reference that it could see; this one depends on a variable's value.
    return Error::user(Code::InvalidProject, "no such model: {}", call.name)
        .hint("name it in a comment, -- {{ ref('" + call.name + "') }}, if the reference depends on a variable");
  }
  if (is_ephemeral(*node)) {
    ephemerals_.push_back(node);
    return relation_value(cte_name(node->name), {"", cte_name(node->name)});
  }
  return relation_value(targets_.dialect(node->connection)->quote(node->target), node->target);
}

Result<Json> NodeCompiler::source_of(const SourceCall& call) const {
  const auto found = current_->sources.find(call.source + "." + call.table);
  if (found == current_->sources.end()) {
    return Error::user(Code::InvalidProject, "no such source: {}.{}", call.source, call.table);
  }
  return relation_value(targets_.dialect(current_->connection)->quote(found->second), found->second);
}

Result<std::string> NodeCompiler::render_model(const Node& node) {
  const auto file = std::ranges::find(project_.sql_files, node.path, &project::SqlFile::path);
  if (file == project_.sql_files.end()) return Error::bug("no such file in the project: {}", node.path);
  if (file->kind == project::SqlFile::Kind::Seed) {
    return seed_select(file->path, file->text, node.config.value("column_types", Json()),
                       *targets_.dialect(node.connection));
  }
  return renderer_.render(file->path, file->text, scope_of(node));
}

Result<std::string> NodeCompiler::render_test(const Node& node) {
  if (!node.config.contains("test")) return render_model(node);
  const auto& dialect = *targets_.dialect(node.connection);
  TestQuery test;
  test.type = text_of(node.config, "test");
  test.column = text_of(node.config, "column");
  test.where = text_of(node.config, "where");
  test.arguments = node.config.value("arguments", Json::object());
  if (test.arguments.contains("quote_column")) test.column = dialect.quote(test.column);
  if (node.tested_model.empty()) {
    test.relation = dialect.quote(node.sources.at(text_of(node.config, "source")));
  } else {
    test.relation = text_of(WEIR_TRY(reference({"", node.tested_model})), "__text__");
  }
  if (!is_built_in_test(test.type)) return render_macro_test(node, filtered(test.relation, test.where));
  test.to = WEIR_TRY(renderer_.evaluate(node.path, text_of(test.arguments, "to"), scope_of(node), node.place.line));
  return test_sql(test, dialect);
}

Result<std::string> NodeCompiler::render_macro_test(const Node& node, const std::string& relation) {
  auto scope = scope_of(node);
  Json arguments = Json::object();
  std::string call = "{{ test_" + text_of(node.config, "test") + "(model=weir_model";
  if (const auto column = text_of(node.config, "column"); !column.empty()) {
    arguments["column_name"] = column;
    call += ", column_name=weir_arguments.column_name";
  }
  const auto given = node.config.value("arguments", Json::object());
  for (const auto& [key, value] : given.items()) {
    if (key == "quote_column") continue;
    arguments[key] = value;
    if (value.is_string()) {
      arguments[key] = WEIR_TRY(renderer_.evaluate(node.path, value.get<std::string>(), scope, node.place.line));
    }
    call += fmt::format(", {0}=weir_arguments.{0}", key);
  }
  scope.variables = {{"weir_model", relation}, {"weir_arguments", arguments}};
  return renderer_.render(node.path, call + ") }}", scope, std::max(node.place.line, 1));
}

// Renders what the last text referred to, depth first, so that each expression follows those it uses.
Result<void> NodeCompiler::take_ephemerals() {
  const auto met = std::exchange(ephemerals_, {});
  for (const auto* node : met) {
    if (!taken_.insert(node->name).second) continue;
    const auto* outer = std::exchange(current_, node);
    auto select = bare_select(WEIR_TRY(render_model(*node)));
    WEIR_TRY(take_ephemerals());
    current_ = outer;
    ctes_.push_back({cte_name(node->name), std::move(select)});
  }
  return {};
}

Result<std::string> NodeCompiler::compile(const Node& node) {
  current_ = &node;
  ephemerals_.clear();
  taken_.clear();
  ctes_.clear();
  auto select = bare_select(WEIR_TRY(node.kind == NodeKind::Test ? render_test(node) : render_model(node)));
  WEIR_TRY(take_ephemerals());
  if (select.empty()) {
    return Error::user(Code::InvalidProject, "nothing is left to run of: {}", node.name).at(node.place);
  }
  select = with_ctes(select, ctes_);
  const auto limit = text_of(node.config, "limit");
  if (node.kind == NodeKind::Test && !limit.empty()) select += "\nlimit " + limit;
  return select;
}

Result<std::vector<std::string>> NodeCompiler::hooks(const Node& node, std::string_view key) {
  current_ = &node;
  std::vector<std::string> statements;
  for (const auto& text : text_list(node.config.value(std::string(key), Json()))) {
    auto statement = bare_select(WEIR_TRY(renderer_.render(node.path, text, scope_of(node))));
    if (!statement.empty()) statements.push_back(std::move(statement));
  }
  return statements;
}

Result<std::string> compile(const project::Project& project, const Graph& graph, const Node& node,
                            const Targets& targets, const CompileOptions& options) {
  return NodeCompiler(project, graph, targets, options).compile(node).while_doing("compiling " + node.name);
}

}  // namespace weir::models
