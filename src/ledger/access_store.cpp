#include "ledger/access_store.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>

#include "base/file.hpp"
#include "ledger/migrations.hpp"
#include "ledger/sqlite.hpp"

namespace weir::ledger {
namespace {

constexpr Migration kMigrations[] = {
    {1, "users, sessions, tokens, audit and queries", R"sql(
CREATE TABLE users (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  last_seen_at_us INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES users (name),
  created_at_us INTEGER NOT NULL,
  expires_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);

-- A token without a user was made while nobody was known yet.
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_at_us INTEGER NOT NULL,
  last_used_at_us INTEGER,
  expires_at_us INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  user TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;

CREATE TABLE queries (
  sequence INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  user TEXT NOT NULL,
  connection TEXT NOT NULL,
  sql TEXT NOT NULL,
  error TEXT NOT NULL,
  rows INTEGER NOT NULL,
  elapsed_us INTEGER NOT NULL
) STRICT;
CREATE INDEX queries_by_user ON queries (user, sequence);
)sql"},
};

// Being seen is written at most this often: a page makes a dozen requests, and each write waits for the disk.
constexpr std::chrono::minutes kSeenGrain{1};
// Of each user's statements.
constexpr std::int64_t kQueriesKept = 200;

#define WEIR_USER_COLUMNS "name, role, password_hash, created_at_us, last_seen_at_us"
#define WEIR_TOKEN_COLUMNS "id, name, user, role, hash, created_at_us, last_used_at_us, expires_at_us"

// A role that nobody knows is the least.
Role role_of(std::string_view text) { return parse_role(text).value_or(Role::Viewer); }

User read_user(const Statement& row) {
  return {.name = row.text(0),
          .role = role_of(row.text(1)),
          .password_hash = row.text(2),
          .created_at = row.instant(3).value_or(Instant{}),
          .last_seen_at = row.instant(4)};
}

Token read_token(const Statement& row) {
  return {.id = row.text(0),
          .name = row.text(1),
          .user = row.text(2),
          .role = role_of(row.text(3)),
          .hash = row.text(4),
          .created_at = row.instant(5).value_or(Instant{}),
          .last_used_at = row.instant(6),
          .expires_at = row.instant(7)};
}

std::int64_t before_of(const PageRequest& page) {
  return page.before.value_or(std::numeric_limits<std::int64_t>::max());
}

class SqliteAccessStore final : public AccessStore {
 public:
  explicit SqliteAccessStore(Sqlite sqlite) : sqlite_(std::move(sqlite)) {}

  Result<bool> has_users() override {
    const std::lock_guard guard(mutex_);
    auto row = WEIR_TRY(sqlite_.query("SELECT 1 FROM users LIMIT 1"));
    return row.step();
  }

  Result<std::vector<User>> users() override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(sqlite_.query("SELECT " WEIR_USER_COLUMNS " FROM users ORDER BY name"));
    std::vector<User> found;
    while (WEIR_TRY(rows.step())) found.push_back(read_user(rows));
    return found;
  }

  Result<std::optional<User>> find_user(std::string_view name) override {
    const std::lock_guard guard(mutex_);
    return user(name);
  }

  Result<void> add_user(const User& added) override {
    const std::lock_guard guard(mutex_);
    auto transaction = WEIR_TRY(Transaction::begin(sqlite_));
    if (WEIR_TRY(user(added.name)))
      return Error::user(Code::AlreadyExists, "there is already a user of that name: {}", added.name);
    WEIR_TRY(sqlite_.run("INSERT INTO users (" WEIR_USER_COLUMNS ") VALUES (?, ?, ?, ?, ?)", added.name,
                         ledger::name(added.role), added.password_hash, added.created_at, added.last_seen_at));
    return transaction.commit();
  }

  Result<void> change_user(std::string_view name, std::optional<Role> role,
                           std::optional<std::string> password_hash) override {
    const std::lock_guard guard(mutex_);
    auto transaction = WEIR_TRY(Transaction::begin(sqlite_));
    const auto known = WEIR_TRY(user(name));
    if (!known) return unknown_user(name);
    if (role && *role != Role::Admin) WEIR_TRY(keep_an_admin(*known, Leaves::Role));
    WEIR_TRY(sqlite_.run("UPDATE users SET role = ?, password_hash = ? WHERE name = ?",
                         ledger::name(role.value_or(known->role)), password_hash.value_or(known->password_hash), name));
    WEIR_TRY(sqlite_.run("DELETE FROM sessions WHERE user = ?", name));
    return transaction.commit();
  }

