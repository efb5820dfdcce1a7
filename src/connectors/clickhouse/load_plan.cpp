#include "connectors/clickhouse/load_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "connectors/clickhouse/schema_change.hpp"
#include "connectors/clickhouse/staging.hpp"
#include "connectors/clickhouse/table_clauses.hpp"

namespace weir::clickhouse {
namespace {

using flow::WriteMode;

constexpr int kFirstVersionWithMoves = 20'010;
constexpr int kFirstModernVersion = 21'012;  // Bool, Date32 and Decimal256 are there from here on

const CatalogColumn* find_column(const CatalogTable& table, std::string_view name) {
  for (const auto& column : table.columns) {
    if (column.name == name && column.is_ordinary()) return &column;
  }
  return nullptr;
}

std::optional<MappedType> mapped_type(const CatalogColumn& column, std::string_view zone) {
  const auto type = parse_column_type(column.type);
  return type ? weir_type(*type, zone) : std::nullopt;
}

// How much of a replaced table's definition stays.
enum class Keeps {
  Nothing,  // the request says how the table is to be laid out, or its columns are others
  Layout,   // the same columns, of types that do not hold the rows: engine, order and partitions stay
  All,
};

Keeps kept_definition(const CatalogTable& table, const flow::WriteRequest& request, std::string_view zone) {
  constexpr std::array<std::string_view, 6> kLayout{"engine",      "order_by", "partition_by",
                                                    "primary_key", "ttl",      "settings"};
  if (std::any_of(kLayout.begin(), kLayout.end(), [&](auto name) { return request.options.has(name); })) {
    return Keeps::Nothing;
  }
  const auto ordinary = static_cast<std::size_t>(std::count_if(table.columns.begin(), table.columns.end(),
                                                               [](const CatalogColumn& c) { return c.is_ordinary(); }));
  if (!table.is_merge_tree() || ordinary != request.schema->fields.size()) return Keeps::Nothing;
  auto keeps = Keeps::All;
  for (const auto& field : request.schema->fields) {
    const auto* column = find_column(table, field.name);
    if (column == nullptr) return Keeps::Nothing;
    const auto mapped = mapped_type(*column, zone);
    const bool takes_nulls =
        mapped && (mapped->nullable == data::Nullable::Yes || field.nullable == data::Nullable::No);
    if (!takes_nulls || !holds(mapped->type, field.type)) keeps = Keeps::Layout;
  }
  return keeps;
}

class Planner {
 public:
  Planner(const flow::WriteRequest& request, const std::optional<CatalogTable>& existing, const ServerInfo& server,
          const ClientOptions& options, std::string_view cluster)
      : request_(request), existing_(existing), server_(server), options_(options), cluster_(cluster) {}

  Result<LoadPlan> plan(std::string_view owner) {
    plan_.mode = request_.mode;
    plan_.target = in_database(flow::parse_relation(request_.table), options_);
    plan_.staging = beside(plan_.target, kStagingMark, owner);
    plan_.next = beside(plan_.target, kNextMark, owner);
    plan_.key = request_.key;
    plan_.origin = request_.origin.empty() ? request_.key : request_.origin;
    WEIR_TRY(refuse_what_cannot_be());
    if (existing_) follow_rows();
    for (const auto& field : request_.schema->fields) plan_.names.push_back(field.name);
    switch (request_.mode) {
      case WriteMode::Replace: WEIR_TRY(plan_replace()); break;
      case WriteMode::Append: WEIR_TRY(plan_append()); break;
      case WriteMode::Merge: WEIR_TRY(plan_merge()); break;
    }
    return std::move(plan_);
  }

 private:
  Result<void> refuse_what_cannot_be() const {
    if (existing_ && existing_->engine.ends_with("View")) {
      return Error::user(Code::Unsupported, "{} is a view: rows cannot be loaded into it", plan_.target.text());
    }
    for (const auto& name : request_.key) {
      if (!request_.schema->find(name))
        return Error::user(Code::NotFound, "key column {} is not among the columns", name);
    }
    if (request_.mode == WriteMode::Merge && request_.key.empty()) {
      return Error::user(Code::InvalidArgument, "merge needs a key").hint("name the key's columns: key: [id]");
    }
    if (request_.mode == WriteMode::Merge && server_.version < kFirstModernVersion) {
      return Error::user(Code::Unsupported, "merge needs ClickHouse 22 or newer")
          .hint("use mode: replace with this server");
    }
    return {};
  }

