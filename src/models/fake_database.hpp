#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "flow/database.hpp"
#include "models/models.hpp"

// For the tests of this folder: a dialect that quotes with double quotes, and a database that keeps what it was told to
// execute and answers every select with a number.
namespace weir::models {

class FakeDialect final : public flow::Dialect {
 public:
  explicit FakeDialect(std::string name) : name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  std::string quote(std::string_view identifier) const override { return fmt::format("\"{}\"", identifier); }
  std::string quote(const flow::Relation& relation) const override {
    return relation.space.empty() ? quote(relation.name) : quote(relation.space) + "." + quote(relation.name);
  }
  std::string literal(std::string_view text) const override { return fmt::format("'{}'", text); }
  std::string type_name(const data::Type& type, data::Nullable) const override { return type.text(); }

  Result<flow::Script> materialize(const flow::Materialization& what) const override {
    static constexpr std::string_view kKinds[] = {"view", "table", "incremental", "materialized view"};
    return flow::Script{{fmt::format("make {}{} {} ({}) as {}", kKinds[static_cast<int>(what.materialized)],
                                     what.full_refresh ? " anew" : "", quote(what.target),
                                     fmt::join(what.unique_key, ","), what.select)},
                        {"clean up"}};
  }

  std::string count_if(std::string_view) const override { return {}; }
  std::string any_of(std::span<const std::string>) const override { return {}; }
  std::string matches(std::string_view, std::string_view) const override { return {}; }
  std::string count_distinct(std::span<const std::string>) const override { return {}; }
  std::string cast_text(std::string_view) const override { return {}; }
  std::string age_seconds(std::string_view) const override { return {}; }
  std::string canonical(std::string_view, const data::Type&) const override { return {}; }
  std::string digest(std::span<const std::string>) const override { return {}; }
  std::string exact_sum(std::string_view) const override { return {}; }
  std::string bucket(std::string_view, int) const override { return {}; }

 private:
  std::string name_;
};

class FakeReader final : public flow::Reader {
 public:
  FakeReader(data::SchemaPtr schema, std::optional<data::Batch> batch)
      : schema_(std::move(schema)), batch_(std::move(batch)) {}
  const data::SchemaPtr& schema() const override { return schema_; }
  Result<std::optional<flow::Delivery>> next(std::stop_token) override {
    if (!batch_) return std::optional<flow::Delivery>{};
    flow::Delivery delivery{*std::exchange(batch_, std::nullopt), std::nullopt};
    return std::optional{std::move(delivery)};
  }
  std::uint64_t bytes_read() const override { return 0; }

 private:
  data::SchemaPtr schema_;
  std::optional<data::Batch> batch_;
};

class FakeDatabase final : public flow::Database {
 public:
  explicit FakeDatabase(const flow::Dialect& dialect) : dialect_(dialect) {}

  std::map<std::string, flow::RelationInfo> relations;  // by "space.name"
  data::Schema columns;                                 // of a select without rows
  std::int64_t count = 0;                               // what a count answers
  std::vector<std::string> executed;
  std::vector<std::string> selected;

  const flow::Dialect& dialect() const override { return dialect_; }
  const std::string& default_space() const override { return space_; }
  Result<std::uint64_t> execute(std::string_view sql, std::stop_token) override {
    executed.emplace_back(sql);
    return std::uint64_t{0};
  }
  Result<std::uint64_t> execute(const flow::Script& script, std::stop_token) override {
    executed.insert(executed.end(), script.statements.begin(), script.statements.end());
    executed.insert(executed.end(), script.cleanup.begin(), script.cleanup.end());
    return std::uint64_t{0};
  }
  Result<std::unique_ptr<flow::Reader>> select(std::string_view sql, const flow::Limits&, std::stop_token) override {
    selected.emplace_back(sql);
    if (sql.ends_with("limit 0")) return reader(columns, std::nullopt);
    data::ColumnBuilder builder(data::type_of(data::Kind::Int64));
    builder.append(count);
    const data::Schema schema{{{"n", data::type_of(data::Kind::Int64), data::Nullable::No}}};
    return reader(schema, data::Batch(std::make_shared<data::Schema>(schema), {builder.finish()}, 1));
  }
  Result<std::optional<flow::RelationInfo>> describe(const flow::Relation& relation, std::stop_token) override {
    const auto found = relations.find(relation.text());
    return found == relations.end() ? std::optional<flow::RelationInfo>() : found->second;
  }

 private:
  static Result<std::unique_ptr<flow::Reader>> reader(data::Schema schema, std::optional<data::Batch> batch) {
    return std::unique_ptr<flow::Reader>(
        std::make_unique<FakeReader>(std::make_shared<data::Schema>(std::move(schema)), std::move(batch)));
  }

  const flow::Dialect& dialect_;
  std::string space_ = "main";
};

// A project in memory, with two databases and a connection that has none.
class FakeProject {
 public:
  FakeProject() {
    project.name = "shop";
    for (const auto* name : {"warehouse", "crm", "disk"}) {
      project::Connection connection;
      connection.name = name;
      project.connections.push_back(std::move(connection));
    }
    project.model_connection = "warehouse";
    targets.dialect = [this](std::string_view connection) -> const flow::Dialect* {
      if (connection == "warehouse") return &clickhouse;
      return connection == "crm" ? &postgres : nullptr;
    };
    targets.default_space = [](std::string_view) { return "main"; };
  }

  FakeProject& model(const std::string& path, std::string text) {
    return add(project::SqlFile::Kind::Model, path, std::move(text));
  }
  FakeProject& test(const std::string& path, std::string text) {
    return add(project::SqlFile::Kind::SingularTest, path, std::move(text));
  }
  FakeProject& macro(const std::string& path, std::string text) {
    return add(project::SqlFile::Kind::Macro, path, std::move(text));
  }
  // YAML is JSON here; `places` says where a path stands.
  FakeProject& properties(std::string_view json, std::map<std::string, Place> places = {}) {
    project.properties.push_back({"models/schema.yml", parse_json(json).value(), std::move(places)});
    return *this;
  }

  GraphOutcome build() const { return build_graph(project, targets); }
  // Every mistake on a line of its own.
  std::string mistakes() const {
    std::string text;
    for (const auto& error : build().mistakes.errors) {
      text += error.text();
      if (!error.hint().empty()) text += " [" + error.hint() + "]";
      text += "\n";
    }
    return text;
  }
  std::string compiled(const std::string& name, const CompileOptions& options = {}) const {
    const auto outcome = build();
    if (!outcome.graph) return mistakes();
    const auto* node = outcome.graph->find(name);
    if (node == nullptr) return "no such node";
    const auto sql = compile(project, *outcome.graph, *node, targets, options);
    return sql.ok() ? *sql : sql.error().text();
  }

  project::Project project;
  Targets targets;
  const FakeDialect clickhouse{"clickhouse"};
  const FakeDialect postgres{"postgres"};

 private:
  FakeProject& add(project::SqlFile::Kind kind, const std::string& path, std::string text) {
    project.sql_files.push_back({kind, path, std::filesystem::path(path).stem().string(), std::move(text)});
    return *this;
  }
};

}  // namespace weir::models