  Result<void> remove_user(std::string_view name) override {
    const std::lock_guard guard(mutex_);
    auto transaction = WEIR_TRY(Transaction::begin(sqlite_));
    const auto known = WEIR_TRY(user(name));
    if (!known) return unknown_user(name);
    WEIR_TRY(keep_an_admin(*known, Leaves::Altogether));
    WEIR_TRY(sqlite_.run("DELETE FROM sessions WHERE user = ?", name));
    WEIR_TRY(sqlite_.run("DELETE FROM tokens WHERE user = ?", name));
    WEIR_TRY(sqlite_.run("DELETE FROM users WHERE name = ?", name));
    return transaction.commit();
  }

  Result<void> add_session(const Session& session) override {
    const std::lock_guard guard(mutex_);
    auto transaction = WEIR_TRY(Transaction::begin(sqlite_));
    WEIR_TRY(sqlite_.run("DELETE FROM sessions WHERE expires_at_us <= ?", session.created_at));
    WEIR_TRY(sqlite_.run("INSERT INTO sessions VALUES (?, ?, ?, ?)", session.hash, session.user, session.created_at,
                         session.expires_at));
    return transaction.commit();
  }

  Result<std::optional<User>> find_session(std::string_view hash, Instant now) override {
    const std::lock_guard guard(mutex_);
    std::optional<User> found;
    {
      auto row = WEIR_TRY(sqlite_.query("SELECT " WEIR_USER_COLUMNS
                                        " FROM users WHERE name = (SELECT user FROM sessions WHERE hash = ? AND "
                                        "expires_at_us > ?)",
                                        hash, now));
      if (WEIR_TRY(row.step())) found = read_user(row);
    }
    if (found && is_stale(found->last_seen_at, now))
      WEIR_TRY(sqlite_.run("UPDATE users SET last_seen_at_us = ? WHERE name = ?", now, found->name));
    return found;
  }

  Result<void> remove_session(std::string_view hash) override {
    const std::lock_guard guard(mutex_);
    return sqlite_.run("DELETE FROM sessions WHERE hash = ?", hash);
  }

  Result<void> add_token(const Token& token) override {
    const std::lock_guard guard(mutex_);
    return sqlite_.run("INSERT INTO tokens (" WEIR_TOKEN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)", token.id,
                       token.name, token.user, ledger::name(token.role), token.hash, token.created_at,
                       token.last_used_at, token.expires_at);
  }