  // What the table lacks is left out of the rows, or becomes a change of the table, which is planned for as if it was made.
  void follow_rows() {
    const auto policy = schema_changes(request_.options);
    const bool alters =
        policy == SchemaChanges::Evolve && request_.mode != WriteMode::Replace && existing_->is_merge_tree();
    data::Schema taken;
    for (const auto& field : request_.schema->fields) {
      const bool is_known = find_column(*existing_, field.name) != nullptr;
      if (is_known || policy != SchemaChanges::Reject) {
        taken.fields.push_back(field);
      } else {
        plan_.rejected.push_back(field.name);
      }
      if (!alters) continue;
      if (is_known) {
        widen(field);
      } else {
        add_column(field);
      }
    }
    if (!plan_.rejected.empty()) request_.schema = std::make_shared<const data::Schema>(std::move(taken));
  }

  void add_column(data::Field field) {
    // Rows that are there have no value of it.
    field.nullable = data::Nullable::Yes;
    const auto type = own_type(field);
    plan_.alterations.push_back(
        {field.name, fmt::format("ADD COLUMN IF NOT EXISTS {} {}", quote_name(field.name), type), {}});
    existing_->columns.push_back({.name = field.name, .type = type, .default_kind = {}});
  }

  void widen(const data::Field& field) {
    // ClickHouse does not change the type of what a table is ordered or partitioned by.
    for (const auto* keys : {&existing_->sorting_key, &existing_->primary_key, &existing_->partition_key}) {
      if (keys->find(field.name) != std::string::npos) return;
    }
    const auto column = std::ranges::find(existing_->columns, field.name, &CatalogColumn::name);
    const auto mapped = mapped_type(*column, server_.zone);
    auto wider = mapped ? wider_type(*mapped, field) : std::nullopt;
    if (!wider) return;
    column->type = own_type({field.name, wider->type, wider->nullable});
    plan_.alterations.push_back({field.name, fmt::format("MODIFY COLUMN {} {}", quote_name(field.name), column->type),
                                 std::move(wider->guard)});
  }

  // The new table comes about beside the old one and then takes its place.
  Result<void> plan_replace() {
    plan_.method = Method::Exchange;
    const auto keeps = existing_ ? kept_definition(*existing_, request_, server_.zone) : Keeps::Nothing;
    if (keeps == Keeps::All) {
      create_like_target(plan_.staging);
      return use_types_of(*existing_);
    }
    if (keeps == Keeps::Layout) {
      plan_.statements.push_back(fmt::format("CREATE TABLE {}{} ({}) ENGINE = {}",
                                             quote_relation(plan_.staging, options_), on_cluster(cluster_),
                                             own_columns(), existing_->engine_full));
      plan_.keeps_every_row = has_plain_engine(existing_->engine);
    } else {
      create_from_schema(plan_.staging, "");
    }
    use_own_types();
    return {};
  }

  Result<void> plan_append() {
    if (server_.version < kFirstVersionWithMoves) {
      return Error::user(Code::Unsupported, "ClickHouse {}.{} cannot move partitions between tables",
                         server_.version / 1000, server_.version % 1000)
          .hint("append needs ClickHouse 20.10 or newer; use mode: replace with this server");
    }
    if (!existing_) {
      create_from_schema(plan_.target, "IF NOT EXISTS ");
      if (!makes_merge_tree(request_.options.values())) return needs_merge_tree();
      plan_.method = cluster_.empty() ? Method::Move : Method::Insert;
      if (plan_.method == Method::Move) {
        create_like_target(plan_.staging);
      } else {
        create_plain_staging(own_columns());
      }
      use_own_types();
      return {};
    }
    const bool distributed = existing_->engine == "Distributed";
    if (!existing_->is_merge_tree() && !distributed) return needs_merge_tree();
    // A moved partition passes by materialised views; they see only what is inserted.
    const bool inserts = distributed || existing_->is_replicated() || existing_->has_views;
    plan_.method = inserts ? Method::Insert : Method::Move;
    if (request_.superseded) WEIR_TRY(plan_to_take_back());
    if (inserts && !distributed && !existing_->is_replicated()) remember_inserts();
    WEIR_TRY(use_types_of(*existing_));
    if (plan_.method == Method::Move) {
      create_like_target(plan_.staging);
      if (!plan_.alterations.empty()) plan_.statements.push_back(alter_statement(plan_, plan_.staging, options_, {}));
    } else {
      create_plain_staging(columns_of_table());
    }
    return {};
  }

