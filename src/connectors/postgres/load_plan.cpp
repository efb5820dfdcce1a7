#include "connectors/postgres/load_plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/replace.hpp"
#include "connectors/postgres/schema_change.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

using data::Nullable;

Result<void> check_kind(const CatalogRelation& relation) {
  if (relation.kind == 'r' || relation.kind == 'p' || relation.kind == 'f') return {};
  return Error::user(Code::Unsupported, "rows cannot be written to a view: {}", relation.name.text());
}

Result<void> check_names(const flow::WriteRequest& request) {
  const auto require = [&](const std::string& column, std::string_view use) -> Result<void> {
    if (request.schema->find(column)) return {};
    return Error::user(Code::NotFound, "the {} names a column that the rows do not have: {}", use, column);
  };
  for (const auto& column : request.key) WEIR_TRY(require(column, "key"));
  for (const auto& index : request.indexes) {
    for (const auto& column : index.columns) WEIR_TRY(require(column, "index"));
  }
  for (const auto& field : request.schema->fields) {
    if (field.name.empty() || field.name.size() > kNameBytesMax || field.name.find('\0') != std::string::npos) {
      return Error::user(Code::Unsupported, "PostgreSQL column names have 1 to 63 bytes: {}", field.name);
    }
  }
  if (request.schema->fields.empty()) return Error::user(Code::Unsupported, "a load without columns");
  if (request.mode == flow::WriteMode::Merge && request.key.empty()) {
    return Error::user(Code::InvalidProject, "mode: merge needs a key: {}", request.table);
  }
  return {};
}

// Every field has a column that takes it, or gets one, or is left out; every other column can do without a value.
Result<void> match_existing(Connection& connection, LoadPlan& plan, std::stop_token stop) {
  const auto& relation = *plan.existing;
  const auto schema = plan.request.schema;
  const auto policy = schema_changes(plan.request.options);
  std::vector<Oid> oids;
  for (const auto& column : relation.columns) oids.push_back(column.type.oid);
  TypeCatalog types;
  WEIR_TRY(types.learn(connection, oids, stop));
  std::vector<std::size_t> taken;
  for (std::size_t i = 0; i < schema->fields.size(); ++i) {
    const auto& field = schema->fields[i];
    const auto found = std::ranges::find(relation.columns, field.name, &CatalogColumn::name);
    if (found == relation.columns.end()) {
      if (policy == SchemaChanges::Reject) {
        plan.rejected.push_back(field.name);
        continue;
      }
      if (policy == SchemaChanges::Evolve) {
        plan.alterations.push_back(added_column(field));
        plan.columns.push_back(new_column(field.name, field.type));
        taken.push_back(i);
        continue;
      }
      return Error::user(Code::NotFound, "table {} has no such column: {}", relation.name.text(), field.name)
          .hint(fmt::format("set schema_changes: evolve, or ALTER TABLE {} ADD COLUMN {} {}",
                            quote_relation(relation.name), quote_identifier(field.name), native_type_name(field.type)));
    }
    if (found->generated) {
      return Error::user(Code::TypeMismatch, "the server computes the values of column {} of {}", field.name,
                         relation.name.text())
          .hint("leave the column out of the copy");
    }
    auto widened = policy == SchemaChanges::Evolve ? widened_column(*found, field) : std::nullopt;
    const bool is_key = std::ranges::find(relation.key, field.name) != relation.key.end();
    if (widened && !is_key) {
      plan.alterations.push_back(std::move(*widened));
      plan.columns.push_back(new_column(field.name, field.type));
      taken.push_back(i);
      continue;
    }
    auto column = write_column(field.name, found->type, found->native_type, types, field.type);
    if (!column) {
      return Error::user(Code::TypeMismatch, "column {} of {} has type {}, which does not hold {}", field.name,
                         relation.name.text(), found->native_type, field.type.text())
          .hint("cast it in a model, or change the table's column");
    }
    plan.columns.push_back(std::move(*column));
    taken.push_back(i);
  }
  for (const auto& column : relation.columns) {
    const auto needs_value = column.nullable == Nullable::No && !column.has_default && !column.generated;
    if (needs_value && !schema->find(column.name)) {
      return Error::user(Code::TypeMismatch,
                         "column {} of {} takes no NULL and has no default, and the rows do not have it", column.name,
                         relation.name.text());
    }
  }
  if (taken.size() == schema->fields.size()) return {};
  auto narrowed = std::make_shared<data::Schema>();
  for (const auto i : taken) narrowed->fields.push_back(schema->fields[i]);
  plan.request.schema = std::move(narrowed);
  plan.taken = std::move(taken);
  return {};
}

std::vector<WriteColumn> columns_of_new(const data::Schema& schema) {
  std::vector<WriteColumn> columns;
  for (const auto& field : schema.fields) columns.push_back(new_column(field.name, field.type));
  return columns;
}

