#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/replica_table.hpp"
#include "flow/replication.hpp"

// The publisher's side of a replication: publication and slot (PostgreSQL manual, chapters 31 and 49).
namespace weir::postgres {

// Whether the server can publish at all: logical WAL, not a standby.
Result<void> check_publisher(Connection& connection, std::stop_token stop);

// The tables that the publication holds now, by number; nothing when there is no such publication.
Result<std::optional<std::vector<Oid>>> published_tables(Connection& connection, const std::string& name,
                                                         std::stop_token stop);
// Makes the publication hold exactly these tables. Tables without a key get REPLICA IDENTITY FULL, since the publisher
// refuses their updates and deletes otherwise.
Result<void> publish(Connection& connection, const std::string& name, const std::vector<TableDefinition>& tables,
                     const flow::Changed& changed, std::stop_token stop);

struct SlotState {
  bool lost = false;    // the server has thrown away WAL that the slot needs (max_slot_wal_keep_size)
  bool active = false;  // a subscription streams from it
  int active_pid = 0;
};
// Nothing when there is no such slot; Conflict when it is not one for logical replication of this database.
Result<std::optional<SlotState>> find_slot(Connection& connection, const std::string& name, std::stop_token stop);
Result<void> make_slot(Connection& connection, const std::string& name, std::stop_token stop);
Result<void> drop_slot(Connection& connection, const std::string& name, std::stop_token stop);

// The end of the WAL: what is committed lies before it.
Result<std::string> wal_position(Connection& connection, std::stop_token stop);

struct SlotProgress {
  bool active = false;
  std::int64_t missing_bytes = 0;  // to the position that was asked for; negative: beyond it
  std::int64_t lag_bytes = 0;
  std::int64_t retained_bytes = 0;
  std::optional<double> lag_seconds;
  std::string confirmed;
};
// Conflict when the slot is gone or lost.
Result<SlotProgress> slot_progress(Connection& connection, const std::string& name, const std::string& until,
                                   std::stop_token stop);

// All logical slots of this database but those of first copies under way.
Result<std::vector<flow::HeldLog>> held_logs(Connection& connection, const Address& address, std::stop_token stop);

// The folder of the server's data, when it lies on this machine and the role may know; "" otherwise.
std::filesystem::path local_data_folder(Connection& connection, const Address& address, std::stop_token stop);

// On the disk of that folder; nothing where it is not known.
std::optional<std::uint64_t> free_bytes(const std::filesystem::path& data_folder);

// The slot is gone, and with it the changes that the subscriber has not had.
Error slot_lost(const std::string& name);

}  // namespace weir::postgres