  Result<void> plan_to_take_back() {
    if (plan_.method != Method::Move) {
      return Error::user(Code::Unsupported,
                         "rows that were appended to {} are not taken back: it is replicated, distributed, or has "
                         "materialised views, which would keep them",
                         plan_.target.text())
          .hint("start a new run; mode: replace and mode: merge can be done again");
    }
    std::vector<std::string> terms;
    for (const auto& [column, text] : request_.superseded->marks)
      terms.push_back(fmt::format("{} = {}", quote_name(column), quote_text(text)));
    plan_.superseded = fmt::format("{}", fmt::join(terms, " AND "));
    return {};
  }

  // Without it a table that is not replicated forgets the tokens by which a repeated insert is known.
  void remember_inserts() {
    constexpr std::string_view kWindow = "non_replicated_deduplication_window";
    if (existing_->engine_full.find(kWindow) != std::string::npos) return;
    plan_.statements.push_back(
        fmt::format("ALTER TABLE {} MODIFY SETTING {} = 100", quote_relation(plan_.target, options_), kWindow));
  }

  Result<void> plan_merge() {
    if (existing_ && (!existing_->is_merge_tree() || existing_->is_replicated() || !existing_->has_uuid())) {
      return Error::user(Code::Unsupported, "merge into {} with engine {}", plan_.target.text(), existing_->engine)
          .hint("merge needs an engine of the MergeTree family, not replicated, in an Atomic database");
    }
    plan_.method = Method::Exchange;
    if (existing_) {
      WEIR_TRY(use_types_of(*existing_));
      create_plain_staging(columns_of_table() + merge_columns());
    } else {
      create_from_schema(plan_.target, "IF NOT EXISTS ");
      use_own_types();
      create_plain_staging(own_columns() + merge_columns());
    }
    return {};
  }

  Error needs_merge_tree() const {
    return Error::user(Code::Unsupported, "append to {}: only engines of the MergeTree family take rows exactly once",
                       plan_.target.text())
        .hint("choose engine: MergeTree, or mode: replace");
  }

  static std::string merge_columns() {
    return fmt::format(", {} UInt64, {} UInt8", quote_name(kSequenceColumn), quote_name(kDeletedColumn));
  }

  void create_like_target(const flow::Relation& table) {
    plan_.statements.push_back(fmt::format("CREATE TABLE {}{} AS {}", quote_relation(table, options_),
                                           on_cluster(cluster_), quote_relation(plan_.target, options_)));
    plan_.keeps_every_row = has_plain_engine(existing_ ? existing_->engine : request_.options.text("engine"));
  }
  static bool has_plain_engine(std::string_view engine) {
    return engine.empty() || engine == "MergeTree" || engine == "MergeTree()" || engine == "ReplicatedMergeTree";
  }
  void create_from_schema(const flow::Relation& table, std::string_view if_not_exists) {
    auto clauses = table_clauses(request_.options.values(), request_.key, nullable_key(), cluster_);
    plan_.statements.push_back(fmt::format("CREATE TABLE {}{}{} ({}) {}", if_not_exists,
                                           quote_relation(table, options_), on_cluster(cluster_), own_columns(),
                                           clauses));
    plan_.keeps_every_row = has_plain_engine(request_.options.text("engine"));
  }
  // A user who orders by a column that may be NULL means it.
  NullableKey nullable_key() const {
    const bool may_be_null = std::any_of(request_.key.begin(), request_.key.end(), [&](const std::string& name) {
      return request_.schema->fields[*request_.schema->find(name)].nullable == data::Nullable::Yes;
    });
    return may_be_null || request_.options.has("order_by") ? NullableKey::Allowed : NullableKey::Refused;
  }
  void create_plain_staging(const std::string& columns) {
    plan_.statements.push_back(fmt::format("CREATE TABLE {} ({}) ENGINE = MergeTree ORDER BY tuple()",
                                           quote_relation(plan_.staging, options_), columns));
    plan_.keeps_every_row = true;
  }

