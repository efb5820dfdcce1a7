#include "warehouse/engine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>

#include "base/file.hpp"
#include "warehouse/query_tag.hpp"
#include "warehouse/sql_tokens.hpp"

namespace weir::warehouse {
namespace {

constexpr int kPipeBytes = 1 << 20;

// The reading end of the pipe that a query writes to. Ends when the query has ended, which `done` tells: the engine may
// keep its writing end open longer.
class PipeSource final : public net::ByteSource {
 public:
  PipeSource(int pipe, int done) : pipe_(pipe), done_(done) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    for (;;) {
      const auto got = ::read(pipe_, buffer.data(), buffer.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Error::from_errno(errno, "reading a query's result");
      if (ended_) return std::size_t{0};
      pollfd fds[] = {{pipe_, POLLIN, 0}, {done_, POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0 && errno != EINTR) return Error::from_errno(errno, "waiting for a query's result");
      // Once more, since the last bytes may have come together with the end.
      ended_ = fds[1].revents != 0;
    }
  }

 private:
  int pipe_;
  int done_;
  bool ended_ = false;
};

class InsertSink final : public net::ByteSink {
 public:
  explicit InsertSink(ChdbInsert& insert) : insert_(insert) {}
  Result<void> write(std::span<const std::byte> bytes) override { return insert_.append(bytes); }
  Result<void> finish() override { return {}; }  // the insert itself is finished by who made it

 private:
  ChdbInsert& insert_;
};

}  // namespace

Engine::Engine(Chdb library, std::vector<std::string> arguments, ChdbConnection service)
    : library_(std::move(library)),
      arguments_(std::move(arguments)),
      service_(std::move(service)),
      cancellation_([this](const std::string& tag) { kill(tag); }),
      spares_([this](const std::string& database) { return open_connection(database); }) {}

Result<std::unique_ptr<Engine>> Engine::open(Chdb library, std::vector<std::string> arguments) {
  auto service = WEIR_TRY(library.connect(arguments));
  std::unique_ptr<Engine> engine(new Engine(std::move(library), std::move(arguments), std::move(service)));
  WEIR_TRY(engine->prepare());
  return engine;
}

Result<void> Engine::prepare() {
  WEIR_TRY(service_.query("CREATE DATABASE IF NOT EXISTS weir ENGINE = Atomic", "TSV"));
  const auto facts = WEIR_TRY(service_.query("SELECT version(), timezone(), hostName()", "TSV"));
  const auto text = facts.text();
  const auto first = text.find('\t');
  const auto second = text.find('\t', first + 1);
  facts_.version = text.substr(0, first);
  facts_.timezone = text.substr(first + 1, second - first - 1);
  facts_.host_name = text.substr(second + 1, text.find('\n') - second - 1);
  const auto settings = WEIR_TRY(service_.query("SELECT name FROM system.settings", "TSV"));
  for (auto names = settings.text(); !names.empty();) {
    const auto end = names.find('\n');
    facts_.settings.emplace(names.substr(0, end));
    names.remove_prefix(end + 1);
  }
  return {};
}

Result<ChdbConnection> Engine::open_connection(const std::string& database) const {
  auto connection = WEIR_TRY(library_.connect(arguments_));
  WEIR_TRY(connection.query("USE " + quote(database, '`'), "Null"));
  return connection;
}

void Engine::kill(const std::string& tag) {
  // ASYNC: waiting for the end can hang.
  const auto sql = fmt::format("KILL QUERY WHERE {} ASYNC", matches_tag(tag));
  (void)service_.query(sql, "TSV");  // a statement that has ended meanwhile is no error
}

Result<Statistics> Engine::select(ChdbConnection& connection, const StatementRequest& request,
                                  const std::function<Result<void>(net::ByteSource&)>& consume, std::stop_token stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe for a query's result");
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  Descriptor done(::eventfd(0, EFD_CLOEXEC));
  if (!done) return Error::from_errno(errno, "making an event for a query's end");
  ::fcntl(reading.get(), F_SETPIPE_SZ, kPipeBytes);  // where the limit is lower, the pipe stays smaller
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);

  Cancellation::Watch watch(cancellation_, std::move(stop));
  const auto& statement = request.statement;
  const auto sql =
      tag_statement(fmt::format("{}\nINTO OUTFILE '/dev/fd/{}' TRUNCATE FORMAT {} {}",
                                request.text.substr(0, statement.format_begin), writing.get(), request.format,
                                request.text.substr(statement.format_end, statement.end - statement.format_end)),
                    watch.tag(), request.query_id);

  std::optional<Result<ChdbResult>> result;
  std::thread query([&] {
    result = connection.query(sql, "Null", request.parameters);
    writing.reset();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(done.get(), &one, sizeof one);
  });
  PipeSource source(reading.get(), done.get());
  auto consumed = consume(source);
  if (!consumed.ok()) {
    // Nobody reads on: the query must not wait for that, nor run to its end for nothing.
    watch.cancel();
    reading.reset();
  }
  query.join();
  if (!consumed.ok()) return std::move(consumed).error();
  if (!result->ok()) return std::move(*result).error();
  return result->value().statistics();
}

Result<Statistics> Engine::insert_into(ChdbConnection& connection, const StatementRequest& request,
                                       std::string_view head, const Feed& feed, std::stop_token stop) {
  const Cancellation::Watch watch(cancellation_, std::move(stop));
  auto insert = WEIR_TRY(
      connection.insert(tag_statement(head, watch.tag(), request.query_id), request.format, request.parameters));
  InsertSink sink(insert);
  WEIR_TRY(feed(sink));
  return insert.finish();
}

Result<Statistics> Engine::insert(ChdbConnection& connection, const StatementRequest& request, const Feed& feed,
                                  std::stop_token stop) {
  return insert_into(connection, request, request.text.substr(0, request.statement.head_end), feed, std::move(stop));
}

Result<Statistics> Engine::insert_from_input(ChdbConnection& connection, const StatementRequest& request,
                                             const Feed& feed, std::stop_token stop) {
  const auto& statement = request.statement;
  const auto table =
      fmt::format("CREATE OR REPLACE TEMPORARY TABLE _weir_input ({}) ENGINE = Memory", statement.input_structure);
  WEIR_TRY(run(connection, request, table, stop));
  WEIR_TRY(insert_into(connection, request, "INSERT INTO _weir_input", feed, stop));
  const auto sql = fmt::format("{}_weir_input{}", request.text.substr(0, statement.input_begin),
                               request.text.substr(statement.input_end, statement.head_end - statement.input_end));
  const auto inserted = WEIR_TRY(run(connection, request, sql, stop));
  WEIR_TRY(run(connection, request, "DROP TABLE _weir_input", stop));
  return inserted.statistics();
}

Result<ChdbResult> Engine::execute(ChdbConnection& connection, const StatementRequest& request, std::stop_token stop) {
  const auto text = request.text.substr(0, request.statement.end);
  const auto kill = rewrite_kill(text);
  return run(connection, request, kill ? *kill : text, std::move(stop));
}

Result<ChdbResult> Engine::run(ChdbConnection& connection, const StatementRequest& request, std::string_view text,
                               std::stop_token stop) {
  const Cancellation::Watch watch(cancellation_, std::move(stop));
  return connection.query(tag_statement(text, watch.tag(), request.query_id), request.format, request.parameters);
}

}  // namespace weir::warehouse
