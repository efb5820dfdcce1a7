#include "connectors/postgres/connection.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <thread>

#include "connectors/postgres/server_error.hpp"

namespace weir::postgres {
namespace {

constexpr int kOldestServer = 120000;

// Every session means the same by the same text, whatever the server's configuration says.
constexpr auto kSessionSettings =
    "SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET DateStyle = 'ISO, YMD'; "
    "SET IntervalStyle = 'iso_8601'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex'; "
    "SET client_min_messages = 'warning'";

void ignore_notice(void*, const PGresult*) {}

// PQcancel waits for the server without a limit, so it gets a thread of its own.
void cancel_in_background(PGconn* connection) {
  auto* cancel = PQgetCancel(connection);
  if (cancel == nullptr) return;
  std::thread([cancel] {
    std::array<char, 256> complaint{};
    PQcancel(cancel, complaint.data(), static_cast<int>(complaint.size()));
    PQfreeCancel(cancel);
  }).detach();
}

}  // namespace

std::int64_t Rows::integer(int row, int column) const {
  const auto* begin = PQgetvalue(result_.get(), row, column);
  std::int64_t value = 0;
  std::from_chars(begin, begin + PQgetlength(result_.get(), row, column), value);
  return value;
}

std::uint64_t Rows::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<Connection> Connection::open(const Address& address, std::stop_token stop) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : address.keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  if (!address.password.empty()) {
    names.push_back("password");
    values.push_back(address.password.reveal().c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  Descriptor wakeup{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wakeup) return Error::from_errno(errno, "making an event descriptor");
  Connection connection{std::unique_ptr<PGconn, Finish>{PQconnectStartParams(names.data(), values.data(), 0)},
                        std::move(wakeup)};
  if (connection.connection_ == nullptr) return Error::system(Code::ResourceExhausted, "no memory for a connection");
  WEIR_TRY(connection.handshake(address, stop));
  WEIR_TRY(connection.run(kSessionSettings, stop));
  return connection;
}

Result<void> Connection::handshake(const Address& address, std::stop_token stop) {
  auto* connection = connection_.get();
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection, ignore_notice, nullptr);
  const auto deadline = std::chrono::steady_clock::now() + address.connect_timeout;
  auto polling = PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (polling != PGRES_POLLING_OK) {
    if (polling == PGRES_POLLING_FAILED) return connect_error(PQerrorMessage(connection), address.text());
    const auto waited = wait(polling == PGRES_POLLING_READING ? POLLIN : POLLOUT, stop, deadline);
    if (!waited) return Error{waited.error()}.while_doing(fmt::format("connecting to {}", address.text()));
    polling = PQconnectPoll(connection);
  }
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection, 1) != 0) return broken();
  if (server_version() < kOldestServer) {
    return Error::user(Code::Unsupported, "the PostgreSQL server is too old: version {}.{}", server_version() / 10000,
                       server_version() % 10000)
        .hint("Weir needs PostgreSQL 12 or newer");
  }
  return {};
}

bool Connection::in_transaction() const {
  const auto status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

bool Connection::alive() {
  if (!usable()) return false;
  pollfd socket{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  if (poll(&socket, 1, 0) == 0) return true;
  return PQconsumeInput(connection_.get()) == 1 && usable();
}

Result<void> Connection::wait(short events, std::stop_token stop, Deadline deadline) {
  const std::stop_callback wake{stop, [fd = wakeup_.get()] {
                                  const std::uint64_t one = 1;
                                  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
                                }};
  std::array<pollfd, 2> descriptors{pollfd{.fd = PQsocket(connection_.get()), .events = events, .revents = 0},
                                    pollfd{.fd = wakeup_.get(), .events = POLLIN, .revents = 0}};
  if (!deadline) deadline = deadline_;
  if (descriptors[0].fd < 0) return broken();
  while (true) {
    if (stop.stop_requested()) return cancel();
    int timeout_ms = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return Error::external(Code::TimedOut, "the server did not answer in time").retry(Retry::Reconnect);
      timeout_ms = static_cast<int>(left.count());
    }
    const auto ready = poll(descriptors.data(), descriptors.size(), timeout_ms);
    if (ready < 0 && errno != EINTR) return Error::from_errno(errno, "waiting for PostgreSQL");
    if (ready > 0 && descriptors[0].revents != 0) return {};
  }
}

Error Connection::cancel() {
  if (connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK) cancel_in_background(connection_.get());
  connection_.reset();
  return Error::cancelled();
}

Result<void> Connection::pause(std::chrono::milliseconds duration, std::stop_token stop) {
  // Nothing is expected from the server: only errors of the socket and the stop wake it before its time.
  const auto waited = wait(0, stop, std::chrono::steady_clock::now() + duration);
  if (!waited && waited.error().code() != Code::TimedOut) return Error{waited.error()};
  return {};
}

Error Connection::broken() { return broken_connection(PQerrorMessage(connection_.get())); }

Error Connection::failure(const PGresult* result) {
  auto message = ServerMessage::from(result);
  // Without a SQLSTATE it is libpq that speaks: the connection is gone.
  if (message.sqlstate.empty()) return broken_connection(PQresultErrorMessage(result));
  return classify(message);
}

Result<void> Connection::flush(std::stop_token stop) {
  while (true) {
    const auto left = PQflush(connection_.get());
    if (left == 0) return {};
    if (left < 0) return broken();
    WEIR_TRY(wait(POLLIN | POLLOUT, stop));
    if (PQconsumeInput(connection_.get()) == 0) return broken();
  }
}

Result<std::optional<Rows>> Connection::next_result(std::stop_token stop) {
  WEIR_TRY(flush(stop));
  while (PQisBusy(connection_.get()) != 0) {
    WEIR_TRY(wait(POLLIN, stop));
    if (PQconsumeInput(connection_.get()) == 0) return broken();
  }
  auto* result = PQgetResult(connection_.get());
  if (result == nullptr) return std::optional<Rows>{};
  return std::optional<Rows>{Rows{result}};
}

// Takes every result up to the server's readiness for the next statement, so that the connection stays usable after an
// error; the first error wins.
Result<std::optional<Rows>> Connection::drain(std::stop_token stop, std::uint64_t& affected) {
  std::optional<Rows> last;
  std::optional<Error> error;
  while (auto result = WEIR_TRY(next_result(stop))) {
    const auto status = PQresultStatus(result->raw());
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      if (!error) error = failure(result->raw());
      if (!usable()) break;
      continue;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      connection_.reset();
      return Error::user(Code::Unsupported, "COPY from or to the client cannot be used here");
    }
    affected += result->affected();
    last = std::move(result);
  }
  if (error) return std::move(*error);
  return last;
}

