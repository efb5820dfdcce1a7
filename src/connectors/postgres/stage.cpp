#include "connectors/postgres/stage.hpp"

#include <algorithm>

#include "base/secret.hpp"
#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

constexpr std::string_view kPrefix = "_weir_stage_";
constexpr int kRandomLength = 12;
constexpr std::chrono::seconds kCleanupPatience{5};

std::string prefix_for(const flow::Relation& target) {
  return std::string{kPrefix} + cut_name(target.name, kNameBytesMax - kPrefix.size() - kRandomLength - 1) + "_";
}

std::string lock_key(const flow::Relation& stage) {
  return fmt::format("hashtextextended({}, 0)", quote_literal(stage.text()));
}

// Those of loads that died, of whatever table: its next load may never come.
Result<void> remove_abandoned(Connection& connection, const flow::Relation& target, std::stop_token stop) {
  const auto found = WEIR_TRY(connection.query(
      "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = $1 AND c.relkind = 'r' AND left(c.relname, length($2)) = $2",
      {target.space, std::string{kPrefix}}, stop));
  for (int row = 0; row < found.rows(); ++row) {
    const flow::Relation stage{target.space, found.text(row, 0)};
    const auto lock =
        WEIR_TRY(connection.query(fmt::format("SELECT pg_try_advisory_lock({})", lock_key(stage)), {}, stop));
    if (!lock.flag(0, 0)) continue;  // its load lives
    // The server may not have given up the dead load's statement yet, or the stage is another user's: a later load tries again.
    static_cast<void>(connection.run("DROP TABLE IF EXISTS " + quote_relation(stage), stop));
    WEIR_TRY(connection.run(fmt::format("SELECT pg_advisory_unlock({})", lock_key(stage)), stop));
  }
  return {};
}

}  // namespace

Result<Stage> Stage::reserve(std::shared_ptr<ConnectionPool> pool, const flow::Relation& target, std::stop_token stop) {
  auto session = WEIR_TRY(pool->connect(stop));
  WEIR_TRY(session.run("SET lock_timeout = '2s'", stop));
  constexpr int kIdleTimeouts = 140000;  // the session waits while its writers work
  if (session.server_version() >= kIdleTimeouts) WEIR_TRY(session.run("SET idle_session_timeout = 0", stop));
  flow::Relation name{target.space, prefix_for(target) + generate_secret(kRandomLength).reveal()};
  WEIR_TRY(session.run(fmt::format("SELECT pg_advisory_lock({})", lock_key(name)), stop));
  WEIR_TRY(remove_abandoned(session, target, stop));
  return Stage{std::move(pool), std::move(session), std::move(name)};
}

Result<void> Stage::create(const std::string& statement, std::stop_token stop) {
  // From here on there may be a table, whatever becomes of the answer.
  created_ = true;
  WEIR_TRY(session_.run(statement, stop));
  return {};
}

Stage::~Stage() {
  if (pool_ == nullptr || !created_) return;
  const auto drop = "DROP TABLE IF EXISTS " + quote_relation(name_);
  if (session_.usable()) {
    session_.limit(kCleanupPatience);
    if (session_.in_transaction()) static_cast<void>(session_.run("ROLLBACK", {}));
    static_cast<void>(session_.run(drop, {}));
    return;
  }
  auto address = pool_->address();
  address.connect_timeout = std::min<std::chrono::milliseconds>(address.connect_timeout, kCleanupPatience);
  auto another = Connection::open(address, {});
  if (!another) return;  // the next load of the table removes it
  another->limit(kCleanupPatience);
  static_cast<void>(another->run("SET lock_timeout = '2s'", {}));
  static_cast<void>(another->run(drop, {}));
}

}  // namespace weir::postgres
