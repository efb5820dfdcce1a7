#include "connectors/clickhouse/dialect.hpp"

#include <fmt/format.h>

#include "connectors/clickhouse/canonical.hpp"
#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/column_type.hpp"
#include "connectors/clickhouse/staging.hpp"
#include "connectors/clickhouse/table_clauses.hpp"

namespace weir::clickhouse {
namespace {

using flow::Materialization;
using flow::Relation;
using flow::Script;

std::string names_of(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names) quoted.push_back(quote_name(name));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

class ClickhouseDialect final : public flow::Dialect {
 public:
  explicit ClickhouseDialect(std::string cluster) : cluster_(std::move(cluster)) {}

  std::string_view name() const override { return "clickhouse"; }
  std::string quote(std::string_view identifier) const override { return quote_name(identifier); }
  std::string quote(const Relation& relation) const override {
    return relation.space.empty() ? quote_name(relation.name)
                                  : fmt::format("{}.{}", quote_name(relation.space), quote_name(relation.name));
  }
  std::string literal(std::string_view text) const override { return quote_text(text); }
  std::string type_name(const data::Type& type, data::Nullable nullable) const override {
    return clickhouse_type(type, nullable);
  }

  Result<Script> materialize(const Materialization& what) const override;

  std::string count_if(std::string_view condition) const override { return fmt::format("countIf({})", condition); }
  // A sum rather than OR, which filters every column anew after each condition: that costs more than evaluating the
  // conditions, since few rows fulfil any.
  std::string any_of(std::span<const std::string> conditions) const override {
    return fmt::format("(({})) > 0", fmt::join(conditions, ")\n   + ("));
  }
  std::string matches(std::string_view expression, std::string_view pattern) const override {
    return fmt::format("match({}, {})", expression, quote_text(pattern));
  }
  // One expression counts as everywhere: without NULLs. Several count as rows, in which NULL is a value.
  std::string count_distinct(std::span<const std::string> expressions) const override {
    if (expressions.size() == 1) return fmt::format("uniqExact({})", expressions[0]);
    return fmt::format("uniqExact(tuple({}))", fmt::join(expressions, ", "));
  }
  std::string cast_text(std::string_view expression) const override { return fmt::format("toString({})", expression); }
  std::string age_seconds(std::string_view expression) const override {
    return fmt::format("(toFloat64(now64(6)) - toFloat64(toDateTime64({}, 6)))", expression);
  }

  std::string canonical(std::string_view expression, const data::Type& type) const override {
    return canonical_text(expression, type);
  }
  std::string digest(std::span<const std::string> canonical) const override { return digest_of(canonical); }
  std::string exact_sum(std::string_view expression) const override {
    return fmt::format("toString(ifNull(sum(toInt128({})), 0))", expression);
  }
  std::string bucket(std::string_view digest, int count) const override {
    return fmt::format("bitAnd({}, {})", digest, count - 1);
  }

 private:
  Script view(const Materialization& what) const;
  Script table(const Materialization& what) const;
  Script append(const Materialization& what) const;
  // Takes the rows whose `match` stands among the new rows out of the table and puts the new rows in, on a copy (hard
  // links) that then takes the table's place: readers see all of the change or none.
  Script replace_matching(const Materialization& what, std::string_view match) const;
  Script materialized_view(const Materialization& what) const;
  Result<Script> incremental(const Materialization& what) const;

  static Relation beside(const Relation& relation, std::string_view mark) {
    return {relation.space, fmt::format("{}{}model", relation.name, mark)};
  }
  std::string drop(const Relation& relation) const {
    return fmt::format("DROP TABLE IF EXISTS {}{} SYNC", quote(relation), on_cluster(cluster_));
  }
  std::string create_as(const Relation& relation, const Relation& model) const {
    return fmt::format("CREATE TABLE {}{} AS {}", quote(relation), on_cluster(cluster_), quote(model));
  }
  std::string exchange(const Relation& left, const Relation& right) const {
    return fmt::format("EXCHANGE TABLES {} AND {}{}", quote(left), quote(right), on_cluster(cluster_));
  }
  std::string insert_by_name(const Relation& target, const Materialization& what) const {
    std::vector<std::string> names;
    for (const auto& field : what.existing->schema.fields) names.push_back(field.name);
    const auto list = names_of(names);
    return fmt::format("INSERT INTO {} ({}) SELECT {} FROM (\n{}\n)", quote(target), list, list,
                       trim_statement(what.select));
  }

