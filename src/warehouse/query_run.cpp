#include "warehouse/query_run.hpp"

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "net/clickhouse_frame.hpp"
#include "warehouse/clickhouse_error.hpp"
#include "warehouse/native_reframe.hpp"
#include "warehouse/sql_tokens.hpp"

namespace weir::warehouse {
namespace {

// Enough for the head of nearly every INSERT; read on only while the statement has not ended.
constexpr std::size_t kFirstReadBytes = 64 * 1024;
constexpr std::size_t kStatementBytesMax = 64 << 20;
// Of requests that name none.
constexpr const char* kDefaultDatabase = "weir";
constexpr std::size_t kCopyBytesMin = 16 * 1024;
constexpr std::size_t kCopyBytesMax = 1 << 20;

std::string_view content_type(std::string_view format) {
  struct Known {
    std::string_view prefix;
    std::string_view type;
  };
  constexpr std::array kTypes = {
      Known{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
      Known{"TSV", "text/tab-separated-values; charset=UTF-8"},
      Known{"CSV", "text/csv; charset=UTF-8; header=absent"},
      Known{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
      Known{"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
      Known{"JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"},
      Known{"JSON", "application/json; charset=UTF-8"},
      Known{"XML", "application/xml; charset=UTF-8"},
      Known{"Native", "application/octet-stream"},
      Known{"RowBinary", "application/octet-stream"},
      Known{"Parquet", "application/octet-stream"},
      Known{"ORC", "application/octet-stream"},
      Known{"Arrow", "application/octet-stream"},
      Known{"Avro", "application/octet-stream"},
  };
  for (const auto& known : kTypes) {
    if (format.starts_with(known.prefix)) return known.type;
  }
  return "text/plain; charset=UTF-8";
}

std::string summary(const Statistics& statistics) {
  // Numbers are text here, as ClickHouse writes them.
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  return to_text(Json{{"read_rows", number(statistics.read_rows)},
                      {"read_bytes", number(statistics.read_bytes)},
                      {"written_rows", number(statistics.written_rows)},
                      {"written_bytes", number(statistics.written_bytes)},
                      {"total_rows_to_read", "0"},
                      {"result_rows", number(statistics.result_rows)},
                      {"result_bytes", number(statistics.result_bytes)},
                      {"elapsed_ns", number(static_cast<std::uint64_t>(statistics.elapsed_seconds * 1e9))}});
}

std::string in_frame(std::string_view text) {
  std::vector<std::byte> frame;
  (void)net::append_frame(frame, net::as_bytes(text), net::FrameMethod::Lz4);
  return std::string(net::as_text(frame));
}

bool is_format_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
  });
}

// The first data of an INSERT, which were read together with its head, then the rest of the body.
class InsertData final : public net::ByteSource {
 public:
  InsertData(std::string_view first, net::ByteSource& rest) : first_(first), rest_(rest) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (first_.empty()) return rest_.read(buffer);
    const auto size = std::min(first_.size(), buffer.size());
    std::copy_n(net::as_bytes(first_).begin(), size, buffer.begin());
    first_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view first_;
  net::ByteSource& rest_;
};

class MemorySource final : public net::ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = std::min(bytes_.size(), buffer.size());
    std::copy_n(bytes_.begin(), size, buffer.begin());
    bytes_ = bytes_.subspan(size);
    return size;
  }

 private:
  std::span<const std::byte> bytes_;
};

// Through a buffer that grows with what there is: small answers do not pay for large ones.
Result<void> copy(net::ByteSource& from, net::ByteSink& to) {
  auto size = kCopyBytesMin;
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  for (;;) {
    const auto got = WEIR_TRY(from.read(std::span(buffer.get(), size)));
    if (got == 0) return {};
    WEIR_TRY(to.write(std::span(buffer.get(), got)));
    if (got == size && size < kCopyBytesMax) {
      size = kCopyBytesMax;
      buffer = std::make_unique_for_overwrite<std::byte[]>(size);
    }
  }
}

}  // namespace

