#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/reading_role.hpp"
#include "connectors/postgres/replica_table.hpp"

// The subscriber's side of a replication: its tables, the subscription, and what it says about its progress.
namespace weir::postgres {

// A session whose statements the server keeps to itself, as far as the role may say so: CREATE SUBSCRIPTION carries the
// publisher's password, which belongs neither into a log nor into pg_stat_activity.
Result<Connection> open_discreet(const Address& address, std::stop_token stop);

// What a subscription signs in with, as libpq's connection string. It holds the role's password: PostgreSQL keeps it in
// pg_subscription, which superusers of the subscriber may read.
Secret connection_string(const Address& publisher, const Endpoint& endpoint, const std::string& database,
                         const ReadingRole& role);

struct SubscriptionState {
  Oid oid = 0;
  bool enabled = false;
  std::optional<Secret> connection;  // nothing where the role may not see it
  std::set<Oid> tables;              // of this database, in pg_subscription_rel
};
Result<std::optional<SubscriptionState>> find_subscription(Connection& connection, const std::string& name,
                                                           std::stop_token stop);
// For a slot that exists. The first copies begin at once.
Result<void> subscribe(Connection& connection, const std::string& name, const Secret& publisher, std::stop_token stop);
Result<void> set_connection(Connection& connection, const std::string& name, const Secret& publisher,
                            std::stop_token stop);
Result<void> enable_subscription(Connection& connection, const std::string& name, std::stop_token stop);
// Takes up what is new in the publication (and copies it), forgets what has left it.
Result<void> refresh_subscription(Connection& connection, const std::string& name, std::stop_token stop);

// What Weir remembers of a replicated table, in weir_meta.replicas of the subscriber: with it a table that is not (yet)
// subscribed can be told from one of somebody else's, and a table of the publisher from a new one of the same name.
struct ReplicaRecord {
  Oid source = 0;     // the publisher's table
  bool made = false;  // by Weir; only such tables are altered
};
Result<std::map<flow::Relation, ReplicaRecord>> read_records(Connection& connection, const std::string& name,
                                                             std::stop_token stop);

// Makes or alters the subscriber's table.
struct PreparedTable {
  Oid oid = 0;
  bool needs_copy = false;  // it is subscribed, and holds what the publisher's does not, or lacks what it does
  std::vector<std::string> only_in_replica;
};
Result<PreparedTable> prepare_replica(Connection& connection, const std::string& name, const TableDefinition& source,
                                      const std::optional<ReplicaRecord>& record, const flow::Changed& changed,
                                      std::stop_token stop);

// Empties tables that are about to be copied and notes where their rows will come from, atomically. A table that holds
// rows which no replication of this name brought is a Conflict: they are not Weir's to remove.
Result<void> empty_replicas(Connection& connection, const std::string& name, const std::vector<TableDefinition>& tables,
                            const std::map<flow::Relation, ReplicaRecord>& records, std::stop_token stop);

// The first of the tables that a former run has filled.
Result<std::optional<flow::Relation>> first_with_rows(Connection& connection,
                                                      const std::vector<TableDefinition>& tables,
                                                      const std::map<flow::Relation, ReplicaRecord>& records,
                                                      std::stop_token stop);
// The subscription is gone, and the changes since then went past the table.
Error subscription_lost(const std::string& name, const flow::Relation& table);

// Drops the subscription without its slot and empties its tables, atomically: the way back to a new beginning.
Result<void> unsubscribe_and_empty(Connection& connection, const std::string& name,
                                   const std::vector<TableDefinition>& tables,
                                   const std::map<flow::Relation, ReplicaRecord>& records, std::stop_token stop);

struct SubscriptionProgress {
  bool enabled = false;
  std::size_t tables = 0;
  std::size_t tables_ready = 0;
  std::vector<std::string> tables_waiting;  // first copies that are not complete
  std::uint64_t rows_copied = 0;            // of those under way
  std::int64_t errors = 0;  // since the statistics began; -1 before PostgreSQL 15, which does not count them
  std::set<int> workers;    // pids
  std::string position;     // changes as it moves
};
// Conflict when there is no such subscription.
Result<SubscriptionProgress> subscription_progress(Connection& connection, const std::string& name,
                                                   std::stop_token stop);

}  // namespace weir::postgres
