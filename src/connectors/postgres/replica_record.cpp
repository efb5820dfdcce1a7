#include <fmt/ranges.h>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/receipts.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/statement.hpp"
#include "connectors/postgres/subscription.hpp"

// The subscriber's tables, and what weir_meta.replicas remembers of them.
namespace weir::postgres {
namespace {

constexpr auto kCreate =
    "CREATE TABLE IF NOT EXISTS weir_meta.replicas (replication text NOT NULL, table_schema text NOT NULL, table_name "
    "text NOT "
    "NULL, source_oid oid NOT NULL, made boolean NOT NULL, PRIMARY KEY (replication, table_schema, table_name)); "
    "COMMENT ON TABLE weir_meta.replicas IS 'The tables of this database that Weir''s replications fill, and the "
    "number "
    "of the table on the publisher that the rows come from'";

// Runs the function in a transaction.
template <typename Function>
Result<void> atomically(Connection& connection, std::stop_token stop, Function work) {
  WEIR_TRY(connection.run("BEGIN", stop));
  Result<void> done = work();
  if (!done.ok()) {
    if (connection.usable()) static_cast<void>(connection.run("ROLLBACK", stop));
    return done;
  }
  WEIR_TRY(connection.run("COMMIT", stop));
  return {};
}

Result<void> note(Connection& connection, const std::string& name, const TableDefinition& source, bool made,
                  std::stop_token stop) {
  WEIR_TRY(connection.query(
      "INSERT INTO weir_meta.replicas (replication, table_schema, table_name, source_oid, made) VALUES ($1, $2, $3, "
      "$4::oid, $5::boolean) ON CONFLICT (replication, table_schema, table_name) DO UPDATE SET source_oid = "
      "EXCLUDED.source_oid, made = EXCLUDED.made",
      {name, source.name.space, source.name.name, std::to_string(source.oid), made ? "t" : "f"}, stop));
  return {};
}

Error hint_at_type(Error error) {
  if (!is_sqlstate(error, "42704")) return error;
  return std::move(error).hint(
      "make the type on the subscriber first (CREATE TYPE, or CREATE EXTENSION where it is one's)");
}

Result<PreparedTable> make_replica(Connection& connection, const std::string& name, const TableDefinition& source,
                                   std::stop_token stop) {
  WEIR_TRY(atomically(connection, stop, [&]() -> Result<void> {
    WEIR_TRY(connection.run("CREATE SCHEMA IF NOT EXISTS " + quote_identifier(source.name.space), stop));
    WEIR_TRY(connection.run(create_statement(source), stop));
    return note(connection, name, source, true, stop);
  }));
  const auto made = WEIR_TRY(find_definition(connection, source.name, stop));
  if (!made) return Error::external(Code::Conflict, "somebody dropped a table meanwhile: {}", source.name.text());
  return PreparedTable{.oid = made->oid, .needs_copy = false, .only_in_replica = {}};
}

Error other_key(const TableDefinition& source) {
  return Error::user(Code::Conflict, "the primary key of {} is not the same on both sides", source.name.text())
      .hint("give both the same key, or drop the subscriber's table: it is then made and copied again");
}

Result<bool> holds_rows(Connection& connection, const flow::Relation& table, std::stop_token stop) {
  return WEIR_TRY(connection.query(fmt::format("SELECT EXISTS (SELECT FROM {})", quote_relation(table)), {}, stop))
      .flag(0, 0);
}

Result<void> empty_within(Connection& connection, const std::string& name, const std::vector<TableDefinition>& tables,
                          const std::map<flow::Relation, ReplicaRecord>& records, std::stop_token stop) {
  std::vector<std::string> names;
  for (const auto& table : tables) {
    const auto quoted = quote_relation(table.name);
    const auto known = records.find(table.name);
    if (known == records.end()) {
      if (WEIR_TRY(holds_rows(connection, table.name, stop))) {
        return Error::user(Code::Conflict, "the subscriber's table holds rows that were not replicated: {}",
                           table.name.text())
            .hint("empty or rename it: the rows of the publisher are copied into it");
      }
    } else {
      names.push_back(quoted);
    }
    WEIR_TRY(note(connection, name, table, known != records.end() && known->second.made, stop));
  }
  if (!names.empty()) WEIR_TRY(connection.run(fmt::format("TRUNCATE {}", fmt::join(names, ", ")), stop));
  return {};
}

}  // namespace

Result<std::map<flow::Relation, ReplicaRecord>> read_records(Connection& connection, const std::string& name,
                                                             std::stop_token stop) {
  WEIR_TRY(ensure_receipts(connection, stop));
  const auto present = WEIR_TRY(connection.query("SELECT to_regclass('weir_meta.replicas') IS NOT NULL", {}, stop));
  if (!present.flag(0, 0)) WEIR_TRY(connection.run(kCreate, stop));
  const auto rows = WEIR_TRY(connection.query(
      "SELECT table_schema, table_name, source_oid, made FROM weir_meta.replicas WHERE replication = $1", {name},
      stop));
  std::map<flow::Relation, ReplicaRecord> records;
  for (int row = 0; row < rows.rows(); ++row) {
    records[{rows.text(row, 0), rows.text(row, 1)}] = {static_cast<Oid>(rows.integer(row, 2)), rows.flag(row, 3)};
  }
  return records;
}

Result<PreparedTable> prepare_replica(Connection& connection, const std::string& name, const TableDefinition& source,
                                      const std::optional<ReplicaRecord>& record, const flow::Changed& changed,
                                      std::stop_token stop) {
  const auto replica = WEIR_TRY(find_definition(connection, source.name, stop));
  if (!replica) {
    auto made = make_replica(connection, name, source, stop);
    if (!made.ok()) return hint_at_type(std::move(made).error()).while_doing("making table " + source.name.text());
    changed(fmt::format("made table {}", source.name.text()));
    return made;
  }
  if (replica->key != source.key) return other_key(source);
  auto alteration = compare_tables(source, *replica, record && record->made ? Owner::Weir : Owner::User);
  PreparedTable prepared{.oid = replica->oid,
                         .needs_copy = record && (record->source != source.oid || alteration.needs_copy),
                         .only_in_replica = std::move(alteration.only_in_replica)};
  if (alteration.statements.empty()) return prepared;
  WEIR_TRY(atomically(connection, stop, [&]() -> Result<void> {
             for (const auto& statement : alteration.statements) WEIR_TRY(connection.run(statement, stop));
             if (!prepared.needs_copy) return {};
             // Once the column is there, nothing else says that the rows must come again.
             auto to_copy = source;
             to_copy.oid = 0;
             return note(connection, name, to_copy, record->made, stop);
           }).while_doing("altering table " + source.name.text()));
  for (const auto& change : alteration.changes) changed(fmt::format("{}: {}", source.name.text(), change));
  return prepared;
}

Result<std::optional<flow::Relation>> first_with_rows(Connection& connection,
                                                      const std::vector<TableDefinition>& tables,
                                                      const std::map<flow::Relation, ReplicaRecord>& records,
                                                      std::stop_token stop) {
  for (const auto& table : tables) {
    if (!records.contains(table.name)) continue;
    if (WEIR_TRY(holds_rows(connection, table.name, stop))) return std::optional{table.name};
  }
  return std::optional<flow::Relation>{};
}

Error subscription_lost(const std::string& name, const flow::Relation& table) {
  return Error::user(Code::Conflict,
                     "the subscription {} is gone, and the subscriber's table holds rows from before: {}", name,
                     table.text())
      .hint("on_slot_lost: recopy empties the subscriber's tables and copies them again");
}

Result<void> empty_replicas(Connection& connection, const std::string& name, const std::vector<TableDefinition>& tables,
                            const std::map<flow::Relation, ReplicaRecord>& records, std::stop_token stop) {
  return atomically(connection, stop, [&] { return empty_within(connection, name, tables, records, stop); });
}

Result<void> unsubscribe_and_empty(Connection& connection, const std::string& name,
                                   const std::vector<TableDefinition>& tables,
                                   const std::map<flow::Relation, ReplicaRecord>& records, std::stop_token stop) {
  const auto subscription = quote_identifier(name);
  return atomically(connection, stop, [&]() -> Result<void> {
    WEIR_TRY(connection.run(fmt::format("ALTER SUBSCRIPTION {} DISABLE", subscription), stop));
    WEIR_TRY(connection.run(fmt::format("ALTER SUBSCRIPTION {} SET (slot_name = NONE)", subscription), stop));
    WEIR_TRY(connection.run(fmt::format("DROP SUBSCRIPTION {}", subscription), stop));
    return empty_within(connection, name, tables, records, stop);
  });
}

}  // namespace weir::postgres
