#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/text.hpp"
#include "models/config.hpp"
#include "models/generic_tests.hpp"
#include "models/node_compiler.hpp"
#include "models/properties.hpp"

namespace weir::models {

namespace {

// The one number that a `select count(*)` returns: int64 in PostgreSQL, uint64 in ClickHouse.
Result<std::uint64_t> count_rows(flow::Database& database, const std::string& from, std::stop_token stop) {
  const auto batches = WEIR_TRY(flow::select_all(database, "select count(*) as n from " + from, stop));
  if (batches.size() != 1 || batches[0].rows() != 1 || data::value_width(batches[0].column(0).type()) != 8) {
    return Error::bug("a count came back in another shape");
  }
  return batches[0].column(0).values<std::uint64_t>()[0];
}

// The columns of a query, without its rows.
Result<data::Schema> columns_of(flow::Database& database, const std::string& select, std::stop_token stop) {
  const auto reader = WEIR_TRY(
      database.select(fmt::format("select * from (\n{}\n) as weir_columns limit 0", select), flow::Limits{}, stop));
  return *reader->schema();
}

std::vector<std::string> missing_from(const data::Schema& schema, const data::Schema& other) {
  std::vector<std::string> names;
  for (const auto& field : other.fields) {
    if (!schema.find(field.name)) names.push_back(field.name);
  }
  return names;
}

// One execution of one model.
class ModelExecution {
 public:
  ModelExecution(const Node& node, const flow::Dialect& dialect, flow::Database& database, std::stop_token stop)
      : node_(node), dialect_(dialect), database_(database), stop_(std::move(stop)) {}

  // Published as one script: hooks, new columns and the model itself.
  Result<flow::Script> script(std::string select, std::optional<flow::RelationInfo> existing, bool full_refresh,
                              NodeCompiler& compiler) {
    flow::Script script;
    script.statements = WEIR_TRY(compiler.hooks(node_, "pre_hook"));
    if (node_.materialized == flow::Materialized::Incremental && existing &&
        existing->kind == flow::RelationKind::Table && !full_refresh) {
      WEIR_TRY(fit_columns(select, *existing, script.statements));
    }
    flow::Materialization what;
    what.target = node_.target;
    what.materialized = node_.materialized;
    what.select = std::move(select);
    what.existing = std::move(existing);
    what.strategy = incremental_strategy(node_.config);
    what.unique_key = text_list(node_.config.value("unique_key", Json()));
    what.full_refresh = full_refresh;
    what.config = node_.config;
    auto made = WEIR_TRY(dialect_.materialize(what));
    std::ranges::move(made.statements, std::back_inserter(script.statements));
    std::ranges::move(WEIR_TRY(compiler.hooks(node_, "post_hook")), std::back_inserter(script.statements));
    script.cleanup = std::move(made.cleanup);
    return script;
  }

  // dbt makes the schema of a model that configures one; the connection's own is the user's affair.
  Result<void> make_space() {
    if (node_.target.space.empty() || node_.target.space == database_.default_space()) return {};
    const auto* kind = dialect_.name() == "clickhouse" ? "database" : "schema";
    auto made =
        database_.execute(fmt::format("create {} if not exists {}", kind, dialect_.quote(node_.target.space)), stop_);
    // Two models may make it at the same moment; PostgreSQL then tells the second one that it exists.
    if (!made.ok() && made.error().code() != Code::AlreadyExists) return std::move(made).error();
    return {};
  }

 private:
  // Makes the rows of `select` have exactly the table's columns, in its order (on_schema_change).
  Result<void> fit_columns(std::string& select, flow::RelationInfo& existing, std::vector<std::string>& statements) {
    const auto made = WEIR_TRY(columns_of(database_, select, stop_));
    const auto added = missing_from(existing.schema, made);
    const auto gone = missing_from(made, existing.schema);
    const auto change = schema_change(node_.config);
    if (!gone.empty() && change != SchemaChange::AppendNewColumns) {
      return Error::user(Code::TypeMismatch, "the model no longer has columns of its table {}: {}", node_.target.text(),
                         fmt::join(gone, ", "))
          .hint("run it with --full-refresh, or set on_schema_change='append_new_columns' to leave them empty")
          .at(node_.place);
    }
    if (!added.empty() && change == SchemaChange::Fail) {
      return Error::user(Code::TypeMismatch, "the model has columns that its table {} lacks: {}", node_.target.text(),
                         fmt::join(added, ", "))
          .hint("run it with --full-refresh, or set on_schema_change='append_new_columns'")
          .at(node_.place);
    }
    if (change == SchemaChange::AppendNewColumns) {
      for (const auto& name : added) {
        auto field = made.fields[*made.find(name)];
        field.nullable = data::Nullable::Yes;  // rows that are there already have no value
        const auto type = dialect_.type_name(field.type, field.nullable);
        statements.push_back(fmt::format("alter table {} add column {} {}", dialect_.quote(node_.target),
                                         dialect_.quote(field.name), type));
        existing.native_types.push_back(type);
        existing.schema.fields.push_back(std::move(field));
      }
    }
    std::vector<std::string> columns;
    bool same = made.fields.size() == existing.schema.fields.size();
    for (std::size_t index = 0; index < existing.schema.fields.size(); ++index) {
      const auto& name = existing.schema.fields[index].name;
      same = same && made.fields[index].name == name;
      columns.push_back(made.find(name) ? dialect_.quote(name) : "null as " + dialect_.quote(name));
    }
    if (!same) select = fmt::format("select {} from (\n{}\n) as weir_columns", fmt::join(columns, ", "), select);
    return {};
  }