QueryRun::QueryRun(const Services& services, net::IncomingRequest& request, net::ResponseWriter& response)
    : services_(services),
      request_(request),
      response_(response),
      began_(system_clock().now()),
      began_steady_(std::chrono::steady_clock::now()),
      reply_(response, request.query_value("wait_end_of_query") == "1" ? Hold::Everything : Hold::FirstBytes,
             services.scratch_folder) {}

QueryRun::~QueryRun() = default;

void QueryRun::refuse(const Error& error) { fail(error); }

void QueryRun::run() {
  // Errors too, once it is clear who asks: clients decode whatever the status.
  answers_in_frames_ = request_.query_value("compress") == "1";
  auto prepared = prepare();
  auto statistics = prepared.ok() ? execute() : Result<Statistics>(std::move(prepared).error());
  // Before the answer is complete: the client's next request may come at once, and for the same session.
  release(statistics.ok() ? Outcome::Good : Outcome::Failed);
  if (statistics.ok()) {
    succeed(*statistics);
  } else {
    fail(statistics.error());
  }
  write_log();
}

Result<void> QueryRun::prepare() {
  options_ = WEIR_TRY(parse_request_options(request_, services_.engine.facts()));
  WEIR_TRY(read_statement());
  format_ = statement_.format;
  const bool takes_data = statement_.kind == StatementKind::Insert || statement_.kind == StatementKind::InsertFromInput;
  if (format_.empty())
    format_ = takes_data && !request_.query_value("default_format") ? "Values" : options_.default_format;
  if (!is_format_name(format_)) {
    return Error::user(Code::InvalidQuery, "Unknown format {}. (UNKNOWN_FORMAT)", format_).native_code("73");
  }
  place_.emplace(WEIR_TRY(services_.admission.enter(request_.gone)));
  WEIR_TRY(acquire_connection());
  WEIR_TRY(check_read_only());
  WEIR_TRY(configure_connection());
  build_output();
  return {};
}

// Reads the body as far as the statement reaches; what follows are an INSERT's data and stay where they are.
Result<void> QueryRun::read_statement() {
  if (options_.body_coding) input_.push_back(make_content_decoder(*options_.body_coding, request_.body));
  if (options_.decompress) {
    input_.push_back(std::make_unique<net::FrameDecoder>(body()));
  }
  text_ = options_.query;
  if (!text_.empty()) text_ += '\n';
  auto room = kFirstReadBytes;
  for (bool ended = false;;) {
    const auto before = text_.size();
    text_.resize(before + room);
    auto filled = before;
    while (filled < text_.size() && !ended) {
      const auto got = WEIR_TRY(body().read(std::as_writable_bytes(std::span(text_)).subspan(filled)));
      ended = got == 0;
      filled += got;
    }
    text_.resize(filled);
    auto statement = WEIR_TRY(inspect_statement(text_, ended ? TextPart::Whole : TextPart::Beginning));
    if (statement) {
      statement_ = std::move(*statement);
      return {};
    }
    room = text_.size();
    if (text_.size() + room > kStatementBytesMax) {
      return Error::user(Code::InvalidQuery, "The statement is longer than {} bytes. (QUERY_IS_TOO_LARGE)",
                         kStatementBytesMax)
          .native_code("229");
    }
  }
}

Result<void> QueryRun::acquire_connection() {
  auto& engine = services_.engine;
  if (options_.session_id.empty()) {
    own_connection_ = WEIR_TRY(engine.connect(options_.database.empty() ? kDefaultDatabase : options_.database));
    connection_ = &*own_connection_;
    options_.database.clear();  // it is in that database already
    return {};
  }
  const auto connect = [&] { return engine.connect(kDefaultDatabase); };
  session_.emplace(WEIR_TRY(
      services_.sessions.acquire(options_.session_id, options_.session_timeout, options_.session_check, connect)));
  connection_ = &session_->connection();
  return remember_settings();
}

