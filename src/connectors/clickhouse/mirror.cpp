#include "connectors/clickhouse/mirror.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "connectors/clickhouse/catalog.hpp"
#include "connectors/clickhouse/column_type.hpp"
#include "connectors/clickhouse/table_clauses.hpp"

namespace weir::clickhouse {
namespace {

using data::Kind;

constexpr std::string_view kAccessDenied = "497";

// Kinds whose PostgreSQL text the engine parses to the same value.
bool is_parsed(const data::Type& type) {
  switch (type.kind) {
    case Kind::Bool:
    case Kind::Int16:
    case Kind::Int32:
    case Kind::Int64:
    case Kind::UInt32:
    case Kind::Float32:
    case Kind::Float64:
    case Kind::Decimal:
    case Kind::Date:
    case Kind::Timestamp:
    case Kind::Uuid: return true;
    default: return false;
  }
}

class Mirror final : public flow::Replication {
 public:
  Mirror(const flow::ReplicationEnd& source, std::shared_ptr<ClientPool> pool, std::string cluster)
      : connector_(source.connector), context_(source.context), pool_(std::move(pool)), cluster_(std::move(cluster)) {}

  Result<flow::Replica> establish(const flow::ReplicationRequest& request, const flow::Changed& changed,
                                  std::stop_token stop) override {
    const auto shared = WEIR_TRY(connector_->share(
        context_,
        {.tables = request.tables, .role = request.name, .password = request.password, .address = request.address},
        stop));
    if (shared.system != "postgres") {
      return Error::user(Code::Unsupported, "ClickHouse mirrors tables of PostgreSQL, not of {}", shared.system);
    }
    collection_ = request.name;
    database_ = request.space.empty() ? context_.connection.name : request.space;
    flow::Replica replica;
    WEIR_TRY(keep_credentials(shared, stop));
    WEIR_TRY(run(fmt::format("CREATE DATABASE IF NOT EXISTS {}{}", quote_name(database_), on_cluster(cluster_)), stop));
    for (const auto& table : shared.tables) {
      WEIR_TRY(show(table, replica, changed, stop).while_doing("mirroring table " + table.name.text()));
    }
    WEIR_TRY(drop_others(replica, changed, stop));
    tables_ = replica.tables.size();
    return replica;
  }

  // Every query sees the source as it is.
  Result<std::string> position(std::stop_token) override { return std::string{}; }
  Result<flow::ReplicationStatus> status(const std::string&, std::stop_token) override {
    flow::ReplicationStatus status;
    status.caught_up = true;
    status.tables = status.tables_copied = tables_;
    status.lag_seconds = 0;
    return status;
  }

 private:
  Result<void> run(const std::string& sql, std::stop_token stop) {
    auto done = pool_->take()->execute({.sql = sql}, stop);
    if (done.ok()) return {};
    auto error = std::move(done).error();
    if (error.native_code() != kAccessDenied) return error;
    return std::move(error).hint(
        "the managed warehouse reaches other servers only when its connection says so: sources: [postgres], then weir "
        "services "
        "down; on a server of yours grant POSTGRES, TABLE ENGINE ON PostgreSQL and NAMED COLLECTION ADMIN");
  }

  // Tables read the collection when they are made, so it comes first; making it and setting it may be repeated.
  Result<void> keep_credentials(const flow::SharedTables& shared, std::stop_token stop) {
    const auto name = quote_name(collection_);
    WEIR_TRY(
        run(fmt::format("CREATE NAMED COLLECTION IF NOT EXISTS {}{} AS host = ''", name, on_cluster(cluster_)), stop));
    return run(
        fmt::format("ALTER NAMED COLLECTION {}{} SET host = {}, port = {}, database = {}, user = {}, password = {}",
                    name, on_cluster(cluster_), quote_text(shared.host), shared.port, quote_text(shared.database),
                    quote_text(shared.role), quote_text(shared.password.reveal())),
        stop);
  }

  std::string engine_begin() const { return fmt::format("PostgreSQL({},", collection_); }
  bool is_ours(const CatalogTable& table) const {
    return table.engine == "PostgreSQL" && table.engine_full.starts_with(engine_begin());
  }

  // The connection's default schema goes without saying; tables of others carry it in their names.
  std::string target_name(const flow::Relation& source) const {
    const auto home =
        connector_->default_space ? connector_->default_space(context_.connection.settings) : std::string{};
    return source.space == home ? source.name : fmt::format("{}_{}", source.space, source.name);
  }