  std::string own_type(const data::Field& field) const {
    // A server in another zone would show a reading without zone as one of its own.
    if (field.type.kind == data::Kind::Timestamp && field.type.zone.empty() && !is_utc(server_.zone)) {
      return clickhouse_type(data::timestamp(field.type.unit, "UTC"), field.nullable);
    }
    auto type = clickhouse_type(field.type, field.nullable);
    if (server_.version >= kFirstModernVersion) return type;
    const auto inside = [&](std::string_view name) {
      return field.nullable == data::Nullable::Yes ? fmt::format("Nullable({})", name) : std::string{name};
    };
    switch (field.type.kind) {
      case data::Kind::Bool: return inside("UInt8");
      case data::Kind::Date: return inside("Date");
      case data::Kind::Timestamp: return inside("DateTime");
      case data::Kind::Time: return inside("String");
      default: return type;
    }
  }
  std::string own_columns() const {
    std::string columns;
    for (const auto& field : request_.schema->fields) {
      columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_name(field.name), own_type(field));
    }
    return columns;
  }
  std::string columns_of_table() const {
    std::string columns;
    for (const auto& name : plan_.names) {
      columns +=
          fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_name(name), find_column(*existing_, name)->type);
    }
    return columns;
  }

  void use_own_types() {
    plan_.schema = request_.schema;
    for (const auto& field : request_.schema->fields)
      plan_.wire.push_back({field.name, *parse_column_type(own_type(field))});
  }

  // The rows become the table's types before they leave, so that nothing is lost in the server's conversions.
  Result<void> use_types_of(const CatalogTable& table) {
    data::Schema schema;
    for (const auto& field : request_.schema->fields) {
      const auto* column = find_column(table, field.name);
      if (column == nullptr) {
        return Error::user(Code::TypeMismatch, "table {} has no column {}", plan_.target.text(), field.name)
            .hint("set schema_changes: evolve, add the column by hand, leave it out of the copy, or use mode: replace");
      }
      const auto type = parse_column_type(column->type);
      auto mapped = type ? weir_type(*type, server_.zone) : std::nullopt;
      if (!mapped) mapped = MappedType{data::type_of(data::Kind::String), data::Nullable::Yes};
      const auto wire = type ? wire_type(*type, *mapped) : clickhouse_type(mapped->type, mapped->nullable);
      plan_.wire.push_back({field.name, *parse_column_type(wire)});
      schema.fields.push_back({field.name, std::move(mapped->type), mapped->nullable});
    }
    plan_.schema = std::make_shared<const data::Schema>(std::move(schema));
    return {};
  }

  flow::WriteRequest request_;
  std::optional<CatalogTable> existing_;  // as it will be
  const ServerInfo& server_;
  const ClientOptions& options_;
  std::string_view cluster_;
  LoadPlan plan_;
};

}  // namespace

std::string alter_statement(const LoadPlan& plan, const flow::Relation& table, const ClientOptions& options,
                            std::string_view cluster) {
  std::string clauses;
  for (const auto& alteration : plan.alterations) clauses += (clauses.empty() ? "" : ", ") + alteration.clause;
  return fmt::format("ALTER TABLE {}{} {}", quote_relation(table, options), on_cluster(cluster), clauses);
}

Result<LoadPlan> plan_load(const flow::WriteRequest& request, const std::optional<CatalogTable>& existing,
                           const ServerInfo& server, const ClientOptions& options, std::string_view cluster,
                           std::string_view owner) {
  return Planner(request, existing, server, options, cluster).plan(owner);
}

}  // namespace weir::clickhouse