  const Node& node_;
  const flow::Dialect& dialect_;
  flow::Database& database_;
  const std::stop_token stop_;
};

Result<NodeOutcome> execute_model(const project::Project& project, const Graph& graph, const Node& node,
                                  const Targets& targets, flow::Database& database, CompileOptions options, Log& log,
                                  std::stop_token stop) {
  NodeOutcome outcome;
  if (is_ephemeral(node)) {
    outcome.compiled = WEIR_TRY(NodeCompiler(project, graph, targets, options).compile(node));
    outcome.detail = "ephemeral: part of what refers to it";
    return outcome;
  }
  auto existing = WEIR_TRY(database.describe(node.target, stop));
  options.full_refresh = options.full_refresh || node.config.value("full_refresh", Json()) == true;
  options.target_exists = existing && existing->kind == flow::RelationKind::Table;
  NodeCompiler compiler(project, graph, targets, options);
  outcome.compiled = WEIR_TRY(compiler.compile(node));
  ModelExecution execution(node, *targets.dialect(node.connection), database, stop);
  WEIR_TRY(execution.make_space());
  const auto script = WEIR_TRY(execution.script(outcome.compiled, std::move(existing), options.full_refresh, compiler));
  WEIR_TRY(database.execute(script, stop));
  outcome.detail = fmt::format("{} {}", materialization(node), node.target.text());
  if (node.materialized != flow::Materialized::View) {
    outcome.rows = WEIR_TRY(count_rows(database, targets.dialect(node.connection)->quote(node.target), stop));
    log.info("model {}: {}, {} rows", node.name, outcome.detail, outcome.rows);
  } else {
    log.info("model {}: {}", node.name, outcome.detail);
  }
  return outcome;
}

// dbt's rule: error_if decides for severity error, then warn_if; both are "!= 0" unless configured.
enum class Verdict { Passed, Warned, Failed };
Verdict judge(const Node& node, std::uint64_t rows) {
  const auto holds = [&](std::string_view key) {
    const auto condition = text_of(node.config, key);
    return condition_holds(condition.empty() ? "!= 0" : condition, rows).value_or(rows != 0);
  };
  if (node.severity == Severity::Error && holds("error_if")) return Verdict::Failed;
  return holds("warn_if") ? Verdict::Warned : Verdict::Passed;
}

constexpr int kShownRows = 10;

// Some of a test's failing rows for people: "column=value, …". Empty when they cannot be had: the failure stands anyway.
std::vector<std::string> failing_rows(flow::Database& database, const std::string& compiled, std::stop_token stop) {
  std::vector<std::string> texts;
  const auto batches = flow::select_all(
      database, fmt::format("select * from (\n{}\n) as weir_test\nlimit {}", compiled, kShownRows), std::move(stop));
  if (!batches.ok()) return texts;
  for (const auto& batch : *batches) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      auto& text = texts.emplace_back();
      for (std::size_t i = 0; i < batch.columns().size(); ++i) {
        const auto& column = batch.column(i);
        text += fmt::format("{}{}={}", i == 0 ? "" : ", ", batch.schema()->fields[i].name,
                            column.is_null(row) ? std::string{"NULL"} : data::value_text(column, row));
      }
    }
  }
  return texts;
}

Result<NodeOutcome> execute_test(const project::Project& project, const Graph& graph, const Node& node,
                                 const Targets& targets, flow::Database& database, const CompileOptions& options,
                                 Log& log, std::stop_token stop) {
  NodeOutcome outcome;
  outcome.compiled = WEIR_TRY(compile(project, graph, node, targets, options));
  outcome.rows = WEIR_TRY(count_rows(database, fmt::format("(\n{}\n) as weir_test", outcome.compiled), stop)
                              .while_doing("running test " + node.name));
  switch (judge(node, outcome.rows)) {
    case Verdict::Passed: log.info("test {}: passed", node.name); return outcome;
    case Verdict::Warned:
      outcome.detail = outcome.compiled;
      log.warn("test {}: {} rows", node.name, outcome.rows);
      return outcome;
    case Verdict::Failed: break;
  }
  const auto rows = failing_rows(database, outcome.compiled, std::move(stop));
  for (const auto& row : rows) log.error("test {}: {}", node.name, row);
  return Error::user(Code::CheckFailed, "test {} failed: {} rows{}", node.name, outcome.rows,
                     rows.empty() ? "" : "; first: " + rows.front())
      .hint("these rows: " + outcome.compiled)
      .at(node.place);
}

}  // namespace

Result<NodeOutcome> execute(const project::Project& project, const Graph& graph, const Node& node,
                            const Targets& targets, flow::Database& database, const CompileOptions& options, Log& log,
                            std::stop_token stop) {
  if (node.kind == NodeKind::Model) {
    return execute_model(project, graph, node, targets, database, options, log, std::move(stop))
        .while_doing("building model " + node.name);
  }
  return execute_test(project, graph, node, targets, database, options, log, std::move(stop));
}

}  // namespace weir::models