  Result<void> show(const flow::SharedTables::Table& table, flow::Replica& replica, const flow::Changed& changed,
                    std::stop_token stop) {
    const flow::Relation target{database_, target_name(table.name)};
    const auto existing = WEIR_TRY(find_table(*pool_, target, stop));
    if (existing && !is_ours(*existing)) {
      return Error::user(Code::Conflict, "there is another table where a mirror of the source's is to be: {}",
                         target.text())
          .hint("rename it, or mirror into another database with the key into");
    }
    flow::ReplicatedTable entry{.source = table.name, .target = target, .key = table.key, .not_compared = {}};
    std::vector<std::string> columns;
    std::vector<std::string> added;
    for (std::size_t i = 0; i < table.schema.fields.size(); ++i) {
      const auto& field = table.schema.fields[i];
      const auto mirrored = mirrored_type(field, table.native_types[i]);
      columns.push_back(fmt::format("{} {}", quote_name(field.name), mirrored.type));
      if (!mirrored.comparable) entry.not_compared.push_back(field.name);
      if (existing &&
          std::ranges::find(existing->columns, field.name, &CatalogColumn::name) == existing->columns.end()) {
        added.push_back(field.name);
      }
    }
    // Replaced as a whole: it holds no rows, and readers see the old table or the new.
    WEIR_TRY(run(fmt::format("CREATE OR REPLACE TABLE {}{} ({}) ENGINE = PostgreSQL({}, table = {}, schema = {})",
                             quote_relation(target, pool_->options()), on_cluster(cluster_), fmt::join(columns, ", "),
                             collection_, quote_text(table.name.name), quote_text(table.name.space)),
                 stop));
    if (!existing) changed(fmt::format("made table {}", target.text()));
    for (const auto& name : added) changed(fmt::format("{}: added column {}", target.text(), name));
    if (!entry.not_compared.empty()) {
      replica.warnings.push_back(
          fmt::format("{}: not compared with the source, since ClickHouse shows them differently: {}", target.text(),
                      fmt::join(entry.not_compared, ", ")));
    }
    replica.tables.push_back(std::move(entry));
    return {};
  }

  Result<void> drop_others(const flow::Replica& replica, const flow::Changed& changed, std::stop_token stop) {
    const auto rows = WEIR_TRY(pool_->take()->rows(
        {.sql = fmt::format("SELECT name FROM system.tables WHERE database = {} AND engine = 'PostgreSQL' AND "
                            "startsWith(engine_full, {})",
                            quote_text(database_), quote_text(engine_begin()))},
        stop));
    for (const auto& row : rows) {
      const flow::Relation table{database_, row.at(0).value_or("")};
      if (std::ranges::find(replica.tables, table, &flow::ReplicatedTable::target) != replica.tables.end()) continue;
      WEIR_TRY(
          run(fmt::format("DROP TABLE IF EXISTS {}{}", quote_relation(table, pool_->options()), on_cluster(cluster_)),
              stop));
      changed(fmt::format("dropped the mirror {}", table.text()));
    }
    return {};
  }

  const flow::Connector* connector_;
  flow::OpenContext context_;
  std::shared_ptr<ClientPool> pool_;
  std::string cluster_;
  std::string collection_;
  std::string database_;
  std::size_t tables_ = 0;
};

}  // namespace

MirroredType mirrored_type(const data::Field& field, std::string_view native_type) {
  const auto text = clickhouse_type(data::type_of(Kind::String), field.nullable);
  if (field.type.kind == Kind::List) {
    const auto& element = field.type.children->front();
    const bool parsed = is_parsed(element.type) || element.type.kind == Kind::String;
    if (!parsed || native_type.find("money") != std::string_view::npos) return {text, false};
    // ClickHouse's arrays cannot be NULL: a NULL reads as an empty one.
    return {clickhouse_type(field.type, field.nullable), field.nullable == data::Nullable::No};
  }
  if (native_type == "money") return {text, false};  // in the server's locale: $12.34
  if (is_parsed(field.type)) return {clickhouse_type(field.type, field.nullable), true};
  const bool same_text = (field.type.kind == Kind::String && !native_type.starts_with("character(")) ||
                         field.type.kind == Kind::Binary || native_type == "json" || native_type == "jsonb";
  return {text, same_text};
}

std::unique_ptr<flow::Replication> make_mirror(const flow::ReplicationEnd& source, std::shared_ptr<ClientPool> pool,
                                               std::string cluster) {
  return std::make_unique<Mirror>(source, std::move(pool), std::move(cluster));
}

}  // namespace weir::clickhouse
