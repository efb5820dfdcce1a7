#include "ledger/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

namespace weir::ledger {

namespace {

// How long a statement waits for a lock. Readers of a WAL never block a writer; only checkpoints and recovery do.
constexpr int kBusyMs = 10'000;

Error disk_full(std::string_view message, std::string native) {
  return Error::system(Code::ResourceExhausted, "writing the ledger: {}", message)
      .native_code(std::move(native))
      .hint("free some space on the disk that holds .weir/");
}

// https://www.sqlite.org/rescode.html
Error describe(int code, std::string_view message) {
  const auto primary = code & 0xff;
  const auto native = std::to_string(code);
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error::system(Code::Conflict, "the ledger is held by another process: {}", message).native_code(native);
    case SQLITE_FULL: return disk_full(message, native);
    case SQLITE_NOMEM:
      return Error::system(Code::ResourceExhausted, "using the ledger: {}", message).native_code(native);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return Error::system(Code::AccessDenied, "opening the ledger: {}", message)
          .native_code(native)
          .retry(Retry::Never)
          .hint("check that this user may write the project's .weir folder");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error::system(Code::InvalidData, "the ledger is damaged: {}", message)
          .native_code(native)
          .retry(Retry::Never)
          .hint("restore .weir/ledger.sqlite3 from a backup, or move it away: Weir then starts with an empty history");
    case SQLITE_IOERR:
      return Error::system(Code::Unavailable, "reading or writing the ledger: {}", message).native_code(native);
    default: return Error::bug("ledger: {}", message).native_code(native);
  }
}

Error last_error(sqlite3* connection) {
  const auto code = sqlite3_extended_errcode(connection);
  // What SQLite makes beside the ledger itself has no code of its own for a full disk.
  if ((code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(connection) == ENOSPC)
    return disk_full(std::strerror(ENOSPC), std::to_string(code));
  return describe(code, sqlite3_errmsg(connection));
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// A binding fails only for a wrong index or no memory; the step that follows would fail too or find no value.
void Statement::bind(int index, std::string_view text) {
  WEIR_CHECK(sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK);
}

void Statement::bind(int index, std::int64_t number) {
  WEIR_CHECK(sqlite3_bind_int64(statement_, index, number) == SQLITE_OK);
}

void Statement::bind(int index, Instant instant) { bind(index, std::int64_t{instant.time_since_epoch().count()}); }

Result<bool> Statement::step() {
  const auto code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return last_error(sqlite3_db_handle(statement_));
}

bool Statement::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr ? std::string()
                          : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::optional<Instant> Statement::instant(int column) const {
  if (null(column)) return std::nullopt;
  return Instant(std::chrono::microseconds(integer(column)));
}

void Sqlite::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
void Sqlite::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<Sqlite> Sqlite::open(const std::filesystem::path& path, Mode mode) {
  // A reader opens for writing too, where it may: the shared memory of a WAL has to be made by whoever comes first.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == Mode::Write ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const auto code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Sqlite sqlite(handle);  // also a failed open leaves a handle to close
  if (code != SQLITE_OK) return describe(code, handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMs);
  WEIR_TRY(sqlite.run_script("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY"));
  WEIR_TRY(sqlite.run_script(mode == Mode::Write ? "PRAGMA journal_mode = WAL" : "PRAGMA query_only = ON"));
  return sqlite;
}

Result<Statement> Sqlite::prepare(std::string_view sql) {
  auto& cached = statements_[sql];
  if (!cached) {
    sqlite3_stmt* statement = nullptr;
    const auto code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return last_error(connection_.get());
    cached.reset(statement);
  }
  return Statement(cached.get());
}

Result<void> Sqlite::run_script(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return last_error(connection_.get());
  return {};
}

int Sqlite::changes() const { return sqlite3_changes(connection_.get()); }
std::int64_t Sqlite::last_inserted() const { return sqlite3_last_insert_rowid(connection_.get()); }

bool Sqlite::is_in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }

Result<Transaction> Transaction::begin(Sqlite& sqlite) {
  const auto level = sqlite.is_in_transaction() ? Level::Inner : Level::Outer;
  if (level == Level::Outer) {
    WEIR_TRY(sqlite.run("BEGIN IMMEDIATE"));
  } else {
    WEIR_TRY(sqlite.run("SAVEPOINT inner"));
  }
  return Transaction(sqlite, level);
}

Transaction::~Transaction() {
  if (sqlite_ == nullptr) return;
  // The reason for the rollback is already on its way up; a failing ROLLBACK has rolled back by itself.
  if (level_ == Level::Outer) {
    static_cast<void>(sqlite_->run("ROLLBACK"));
  } else {
    static_cast<void>(sqlite_->run("ROLLBACK TO inner"));
    static_cast<void>(sqlite_->run("RELEASE inner"));
  }
}

Result<void> Transaction::commit() {
  if (level_ == Level::Outer) {
    WEIR_TRY(sqlite_->run("COMMIT"));
  } else {
    WEIR_TRY(sqlite_->run("RELEASE inner"));
  }
  sqlite_ = nullptr;
  return {};
}

}  // namespace weir::ledger