LoadWay way_of(const LoadPlan& plan) {
  if (plan.merges()) return LoadWay::ThroughStage;
  if (!plan.existing) return LoadWay::NewTable;
  if (plan.request.mode == flow::WriteMode::Replace) {
    return plan.in_place_reason.empty() ? LoadWay::NewTable : LoadWay::ThroughStage;
  }
  // What is taken away is told by a column that the new rows have too.
  if (plan.request.superseded) return LoadWay::ThroughStage;
  // A table that changes is locked for the moment of the commit only.
  if (!plan.alterations.empty()) return LoadWay::ThroughStage;
  const auto is_cast = [](const WriteColumn& column) { return !column.staged_type.empty(); };
  return std::ranges::any_of(plan.columns, is_cast) ? LoadWay::ThroughStage : LoadWay::Direct;
}

Result<void> check_key(const LoadPlan& plan) {
  if (plan.merges() || plan.key().empty() || plan.existing->key.empty() || plan.existing->key == plan.key()) return {};
  return Error::user(Code::InvalidProject, "table {} has the primary key ({}) and the load has the key ({})",
                     plan.target.text(), fmt::join(plan.existing->key, ", "), fmt::join(plan.key(), ", "))
      .hint("use the same key, or drop the table so that the load makes it anew");
}

// What the user has not asked for is no reason to refuse a table with a key of its own.
void yield_key(LoadPlan& plan) {
  const auto& own = plan.existing->key;
  if (own.empty()) return;
  const auto is_loaded = [&](const std::string& column) { return plan.request.schema->find(column).has_value(); };
  plan.request.key = std::ranges::all_of(own, is_loaded) ? own : std::vector<std::string>{};
}

bool is_key(const LoadPlan& plan, const std::string& column) {
  return std::ranges::find(plan.key(), column) != plan.key().end();
}

std::vector<std::string> definitions(const LoadPlan& plan) {
  std::vector<std::string> columns;
  for (const auto& field : plan.request.schema->fields) {
    const auto not_null = field.nullable == Nullable::No || is_key(plan, field.name);
    columns.push_back(fmt::format("{} {}{}", quote_identifier(field.name), native_type_name(field.type),
                                  not_null ? " NOT NULL" : ""));
  }
  return columns;
}

}  // namespace

Result<LoadPlan> plan_load(Connection& connection, flow::WriteRequest request, const std::string& default_schema,
                           std::stop_token stop) {
  WEIR_TRY(check_names(request));
  LoadPlan plan;
  plan.target = relation_from(request.table, default_schema);
  plan.request = std::move(request);
  plan.existing = WEIR_TRY(find_relation(connection, plan.target, stop));
  if (!plan.existing) {
    plan.columns = columns_of_new(*plan.request.schema);
    plan.way = way_of(plan);
    return plan;
  }
  WEIR_TRY(check_kind(*plan.existing));
  if (plan.request.key_yields) yield_key(plan);
  WEIR_TRY(match_existing(connection, plan, stop));
  WEIR_TRY(check_key(plan));
  if (plan.request.mode == flow::WriteMode::Replace) {
    plan.in_place_reason = WEIR_TRY(why_not_swap(connection, plan.existing->oid, stop));
    for (const auto& column : plan.columns) {
      if (plan.in_place_reason.empty() && !column.staged_type.empty())
        plan.in_place_reason = "the server casts column " + column.name;
    }
  }
  plan.way = way_of(plan);
  return plan;
}

std::string create_table(const LoadPlan& plan, const flow::Relation& name) {
  auto columns = definitions(plan);
  if (!plan.key().empty()) {
    std::vector<std::string> key;
    for (const auto& column : plan.key()) key.push_back(quote_identifier(column));
    columns.push_back(fmt::format("PRIMARY KEY ({})", fmt::join(key, ", ")));
  }
  return fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", quote_relation(name), fmt::join(columns, ", "));
}

std::string create_stage(const LoadPlan& plan, const flow::Relation& name) {
  if (plan.way == LoadWay::NewTable) {
    if (plan.existing) return create_like(*plan.existing, name);
    return fmt::format("CREATE TABLE {} ({})", quote_relation(name), fmt::join(definitions(plan), ", "));
  }
  std::vector<std::string> columns;
  for (const auto& column : plan.columns) {
    const auto not_null = plan.merges() && is_key(plan, column.name);
    columns.push_back(fmt::format("{} {}{}", quote_identifier(column.name),
                                  column.staged_type.empty() ? column.native_type : column.staged_type,
                                  not_null ? " NOT NULL" : ""));
  }
  if (plan.merges()) {
    columns.push_back(fmt::format("{} smallint NOT NULL", kChangeColumn));
    columns.push_back(fmt::format("{} bigint NOT NULL", kPlaceColumn));
  }
  return fmt::format("CREATE UNLOGGED TABLE {} ({})", quote_relation(name), fmt::join(columns, ", "));
}

}  // namespace weir::postgres
