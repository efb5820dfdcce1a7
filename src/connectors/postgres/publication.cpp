#include "connectors/postgres/publication.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {

Error slot_lost(const std::string& name) {
  return Error::user(Code::Conflict,
                     "the publisher has lost the replication slot (or its publication), and with it changes that the "
                     "subscriber has not had: {}",
                     name)
      .hint(
          "on_slot_lost: recopy empties the subscriber's tables and copies them again; find out who dropped the slot, "
          "or "
          "whether max_slot_wal_keep_size was exceeded");
}

Result<void> check_publisher(Connection& connection, std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query("SELECT current_setting('wal_level'), pg_is_in_recovery()", {}, stop));
  if (rows.flag(0, 1)) {
    return Error::user(Code::Unsupported, "the publisher is a standby").hint("replicate from the primary");
  }
  if (rows.text(0, 0) != "logical") {
    return Error::user(Code::Unsupported, "the publisher's wal_level is {}", rows.text(0, 0))
        .hint("set wal_level = logical in its postgresql.conf and restart it");
  }
  return {};
}

Result<std::optional<std::vector<Oid>>> published_tables(Connection& connection, const std::string& name,
                                                         std::stop_token stop) {
  const auto found =
      WEIR_TRY(connection.query("SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $1", {name}, stop));
  if (found.rows() == 0) return std::optional<std::vector<Oid>>{};
  const auto rows =
      WEIR_TRY(connection.query("SELECT prrelid FROM pg_catalog.pg_publication_rel WHERE prpubid = $1::oid ORDER BY 1",
                                {found.text(0, 0)}, stop));
  std::vector<Oid> tables;
  for (int row = 0; row < rows.rows(); ++row) tables.push_back(static_cast<Oid>(rows.integer(row, 0)));
  return std::optional{std::move(tables)};
}

