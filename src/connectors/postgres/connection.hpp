#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "connectors/postgres/address.hpp"

namespace weir::postgres {

// A small result as text, row by row.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}

  int rows() const { return PQntuples(result_.get()); }
  int columns() const { return PQnfields(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::string text(int row, int column) const { return PQgetvalue(result_.get(), row, column); }
  std::int64_t integer(int row, int column) const;  // 0 when it is null
  bool flag(int row, int column) const { return *PQgetvalue(result_.get(), row, column) == 't'; }
  // Rows that the statement changed or returned, as far as the server says.
  std::uint64_t affected() const;
  const PGresult* raw() const { return result_.get(); }

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// A piece of COPY data, freed with it; empty at the end of the data.
class CopyPiece {
 public:
  CopyPiece() = default;
  CopyPiece(char* bytes, int size) : bytes_(bytes), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(bytes_.get()), static_cast<std::size_t>(size_)};
  }

 private:
  struct Free {
    void operator()(char* bytes) const { PQfreemem(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  int size_ = 0;
};

// One session with a server. Used by one thread at a time. Every call that waits returns Cancelled as soon as a stop is
// requested; the server is told to stop, and the connection is closed, since what it was doing is undefined by then.
class Connection {
 public:
  static Result<Connection> open(const Address& address, std::stop_token stop);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  int server_version() const { return PQserverVersion(connection_.get()); }  // 150004
  int port() const;
  std::string database() const { return PQdb(connection_.get()); }
  int backend_pid() const { return PQbackendPID(connection_.get()); }
  bool usable() const { return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK; }
  // No statement runs and no transaction is open.
  bool idle() const { return usable() && PQtransactionStatus(connection_.get()) == PQTRANS_IDLE; }
  bool in_transaction() const;
  // Looks without waiting whether the server has closed an idle connection.
  bool alive();

  // One or several statements without parameters; the rows of the last one, the affected rows of them all.
  struct Outcome {
    std::optional<Rows> rows;
    std::uint64_t affected = 0;
  };
  Result<Outcome> run(const std::string& sql, std::stop_token stop);
  // One statement; parameters are texts.
  Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters, std::stop_token stop);
  // What a role's password is stored as (PostgreSQL manual 34.2, PQencryptPasswordConn): statements carry this instead of
  // the password itself, since a server may log them.
  Result<std::string> password_verifier(const std::string& role, const Secret& password);
  // The columns that a statement would return.
  Result<Rows> describe(const std::string& sql, std::stop_token stop);

  // COPY … TO STDOUT: start, then pieces until one is empty.
  Result<void> start_copy_out(const std::string& sql, std::stop_token stop);
  Result<CopyPiece> next_piece(std::stop_token stop);

  // COPY … FROM STDIN: start, put, finish. The bytes may be reused after put; they reach the server while the caller
  // prepares the next ones. finish returns the rows that the server took.
  Result<void> start_copy_in(const std::string& sql, std::stop_token stop);
  Result<void> put(std::span<const std::byte> bytes, std::stop_token stop);
  Result<std::uint64_t> finish_copy_in(std::stop_token stop);

  // From now on every call together may take this long, then it is TimedOut: for clean-ups, which nobody waits for.
  void limit(std::chrono::milliseconds duration) { deadline_ = std::chrono::steady_clock::now() + duration; }

  // Waits for the time to pass or the stop.
  Result<void> pause(std::chrono::milliseconds duration, std::stop_token stop);

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  Connection(std::unique_ptr<PGconn, Finish> connection, Descriptor wakeup)
      : connection_(std::move(connection)), wakeup_(std::move(wakeup)) {}

  Result<void> handshake(const Address& address, std::stop_token stop);
  Result<void> wait(short events, std::stop_token stop, Deadline deadline = {});
  Result<void> flush(std::stop_token stop);
  // Nothing when the statement has no further result.
  Result<std::optional<Rows>> next_result(std::stop_token stop);
  Result<std::optional<Rows>> drain(std::stop_token stop, std::uint64_t& affected);
  Error failure(const PGresult* result);
  Error broken();
  Error cancel();

  std::unique_ptr<PGconn, Finish> connection_;
  Deadline deadline_;
  Descriptor wakeup_;  // an eventfd that a stop request writes to
};

}  // namespace weir::postgres
