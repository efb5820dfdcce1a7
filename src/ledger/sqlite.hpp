#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::ledger {

// A prepared statement borrowed from its connection's cache; gives it back, reset, when it goes. Parameters and columns
// count from 1 and 0, as in SQLite. Instants are stored as microseconds since 1970.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  void bind(int index, std::string_view text);
  void bind(int index, std::int64_t number);
  void bind(int index, Instant instant);
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) bind(index, *value);  // an unbound parameter is NULL
  }

  // Whether there is a row.
  Result<bool> step();

  bool null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  std::optional<Instant> instant(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// One connection to one SQLite file. Not thread-safe: its owner holds a mutex.
class Sqlite {
 public:
  enum class Mode { Write, Read };
  // WAL with synchronous=FULL: a commit is on the disk when it returns. Writing makes the file; reading does not.
  static Result<Sqlite> open(const std::filesystem::path& path, Mode mode);

  // `sql` must be a literal: the cache keeps the statement for the connection's life. It holds one statement.
  template <typename... Args>
  Result<Statement> query(std::string_view sql, const Args&... args) {
    auto statement = WEIR_TRY(prepare(sql));
    int index = 0;
    (statement.bind(++index, args), ...);
    return statement;
  }
  template <typename... Args>
  Result<void> run(std::string_view sql, const Args&... args) {
    auto statement = WEIR_TRY(query(sql, args...));
    WEIR_TRY(statement.step());
    return {};
  }
  // Several statements without parameters or rows, not cached.
  Result<void> run_script(const char* sql);
  // Rows that the last run() changed.
  int changes() const;
  // The integer key of the row that was inserted last.
  std::int64_t last_inserted() const;
  bool is_in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  explicit Sqlite(sqlite3* connection) : connection_(connection) {}
  Result<Statement> prepare(std::string_view sql);

  std::unique_ptr<sqlite3, Close> connection_;
  std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

// BEGIN IMMEDIATE … COMMIT; rolled back when it goes without a commit. Within another one it is a savepoint, and durable
// with that one.
class Transaction {
 public:
  static Result<Transaction> begin(Sqlite& sqlite);
  Transaction(Transaction&& other) noexcept : sqlite_(std::exchange(other.sqlite_, nullptr)), level_(other.level_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  enum class Level { Outer, Inner };
  Transaction(Sqlite& sqlite, Level level) : sqlite_(&sqlite), level_(level) {}
  Sqlite* sqlite_;
  Level level_;
};

}  // namespace weir::ledger