  Result<std::vector<Token>> tokens() override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(sqlite_.query("SELECT " WEIR_TOKEN_COLUMNS " FROM tokens ORDER BY created_at_us DESC, id"));
    std::vector<Token> found;
    while (WEIR_TRY(rows.step())) found.push_back(read_token(rows));
    return found;
  }

  Result<std::optional<Token>> find_token(std::string_view hash, Instant now) override {
    const std::lock_guard guard(mutex_);
    std::optional<Token> found;
    {
      auto row = WEIR_TRY(sqlite_.query("SELECT " WEIR_TOKEN_COLUMNS
                                        " FROM tokens WHERE hash = ? AND (expires_at_us IS NULL OR expires_at_us > ?)",
                                        hash, now));
      if (WEIR_TRY(row.step())) found = read_token(row);
    }
    if (!found) return found;
    if (!found->user.empty()) {
      const auto owner = WEIR_TRY(user(found->user));
      if (!owner) return std::optional<Token>{};
      found->role = std::min(found->role, owner->role);
    }
    if (is_stale(found->last_used_at, now))
      WEIR_TRY(sqlite_.run("UPDATE tokens SET last_used_at_us = ? WHERE id = ?", now, found->id));
    return found;
  }

  Result<void> remove_token(std::string_view id) override {
    const std::lock_guard guard(mutex_);
    WEIR_TRY(sqlite_.run("DELETE FROM tokens WHERE id = ?", id));
    if (sqlite_.changes() == 0) return Error::user(Code::NotFound, "no such token: {}", id);
    return {};
  }

  Result<void> record(const AuditEntry& entry) override {
    const std::lock_guard guard(mutex_);
    return sqlite_.run("INSERT INTO audit (at_us, user, action, object, detail, address) VALUES (?, ?, ?, ?, ?, ?)",
                       entry.at, entry.user, entry.action, entry.object, entry.detail, entry.address);
  }

  Result<std::vector<AuditEntry>> audit(const PageRequest& page) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(
        sqlite_.query("SELECT sequence, at_us, user, action, object, detail, address FROM audit WHERE sequence < ? "
                      "ORDER BY sequence DESC LIMIT ?",
                      before_of(page), std::int64_t{page.limit}));
    std::vector<AuditEntry> found;
    while (WEIR_TRY(rows.step())) {
      found.push_back({.sequence = rows.integer(0),
                       .at = rows.instant(1).value_or(Instant{}),
                       .user = rows.text(2),
                       .action = rows.text(3),
                       .object = rows.text(4),
                       .detail = rows.text(5),
                       .address = rows.text(6)});
    }
    return found;
  }

  Result<void> record(const QueryRecord& query) override {
    const std::lock_guard guard(mutex_);
    auto transaction = WEIR_TRY(Transaction::begin(sqlite_));
    WEIR_TRY(sqlite_.run(
        "INSERT INTO queries (at_us, user, connection, sql, error, rows, elapsed_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        query.at, query.user, query.connection, query.sql, query.error, static_cast<std::int64_t>(query.rows),
        std::int64_t{query.elapsed.count()}));
    WEIR_TRY(
        sqlite_.run("DELETE FROM queries WHERE user = ?1 AND sequence <= (SELECT sequence FROM queries WHERE "
                    "user = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
                    query.user, kQueriesKept));
    return transaction.commit();
  }

  Result<std::vector<QueryRecord>> queries(std::string_view user, const PageRequest& page) override {
    const std::lock_guard guard(mutex_);
    auto rows = WEIR_TRY(sqlite_.query(
        "SELECT sequence, at_us, user, connection, sql, error, rows, elapsed_us FROM queries WHERE user = ? AND "
        "sequence < ? ORDER BY sequence DESC LIMIT ?",
        user, before_of(page), std::int64_t{page.limit}));
    std::vector<QueryRecord> found;
    while (WEIR_TRY(rows.step())) {
      found.push_back({.sequence = rows.integer(0),
                       .at = rows.instant(1).value_or(Instant{}),
                       .user = rows.text(2),
                       .connection = rows.text(3),
                       .sql = rows.text(4),
                       .error = rows.text(5),
                       .rows = static_cast<std::uint64_t>(rows.integer(6)),
                       .elapsed = std::chrono::microseconds{rows.integer(7)}});
    }
    return found;
  }

 private:
  // The caller holds the mutex in all of these.
  Result<std::optional<User>> user(std::string_view name) {
    auto row = WEIR_TRY(sqlite_.query("SELECT " WEIR_USER_COLUMNS " FROM users WHERE name = ?", name));
    if (!WEIR_TRY(row.step())) return std::optional<User>{};
    return std::optional{read_user(row)};
  }

  enum class Leaves { Role, Altogether };

  // Somebody must be able to let others in; only the very last user may go altogether, and with them the locks.
  Result<void> keep_an_admin(const User& leaving, Leaves leaves) {
    if (leaving.role != Role::Admin) return {};
    auto row = WEIR_TRY(sqlite_.query(
        "SELECT count(*) FILTER (WHERE role = 'admin'), count(*) FROM users WHERE name <> ?", leaving.name));
    WEIR_TRY(row.step());
    const bool nobody_else = row.integer(1) == 0;
    if (row.integer(0) > 0 || (nobody_else && leaves == Leaves::Altogether)) return {};
    return Error::user(Code::Conflict, "the last admin has to stay one: {}", leaving.name)
        .hint("make another user an admin first");
  }

  static bool is_stale(const std::optional<Instant>& seen, Instant now) { return !seen || now - *seen > kSeenGrain; }

  static Error unknown_user(std::string_view name) { return Error::user(Code::NotFound, "no such user: {}", name); }

  std::mutex mutex_;
  Sqlite sqlite_;
};

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles{
    {{Role::Viewer, "viewer"}, {Role::Operator, "operator"}, {Role::Admin, "admin"}}};

}  // namespace

std::string_view name(Role role) {
  return std::ranges::find(kRoles, role, &std::pair<Role, std::string_view>::first)->second;
}

std::optional<Role> parse_role(std::string_view text) {
  const auto found = std::ranges::find(kRoles, text, &std::pair<Role, std::string_view>::second);
  return found == kRoles.end() ? std::nullopt : std::optional{found->first};
}

Result<std::unique_ptr<AccessStore>> AccessStore::open(const std::filesystem::path& state_folder) {
  WEIR_TRY(make_folder(state_folder));
  const auto path = state_folder / "access.sqlite3";
  {
    // Made with its mode before SQLite opens it; SQLite gives the files beside it (-wal, -shm) the same.
    const Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!file) return Error::from_errno(errno, fmt::format("opening file: {}", path.string()));
  }
  auto sqlite = WEIR_TRY(Sqlite::open(path, Sqlite::Mode::Write));
  WEIR_TRY(migrate(sqlite, kMigrations, system_clock().now()));
  return std::unique_ptr<AccessStore>(std::make_unique<SqliteAccessStore>(std::move(sqlite)));
}

}  // namespace weir::ledger