Result<void> publish(Connection& connection, const std::string& name, const std::vector<TableDefinition>& tables,
                     const flow::Changed& changed, std::stop_token stop) {
  std::vector<std::string> names;
  std::vector<Oid> oids;
  for (const auto& table : tables) {
    names.push_back(quote_relation(table.name));
    oids.push_back(table.oid);
    if (table.identity == 'n' || (table.identity == 'd' && table.key.empty())) {
      WEIR_TRY(connection.run(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", names.back()), stop));
      changed(fmt::format("set REPLICA IDENTITY FULL on {}, which has no primary key", table.name.text()));
    }
  }
  std::ranges::sort(oids);
  const auto present = WEIR_TRY(published_tables(connection, name, stop));
  if (present && *present == oids) return {};
  const auto publication = quote_identifier(name);
  if (!present) {
    WEIR_TRY(connection.run(fmt::format("CREATE PUBLICATION {} FOR TABLE {} WITH (publish_via_partition_root = true)",
                                        publication, fmt::join(names, ", ")),
                            stop));
    changed(fmt::format("made publication {}", name));
    return {};
  }
  if (names.empty()) {
    // SET TABLE takes at least one.
    const auto gone = WEIR_TRY(read_definitions(connection, *present, stop));
    std::vector<std::string> gone_names;
    for (const auto& table : gone) gone_names.push_back(quote_relation(table.name));
    if (gone_names.empty()) return {};
    WEIR_TRY(connection.run(fmt::format("ALTER PUBLICATION {} DROP TABLE {}", publication, fmt::join(gone_names, ", ")),
                            stop));
    return {};
  }
  WEIR_TRY(connection.run(fmt::format("ALTER PUBLICATION {} SET TABLE {}", publication, fmt::join(names, ", ")), stop));
  changed(fmt::format("set the tables of publication {}", name));
  return {};
}

Result<std::optional<SlotState>> find_slot(Connection& connection, const std::string& name, std::stop_token stop) {
  const auto rows =
      WEIR_TRY(connection.query("SELECT slot_type = 'logical' AND plugin = 'pgoutput' AND database = "
                                "current_database(), wal_status = 'lost', active, "
                                "active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
                                {name}, stop));
  if (rows.rows() == 0) return std::optional<SlotState>{};
  if (!rows.flag(0, 0)) {
    return Error::user(Code::Conflict, "there is another replication slot of this name: {}", name)
        .hint("give the task another name");
  }
  return std::optional{SlotState{
      .lost = rows.flag(0, 1), .active = rows.flag(0, 2), .active_pid = static_cast<int>(rows.integer(0, 3))}};
}

Result<void> make_slot(Connection& connection, const std::string& name, std::stop_token stop) {
  WEIR_TRY(connection.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", {name}, stop)
               .while_doing("making the replication slot " + name));
  return {};
}

Result<void> drop_slot(Connection& connection, const std::string& name, std::stop_token stop) {
  // The subscription is gone; its sender on this side may not have noticed. The server tells nobody when it ends, so the drop
  // is tried a few times.
  constexpr int kTriesMax = 50;
  constexpr std::chrono::milliseconds kPause{100};
  WEIR_TRY(connection.query(
      "SELECT pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active",
      {name}, stop));
  for (int tries = 1;; ++tries) {
    const auto dropped = connection.query("SELECT pg_drop_replication_slot($1)", {name}, stop);
    if (dropped.ok()) return {};
    if (!is_sqlstate(dropped.error(), "55006") || tries == kTriesMax) {
      return Error{dropped.error()}.while_doing("dropping the replication slot " + name);
    }
    WEIR_TRY(connection.pause(kPause, stop));
  }
}

Result<std::string> wal_position(Connection& connection, std::stop_token stop) {
  return WEIR_TRY(connection.query("SELECT pg_current_wal_lsn()", {}, stop)).text(0, 0);
}

Result<SlotProgress> slot_progress(Connection& connection, const std::string& name, const std::string& until,
                                   std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(
      "SELECT s.active, s.wal_status = 'lost', pg_wal_lsn_diff($2::pg_lsn, s.confirmed_flush_lsn)::bigint, "
      "pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint, "
      "pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint, extract(epoch FROM r.replay_lag)::float8, "
      "s.confirmed_flush_lsn "
      "FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid "
      "WHERE s.slot_name = $1",
      {name, until}, stop));
  if (rows.rows() == 0 || rows.flag(0, 1)) return slot_lost(name);
  SlotProgress progress;
  progress.active = rows.flag(0, 0);
  progress.missing_bytes = rows.integer(0, 2);
  progress.lag_bytes = rows.integer(0, 3);
  progress.retained_bytes = rows.integer(0, 4);
  if (!rows.is_null(0, 5)) progress.lag_seconds = std::stod(rows.text(0, 5));
  progress.confirmed = rows.text(0, 6);
  return progress;
}

Result<std::vector<flow::HeldLog>> held_logs(Connection& connection, const Address& address, std::stop_token stop) {
  const auto rows = WEIR_TRY(connection.query(
      "SELECT s.slot_name, s.active, s.wal_status IS NOT DISTINCT FROM 'lost', "
      "coalesce(greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn), 0), 0)::bigint, "
      "coalesce(greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0), 0)::bigint, "
      "extract(epoch FROM r.replay_lag)::float8 "
      "FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid "
      "WHERE s.slot_type = 'logical' AND s.database = current_database() AND s.slot_name !~ '^pg_[0-9]+_sync_[0-9]+_' "
      "ORDER BY s.slot_name",
      {}, stop));
  const auto free = free_bytes(local_data_folder(connection, address, stop));
  std::vector<flow::HeldLog> logs;
  for (int row = 0; row < rows.rows(); ++row) {
    auto& log = logs.emplace_back(flow::HeldLog{.replication = rows.text(row, 0),
                                                .is_read = rows.flag(row, 1),
                                                .is_lost = rows.flag(row, 2),
                                                .lag_bytes = static_cast<std::uint64_t>(rows.integer(row, 3)),
                                                .retained_bytes = static_cast<std::uint64_t>(rows.integer(row, 4)),
                                                .lag_seconds = std::nullopt,
                                                .free_bytes = free});
    if (!rows.is_null(row, 5)) log.lag_seconds = std::stod(rows.text(row, 5));
  }
  return logs;
}

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& data_folder) {
  if (data_folder.empty()) return std::nullopt;
  std::error_code unknown;
  const auto space = std::filesystem::space(data_folder, unknown);
  return unknown ? std::nullopt : std::optional{std::uint64_t{space.available}};
}

std::filesystem::path local_data_folder(Connection& connection, const Address& address, std::stop_token stop) {
  const auto host = address.keyword("host");
  const bool local =
      host.empty() || host.starts_with('/') || host == "127.0.0.1" || host == "::1" || host == "localhost";
  if (!local) return {};
  // Only some roles may see it; without it the free space stays unknown.
  const auto shown = connection.query("SELECT current_setting('data_directory')", {}, stop);
  return shown.ok() ? std::filesystem::path{shown->text(0, 0)} : std::filesystem::path{};
}

}  // namespace weir::postgres