// A GET must not change anything. The engine's own readonly setting could never be taken back in a session, so its parser is
// asked instead; SET and USE are a session's own affair.
Result<void> QueryRun::check_read_only() {
  if (!options_.read_only || statement_.changes_session) return {};
  const bool takes_data = statement_.kind == StatementKind::Insert || statement_.kind == StatementKind::InsertFromInput;
  if (!takes_data) {
    const auto text = std::string_view(text_).substr(0, statement_.end);
    const auto classified = WEIR_TRY(connection_->classify(text));
    // What does not parse gets its error from the engine.
    if (classified.effect == Classification::Effect::ReadOnly || classified.statements == 0) return {};
  }
  return Error::user(Code::AccessDenied,
                     "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You "
                     "should use method POST for modifying queries. (READONLY)")
      .native_code("164");
}

// All in one text, since every call costs a switch of threads.
Result<void> QueryRun::configure_connection() {
  std::string sql;
  for (const auto& [name, value] : options_.settings) {
    if (name == "readonly") continue;  // kept by check_read_only
    sql += fmt::format("{}{} = {}", sql.empty() ? "SET " : ", ", name, quote(value, '\''));
  }
  if (!options_.database.empty())
    sql += fmt::format("{}USE {}", sql.empty() ? "" : "; ", quote(options_.database, '`'));
  if (sql.empty()) return {};
  auto configured = connection_->query(sql, "Null");
  if (!configured.ok()) return explain_setting(std::move(configured).error());
  return {};
}

// The engine's message does not name the setting whose value it refuses.
Error QueryRun::explain_setting(Error error) {
  constexpr std::string_view kException = "DB::Exception: ";
  for (const auto& [name, value] : options_.settings) {
    if (name == "readonly" || connection_->query(fmt::format("SET {} = {}", name, quote(value, '\'')), "Null").ok()) {
      continue;
    }
    auto text = error.message();
    const auto at = text.find(kException);
    if (at != std::string::npos) text.insert(at + kException.size(), fmt::format("Setting {}: ", name));
    return parse_engine_error(text);
  }
  return error;
}

// Settings in a URL are one request's, also within a session.
Result<void> QueryRun::remember_settings() {
  std::string names;
  for (const auto& [name, value] : options_.settings) {
    if (name != "readonly") names += fmt::format("{}{}", names.empty() ? "" : ", ", quote(name, '\''));
  }
  if (names.empty()) return {};
  const auto sql =
      fmt::format("SELECT name, changed ? value : '', changed FROM system.settings WHERE name IN ({})", names);
  const auto result = WEIR_TRY(connection_->query(sql, "JSONCompactEachRow"));
  for (auto lines = result.text(); !lines.empty();) {
    const auto end = lines.find('\n');
    const auto row = WEIR_TRY(parse_json(lines.substr(0, end)));
    lines.remove_prefix(end + 1);
    const auto name = row.at(0).get<std::string>();
    const auto value = row.at(2) == 1 ? quote(row.at(1).get<std::string>(), '\'') : "DEFAULT";
    restore_sql_ += fmt::format("{}{} = {}", restore_sql_.empty() ? "SET " : ", ", name, value);
  }
  return {};
}

void QueryRun::release(Outcome outcome) {
  if (connection_ != nullptr) {
    const auto text = std::string_view(text_).substr(0, std::min(statement_.end, QueryLog::kQueryBytesMax));
    const auto classified = connection_->classify(text);
    if (classified.ok() && !classified->has_secrets) logged_text_ = text;
  }
  if (session_) restore_session(outcome);
  session_.reset();
  own_connection_.reset();
  connection_ = nullptr;
  place_.reset();
}

void QueryRun::restore_session(Outcome outcome) {
  bool trusted = true;
  // After an error the next result may begin with what was left of this one.
  if (outcome == Outcome::Failed) trusted = connection_->query("SELECT 1", "Null").ok();
  if (!restore_sql_.empty()) trusted = connection_->query(restore_sql_, "Null").ok() && trusted;
  if (!trusted) session_->drop();
}