Result<Connection::Outcome> Connection::run(const std::string& sql, std::stop_token stop) {
  if (!usable()) return broken_connection("it was closed");
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return broken();
  Outcome outcome;
  outcome.rows = WEIR_TRY(drain(stop, outcome.affected));
  return outcome;
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<std::string>& parameters,
                               std::stop_token stop) {
  if (!usable()) return broken_connection("it was closed");
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) == 0) {
    return broken();
  }
  std::uint64_t affected = 0;
  auto rows = WEIR_TRY(drain(stop, affected));
  if (!rows) return Error::bug("a statement without a result");
  return std::move(*rows);
}

int Connection::port() const {
  int port = 0;
  const std::string_view text = PQport(connection_.get());
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

Result<std::string> Connection::password_verifier(const std::string& role, const Secret& password) {
  if (!usable()) return broken_connection("it was closed");
  const std::unique_ptr<char, decltype(&PQfreemem)> verifier{
      PQencryptPasswordConn(connection_.get(), password.reveal().c_str(), role.c_str(), "scram-sha-256"), PQfreemem};
  if (verifier == nullptr) return Error::system(Code::ResourceExhausted, "libpq could not encrypt a password");
  return std::string{verifier.get()};
}

Result<Rows> Connection::describe(const std::string& sql, std::stop_token stop) {
  if (!usable()) return broken_connection("it was closed");
  std::uint64_t affected = 0;
  if (PQsendPrepare(connection_.get(), "", sql.c_str(), 0, nullptr) == 0) return broken();
  WEIR_TRY(drain(stop, affected));
  if (PQsendDescribePrepared(connection_.get(), "") == 0) return broken();
  auto rows = WEIR_TRY(drain(stop, affected));
  if (!rows) return Error::bug("a description without a result");
  return std::move(*rows);
}

Result<void> Connection::start_copy_out(const std::string& sql, std::stop_token stop) {
  if (!usable()) return broken_connection("it was closed");
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return broken();
  auto started = WEIR_TRY(next_result(stop));
  WEIR_CHECK(started.has_value());
  if (PQresultStatus(started->raw()) == PGRES_COPY_OUT) return {};
  auto error = failure(started->raw());
  std::uint64_t affected = 0;
  if (usable()) static_cast<void>(drain(stop, affected));
  return error;
}

Result<CopyPiece> Connection::next_piece(std::stop_token stop) {
  if (stop.stop_requested()) return cancel();
  while (true) {
    char* bytes = nullptr;
    const auto size = PQgetCopyData(connection_.get(), &bytes, 1);
    if (size > 0) return CopyPiece{bytes, size};
    if (size == 0) {
      WEIR_TRY(wait(POLLIN, stop));
      if (PQconsumeInput(connection_.get()) == 0) return broken();
      continue;
    }
    std::uint64_t affected = 0;
    if (size == -2) return broken();
    WEIR_TRY(drain(stop, affected));
    return CopyPiece{};
  }
}

Result<void> Connection::start_copy_in(const std::string& sql, std::stop_token stop) {
  if (!usable()) return broken_connection("it was closed");
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return broken();
  auto started = WEIR_TRY(next_result(stop));
  WEIR_CHECK(started.has_value());
  if (PQresultStatus(started->raw()) == PGRES_COPY_IN) return {};
  auto error = failure(started->raw());
  std::uint64_t affected = 0;
  if (usable()) static_cast<void>(drain(stop, affected));
  return error;
}

Result<void> Connection::put(std::span<const std::byte> bytes, std::stop_token stop) {
  // What the last put left is sent first: memory stays bounded by two pieces.
  WEIR_TRY(flush(stop));
  if (PQputCopyData(connection_.get(), reinterpret_cast<const char*>(bytes.data()), static_cast<int>(bytes.size())) !=
          1 ||
      PQflush(connection_.get()) < 0) {
    // The server may have said why before it went.
    std::uint64_t affected = 0;
    const auto drained = drain(stop, affected);
    return drained.ok() ? broken() : Error{drained.error()};
  }
  return {};
}

Result<std::uint64_t> Connection::finish_copy_in(std::stop_token stop) {
  std::uint64_t affected = 0;
  WEIR_TRY(flush(stop));
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) return broken();
  WEIR_TRY(drain(stop, affected));
  return affected;
}

}  // namespace weir::postgres
