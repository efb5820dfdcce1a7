#include "connectors/postgres/subscription.hpp"

#include <fmt/ranges.h>

#include <array>

#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr int kFirstVersionWithErrorCounts = 150000;

// conninfo values are quoted with backslashes (PostgreSQL manual 34.1.1.1).
std::string keyword_text(std::string_view name, std::string_view value) {
  std::string text{name};
  text += "='";
  for (const char letter : value) {
    if (letter == '\'' || letter == '\\') text += '\\';
    text += letter;
  }
  return text + "' ";
}

}  // namespace

Result<Connection> open_discreet(const Address& address, std::stop_token stop) {
  auto connection = WEIR_TRY(Connection::open(address, stop));
  WEIR_TRY(connection.run("SET search_path = pg_catalog", stop));
  WEIR_TRY(connection.run("SET lock_timeout = '60s'", stop));
  constexpr std::array kQuiet{"log_statement = 'none'",          "log_min_error_statement = 'panic'",
                              "log_min_duration_statement = -1", "log_min_duration_sample = -1",
                              "track_activities = off",          "pg_stat_statements.track_utility = off"};
  for (const auto* setting : kQuiet) {
    // A role that is no superuser may not set them: then the server's own rules hold, as docs/replication.md says.
    const auto set = connection.run(fmt::format("SET {}", setting), stop);
    if (!set.ok() && !connection.usable()) return set.error();
  }
  return connection;
}

Secret connection_string(const Address& publisher, const Endpoint& endpoint, const std::string& database,
                         const ReadingRole& role) {
  auto text = keyword_text("host", endpoint.host) + keyword_text("port", std::to_string(endpoint.port)) +
              keyword_text("dbname", database) + keyword_text("user", role.name) +
              keyword_text("password", role.password.reveal()) + keyword_text("connect_timeout", "10");
  for (const auto* keyword : {"sslmode", "sslrootcert"}) {
    const auto value = publisher.keyword(keyword);
    if (!value.empty()) text += keyword_text(keyword, value);
  }
  text.pop_back();
  return Secret{std::move(text)};
}

Result<std::optional<SubscriptionState>> find_subscription(Connection& connection, const std::string& name,
                                                           std::stop_token stop) {
  const auto found = WEIR_TRY(connection.query(
      "SELECT s.oid, s.subenabled, has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT') "
      "FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid "
      "WHERE d.datname = current_database() AND s.subname = $1",
      {name}, stop));
  if (found.rows() == 0) return std::optional<SubscriptionState>{};
  SubscriptionState state;
  state.oid = static_cast<Oid>(found.integer(0, 0));
  state.enabled = found.flag(0, 1);
  if (found.flag(0, 2)) {
    const auto text = WEIR_TRY(connection.query(
        "SELECT subconninfo FROM pg_catalog.pg_subscription WHERE oid = $1::oid", {found.text(0, 0)}, stop));
    state.connection = Secret{text.text(0, 0)};
  }
  const auto tables = WEIR_TRY(connection.query(
      "SELECT srrelid FROM pg_catalog.pg_subscription_rel WHERE srsubid = $1::oid", {found.text(0, 0)}, stop));
  for (int row = 0; row < tables.rows(); ++row) state.tables.insert(static_cast<Oid>(tables.integer(row, 0)));
  return std::optional{std::move(state)};
}

Result<void> subscribe(Connection& connection, const std::string& name, const Secret& publisher, std::stop_token stop) {
  const auto quoted = quote_identifier(name);
  WEIR_TRY(
      connection
          .run(fmt::format(
                   "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH (create_slot = false, slot_name = {})",
                   quoted, quote_literal(publisher.reveal()), quoted, quote_literal(name)),
               stop)
          .while_doing("making subscription " + name));
  return {};
}

Result<void> set_connection(Connection& connection, const std::string& name, const Secret& publisher,
                            std::stop_token stop) {
  WEIR_TRY(connection
               .run(fmt::format("ALTER SUBSCRIPTION {} CONNECTION {}", quote_identifier(name),
                                quote_literal(publisher.reveal())),
                    stop)
               .while_doing("changing subscription " + name));
  return {};
}

Result<void> enable_subscription(Connection& connection, const std::string& name, std::stop_token stop) {
  WEIR_TRY(connection.run(fmt::format("ALTER SUBSCRIPTION {} ENABLE", quote_identifier(name)), stop));
  return {};
}

Result<void> refresh_subscription(Connection& connection, const std::string& name, std::stop_token stop) {
  WEIR_TRY(connection.run(fmt::format("ALTER SUBSCRIPTION {} REFRESH PUBLICATION", quote_identifier(name)), stop)
               .while_doing("refreshing subscription " + name));
  return {};
}

Result<SubscriptionProgress> subscription_progress(Connection& connection, const std::string& name,
                                                   std::stop_token stop) {
  const auto counts = connection.server_version() >= kFirstVersionWithErrorCounts;
  const auto rows = WEIR_TRY(connection.query(
      fmt::format(
          "SELECT s.subenabled, count(r.srrelid), count(r.srrelid) FILTER (WHERE r.srsubstate = 'r'), "
          "array_to_string(array_agg(r.srrelid::regclass::text ORDER BY 1) FILTER (WHERE r.srsubstate <> 'r'), "
          "E'\\n'), "
          "{}, "
          "(SELECT string_agg(w.pid::text, ',') FROM pg_stat_subscription w WHERE w.subid = s.oid), "
          "(SELECT sum(c.tuples_processed) FROM pg_stat_progress_copy c JOIN pg_stat_subscription w ON w.pid = c.pid "
          "WHERE w.subid = s.oid), "
          "(SELECT o.remote_lsn FROM pg_replication_origin_status o WHERE o.external_id = 'pg_' || s.oid), "
          "(SELECT string_agg(w.received_lsn::text, ',') FROM pg_stat_subscription w WHERE w.subid = s.oid) "
          "FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid LEFT JOIN pg_subscription_rel r ON r.srsubid "
          "= s.oid "
          "WHERE d.datname = current_database() AND s.subname = $1 GROUP BY s.oid, s.subenabled",
          counts
              ? "(SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats t WHERE t.subid = s.oid)"
              : "-1"),
      {name}, stop));
  if (rows.rows() == 0) {
    return Error::external(Code::Conflict, "somebody dropped the subscription meanwhile: {}", name);
  }
  SubscriptionProgress progress;
  progress.enabled = rows.flag(0, 0);
  progress.tables = static_cast<std::size_t>(rows.integer(0, 1));
  progress.tables_ready = static_cast<std::size_t>(rows.integer(0, 2));
  progress.errors = rows.integer(0, 4);
  const auto split = [&](int column, char at, const auto& take) {
    std::string_view rest = PQgetvalue(rows.raw(), 0, column);
    while (!rest.empty()) {
      const auto end = std::min(rest.find(at), rest.size());
      take(std::string{rest.substr(0, end)});
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  };
  split(3, '\n', [&](std::string table) { progress.tables_waiting.push_back(std::move(table)); });
  split(5, ',', [&](const std::string& pid) { progress.workers.insert(std::stoi(pid)); });
  progress.rows_copied = static_cast<std::uint64_t>(rows.integer(0, 6));
  progress.position =
      fmt::format("{}/{}/{}/{}", rows.text(0, 7), rows.text(0, 8), progress.tables_ready, progress.rows_copied);
  return progress;
}

}  // namespace weir::postgres
