#include "connectors/postgres/receipts.hpp"

#include "connectors/postgres/server_error.hpp"

namespace weir::postgres {
namespace {

// Two sessions that create the same schema at once would fail on pg_namespace's index, so they take turns.
constexpr auto kCreate =
    "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('weir_meta', 0)); "
    "CREATE SCHEMA IF NOT EXISTS weir_meta; "
    "CREATE TABLE IF NOT EXISTS weir_meta.commits (target text NOT NULL, commit_id text NOT NULL, rows bigint NOT "
    "NULL, "
    "committed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (target, commit_id)); "
    "COMMENT ON TABLE weir_meta.commits IS 'What Weir has committed to the tables of this database: proof that a load "
    "is not repeated'; "
    "COMMIT";

}  // namespace

Result<void> ensure_receipts(Connection& connection, std::stop_token stop) {
  const auto found = WEIR_TRY(connection.query("SELECT to_regclass('weir_meta.commits') IS NOT NULL", {}, stop));
  if (found.flag(0, 0)) return {};
  auto created = connection.run(kCreate, stop);
  if (created.ok()) return {};
  if (connection.usable()) static_cast<void>(connection.run("ROLLBACK", stop));
  if (!is_sqlstate(created.error(), "42501")) return std::move(created).error();
  return std::move(created)
      .error()
      .hint("let an administrator run: CREATE SCHEMA weir_meta AUTHORIZATION <the connection's user>")
      .while_doing("making the schema weir_meta, where Weir records its commits");
}

Result<bool> add_receipt(Connection& connection, const std::string& target, const flow::Receipt& receipt,
                         std::stop_token stop) {
  const auto inserted = WEIR_TRY(connection.query(
      "INSERT INTO weir_meta.commits (target, commit_id, rows) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      {target, receipt.commit.text(), std::to_string(receipt.rows)}, stop));
  return inserted.affected() == 1;
}

Result<std::optional<flow::Receipt>> find_receipt(Connection& connection, const std::string& target,
                                                  const CommitId& commit, std::stop_token stop) {
  auto found = connection.query("SELECT rows FROM weir_meta.commits WHERE target = $1 AND commit_id = $2",
                                {target, commit.text()}, stop);
  if (!found) {
    if (is_sqlstate(found.error(), "42P01")) return std::optional<flow::Receipt>{};
    return std::move(found).error();
  }
  if (found->rows() == 0) return std::optional<flow::Receipt>{};
  return std::optional{flow::Receipt{commit, static_cast<std::uint64_t>(found->integer(0, 0))}};
}

}  // namespace weir::postgres