  std::string cluster_;
};

Result<Script> ClickhouseDialect::materialize(const Materialization& what) const {
  switch (what.materialized) {
    case flow::Materialized::View: return view(what);
    case flow::Materialized::Table: return table(what);
    case flow::Materialized::Incremental: return incremental(what);
    case flow::Materialized::MaterializedView: return materialized_view(what);
  }
  return Error::bug("an unknown materialization of {}", what.target.text());
}

Script ClickhouseDialect::view(const Materialization& what) const {
  return {.statements = {fmt::format("CREATE OR REPLACE VIEW {}{} AS\n{}", quote(what.target), on_cluster(cluster_),
                                     trim_statement(what.select))},
          .cleanup = {}};
}

Script ClickhouseDialect::table(const Materialization& what) const {
  const auto next = beside(what.target, kNextMark);
  Script script;
  script.statements.push_back(drop(next));
  script.statements.push_back(fmt::format("CREATE TABLE {}{} {} AS\n{}", quote(next), on_cluster(cluster_),
                                          table_clauses(what.config, what.unique_key, NullableKey::Allowed, cluster_),
                                          trim_statement(what.select)));
  script.statements.push_back(
      what.existing ? exchange(next, what.target)
                    : fmt::format("RENAME TABLE {} TO {}{}", quote(next), quote(what.target), on_cluster(cluster_)));
  script.cleanup.push_back(drop(next));
  return script;
}

Script ClickhouseDialect::append(const Materialization& what) const {
  // One INSERT of many blocks can stop half-way: the rows are collected beside the table and attached in one step.
  if (!makes_merge_tree(what.config)) return {.statements = {insert_by_name(what.target, what)}, .cleanup = {}};
  const auto fresh = beside(what.target, kStagingMark);
  return {.statements = {drop(fresh), create_as(fresh, what.target), insert_by_name(fresh, what),
                         fmt::format("ALTER TABLE {} ATTACH PARTITION ALL FROM {}", quote(what.target), quote(fresh))},
          .cleanup = {drop(fresh)}};
}

Script ClickhouseDialect::replace_matching(const Materialization& what, std::string_view match) const {
  const auto fresh = beside(what.target, kStagingMark);
  const auto next = beside(what.target, kNextMark);
  const auto attach = [&](const Relation& from) {
    return fmt::format("ALTER TABLE {} ATTACH PARTITION ALL FROM {}", quote(next), quote(from));
  };
  return {.statements = {drop(fresh), drop(next), create_as(fresh, what.target), insert_by_name(fresh, what),
                         create_as(next, what.target), attach(what.target),
                         fmt::format("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {})", quote(next), match, match,
                                     quote(fresh)),
                         attach(fresh), exchange(next, what.target)},
          .cleanup = {drop(next), drop(fresh)}};
}

Result<Script> ClickhouseDialect::incremental(const Materialization& what) const {
  if (!what.existing || what.existing->kind != flow::RelationKind::Table || what.full_refresh) return table(what);
  auto strategy = what.strategy;
  if (strategy.empty()) strategy = what.unique_key.empty() ? "append" : "delete+insert";
  if (strategy == "append") return append(what);
  const bool by_key = strategy == "delete+insert" || strategy == "delete_insert" || strategy == "merge";
  if (!by_key && strategy != "insert_overwrite") {
    return Error::user(Code::InvalidProject, "ClickHouse has no incremental strategy {}", strategy)
        .hint("use append, delete+insert, merge or insert_overwrite");
  }
  if (!makes_merge_tree(what.config)) {
    return Error::user(Code::Unsupported, "the strategy {} needs an engine of the MergeTree family", strategy);
  }
  const auto match = by_key ? names_of(what.unique_key) : expression_list(what.config, "partition_by");
  if (match.empty()) {
    return Error::user(Code::InvalidProject, "the strategy {} needs {}", strategy,
                       by_key ? "unique_key" : "partition_by");
  }
  return replace_matching(what, match);
}

// As in dbt-clickhouse, the model's name is the table that queries read; the view that fills it is beside it. Rows that
// arrive at the sources between the first fill and the view's creation are in neither: build it while nothing is written.
Script ClickhouseDialect::materialized_view(const Materialization& what) const {
  const Relation view{what.target.space, what.target.name + "_mv"};
  const auto select = trim_statement(what.select);
  const auto create_view = [&](std::string_view if_not_exists) {
    return fmt::format("CREATE MATERIALIZED VIEW {}{}{} TO {} AS\n{}", if_not_exists, quote(view), on_cluster(cluster_),
                       quote(what.target), select);
  };
  if (what.existing && what.existing->kind == flow::RelationKind::Table && !what.full_refresh) {
    return {.statements = {create_view("IF NOT EXISTS "),
                           fmt::format("ALTER TABLE {}{} MODIFY QUERY\n{}", quote(view), on_cluster(cluster_), select)},
            .cleanup = {}};
  }
  auto script = table(what);
  script.statements.insert(script.statements.begin(), drop(view));
  script.statements.push_back(create_view(""));
  return script;
}

}  // namespace

std::unique_ptr<flow::Dialect> make_dialect(std::string cluster) {
  return std::make_unique<ClickhouseDialect>(std::move(cluster));
}

}  // namespace weir::clickhouse