void QueryRun::build_output() {
  add_success_headers();
  if (options_.accepted_coding) {
    reply_.header("Content-Encoding", std::string(name(*options_.accepted_coding)));
    output_.push_back(make_content_encoder(*options_.accepted_coding, reply_));
  }
  if (options_.compress) {
    output_.push_back(std::make_unique<net::FrameEncoder>(output(), net::FrameMethod::Lz4));
  }
}

void QueryRun::add_success_headers() {
  const auto& facts = services_.engine.facts();
  reply_.header("Content-Type", std::string(content_type(format_)));
  reply_.header("X-ClickHouse-Server-Display-Name", facts.host_name);
  reply_.header("X-ClickHouse-Query-Id", options_.query_id);
  reply_.header("X-ClickHouse-Format", format_);
  reply_.header("X-ClickHouse-Timezone", facts.timezone);
}

Result<Statistics> QueryRun::execute() {
  auto& engine = services_.engine;
  const StatementRequest request{text_, statement_, format_, options_.parameters, options_.query_id};
  const auto feed = [this](net::ByteSink& sink) { return feed_insert(sink); };
  switch (statement_.kind) {
    case StatementKind::Select:
      return engine.select(
          *connection_, request, [this](net::ByteSource& result) { return send_result(result); }, request_.gone);
    case StatementKind::Insert: return engine.insert(*connection_, request, feed, request_.gone);
    case StatementKind::InsertFromInput: return engine.insert_from_input(*connection_, request, feed, request_.gone);
    case StatementKind::Other: break;
  }
  const auto result = WEIR_TRY(engine.execute(*connection_, request, request_.gone));
  MemorySource source(result.bytes());
  WEIR_TRY(send_result(source));
  return result.statistics();
}

Result<void> QueryRun::send_result(net::ByteSource& result) {
  const bool wants_revision = format_ == "Native" && options_.protocol_version >= kCustomSerializationRevision;
  if (wants_revision) return reframe_native(result, output());
  return copy(result, output());
}

Result<void> QueryRun::feed_insert(net::ByteSink& sink) {
  InsertData data(std::string_view(text_).substr(statement_.data_begin), body());
  return copy(data, sink);
}

void QueryRun::succeed(const Statistics& statistics) {
  statistics_ = statistics;
  if (!reply_.started()) reply_.header("X-ClickHouse-Summary", summary(statistics));
  (void)output().finish();  // a client that has left needs no answer
}

void QueryRun::fail(const Error& error) {
  error_code_ = clickhouse_code(error);
  const auto& facts = services_.engine.facts();
  const auto text = clickhouse_error_text(error, facts.version);
  net::Headers headers;
  headers.add("Content-Type", "text/plain; charset=UTF-8");
  headers.add("X-ClickHouse-Server-Display-Name", facts.host_name);
  headers.add("X-ClickHouse-Exception-Code", std::to_string(error_code_));
  headers.add("X-ClickHouse-Timezone", facts.timezone);
  headers.add("X-ClickHouse-Summary", summary(statistics_));
  if (!options_.query_id.empty()) headers.add("X-ClickHouse-Query-Id", options_.query_id);
  const int status = http_status_of(error_code_);
  if (status == 401) headers.add("WWW-Authenticate", "Basic realm=\"ClickHouse server HTTP API\"");
  if (!reply_.started()) {
    (void)reply_.fail(status, headers, answers_in_frames_ ? in_frame(text) : text);
    return;
  }
  // Through the encoders, as the bytes before it.
  reply_.spoil();
  (void)output().write(net::as_bytes(text));
  (void)output().finish();
}

void QueryRun::write_log() {
  const auto took = std::chrono::steady_clock::now() - began_steady_;
  const QueryLogEntry entry{.began = began_,
                            .took = std::chrono::duration_cast<std::chrono::microseconds>(took),
                            .query_id = options_.query_id,
                            .query = std::move(logged_text_),
                            .error_code = error_code_,
                            .statistics = statistics_};
  services_.log.write(entry);
}

}  // namespace weir::warehouse
