#include "warehouse/engine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>

#include "base/file.hpp"

namespace weir::warehouse {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kInsertPieceBytes = 1 << 20;

// The comment that carries the tag, on a line of its own: the text may end in a comment.
std::string tagged(std::string_view text, const std::string& tag) { return fmt::format("{}\n/*{}*/", text, tag); }

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

}  // namespace

Engine::Engine(Chdb library, std::vector<std::string> arguments, ChdbConnection service)
    : library_(std::move(library)),
      arguments_(std::move(arguments)),
      service_(std::move(service)),
      cancellation_([this](const std::string& tag) { kill(tag); }) {}

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

Result<ChdbConnection> Engine::connect() const { return library_.connect(arguments_); }

void Engine::kill(const std::string& tag) {
  // The tag in two halves, so that the statement does not find itself. ASYNC: waiting for the end can hang.
  const auto half = tag.size() / 2;
  const auto sql = fmt::format("KILL QUERY WHERE position(query, '{}' || '{}') > 0 ASYNC", tag.substr(0, half),
                               tag.substr(half));
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
  const auto sql = tagged(
      fmt::format("{}\nINTO OUTFILE '/dev/fd/{}' TRUNCATE FORMAT {} {}", request.text.substr(0, statement.format_begin),
                  writing.get(), request.format,
                  request.text.substr(statement.format_end, statement.end - statement.format_end)),
      watch.tag());

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

Result<Statistics> Engine::insert_into(ChdbConnection& connection, std::string_view head, std::string_view format,
                                       const Parameters& parameters, net::ByteSource& data, std::stop_token stop) {
  const Cancellation::Watch watch(cancellation_, std::move(stop));
  auto insert = WEIR_TRY(connection.insert(tagged(head, watch.tag()), format, parameters));
  std::vector<std::byte> piece(kInsertPieceBytes);
  for (;;) {
    const auto got = WEIR_TRY(data.read(piece));
    if (got == 0) break;
    WEIR_TRY(insert.append(std::span(piece).first(got)));
  }
  return insert.finish();
}

Result<Statistics> Engine::insert(ChdbConnection& connection, const StatementRequest& request, net::ByteSource& data,
                                  std::stop_token stop) {
  return insert_into(connection, request.text.substr(0, request.statement.head_end), request.format, request.parameters,
                     data, std::move(stop));
}

Result<Statistics> Engine::insert_from_input(ChdbConnection& connection, const StatementRequest& request,
                                             net::ByteSource& data, std::stop_token stop) {
  const auto& statement = request.statement;
  const Parameters none;
  WEIR_TRY(run(connection,
               fmt::format("CREATE OR REPLACE TEMPORARY TABLE _weir_input ({}) ENGINE = Memory", statement.input_structure),
               "Null", none, stop));
  WEIR_TRY(insert_into(connection, "INSERT INTO _weir_input", request.format, none, data, stop));
  const auto sql = fmt::format("{}_weir_input{}", request.text.substr(0, statement.input_begin),
                               request.text.substr(statement.input_end, statement.head_end - statement.input_end));
  const auto inserted = WEIR_TRY(run(connection, sql, "Null", request.parameters, stop));
  WEIR_TRY(run(connection, "DROP TABLE _weir_input", "Null", none, stop));
  return inserted.statistics();
}

Result<ChdbResult> Engine::execute(ChdbConnection& connection, const StatementRequest& request, std::stop_token stop) {
  return run(connection, std::string(request.text.substr(0, request.statement.end)), request.format, request.parameters,
             std::move(stop));
}

Result<ChdbResult> Engine::run(ChdbConnection& connection, std::string text, std::string_view format,
                               const Parameters& parameters, std::stop_token stop) {
  const Cancellation::Watch watch(cancellation_, std::move(stop));
  return connection.query(tagged(text, watch.tag()), format, parameters);
}

}  // namespace weir::warehouse
