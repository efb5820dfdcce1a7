#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::ledger {

// What a person or a program may do: look; also start, stop and change runs; also manage people and everything else.
enum class Role { Viewer, Operator, Admin };
std::string_view name(Role role);
std::optional<Role> parse_role(std::string_view text);

struct User {
  std::string name;
  Role role = Role::Viewer;
  std::string password_hash;  // argon2id, as libsodium writes it
  Instant created_at;
  std::optional<Instant> last_seen_at;
};

struct Session {
  std::string hash;  // of the cookie: whoever reads the file cannot sign in with it
  std::string user;
  Instant created_at;
  Instant expires_at;
};

struct Token {
  std::string id;    // public: names it in lists
  std::string name;  // what it is for
  std::string user;  // who made it; its rights end with that user
  Role role = Role::Viewer;
  std::string hash;
  Instant created_at;
  std::optional<Instant> last_used_at;
  std::optional<Instant> expires_at;
};

struct AuditEntry {
  std::int64_t sequence = 0;  // given by the store
  Instant at;
  std::string user;
  std::string action;  // "run.trigger", "user.add", …
  std::string object;  // what it was done to
  std::string detail;
  std::string address;  // where the request came from
};

// A statement of the SQL console.
struct QueryRecord {
  std::int64_t sequence = 0;  // given by the store
  Instant at;
  std::string user;
  std::string connection;
  std::string sql;
  std::string error;  // "" when it succeeded
  std::uint64_t rows = 0;
  std::chrono::microseconds elapsed{0};
};

// One page of a list, newest first: what stands before a sequence number (none: from the end).
struct PageRequest {
  std::optional<std::int64_t> before;
  int limit = 50;
};

// Who may come in, and what they did: users, sessions, API tokens, the audit log, the SQL console's history. A file of its
// own (.weir/access.sqlite3, mode 0600), so that `weir user` works beside a `weir serve` that holds the ledger, and so that
// the ledger can be handed around without anybody's hash. Any process may write. Thread-safe; durable when it returns.
class AccessStore {
 public:
  // Makes the file when it is not there.
  static Result<std::unique_ptr<AccessStore>> open(const std::filesystem::path& state_folder);
  virtual ~AccessStore() = default;

  virtual Result<bool> has_users() = 0;
  virtual Result<std::vector<User>> users() = 0;
  virtual Result<std::optional<User>> find_user(std::string_view name) = 0;
  virtual Result<void> add_user(const User& user) = 0;  // AlreadyExists
  // What is absent stays. A new password or role ends the user's sessions. NotFound; Conflict for the last admin's role.
  virtual Result<void> change_user(std::string_view name, std::optional<Role> role,
                                   std::optional<std::string> password_hash) = 0;
  // With sessions and tokens. NotFound; Conflict for the last admin while others remain.
  virtual Result<void> remove_user(std::string_view name) = 0;

  virtual Result<void> add_session(const Session& session) = 0;
  // The user behind a session that has not expired; notes now and then that they were seen.
  virtual Result<std::optional<User>> find_session(std::string_view hash, Instant now) = 0;
  virtual Result<void> remove_session(std::string_view hash) = 0;

  virtual Result<void> add_token(const Token& token) = 0;
  virtual Result<std::vector<Token>> tokens() = 0;
  // One that has not expired and whose user still exists; its role is never above the user's.
  virtual Result<std::optional<Token>> find_token(std::string_view hash, Instant now) = 0;
  virtual Result<void> remove_token(std::string_view id) = 0;  // NotFound

  virtual Result<void> record(const AuditEntry& entry) = 0;
  virtual Result<std::vector<AuditEntry>> audit(const PageRequest& page) = 0;
  virtual Result<void> record(const QueryRecord& query) = 0;
  // Of one user.
  virtual Result<std::vector<QueryRecord>> queries(std::string_view user, const PageRequest& page) = 0;
};

}  // namespace weir::ledger
