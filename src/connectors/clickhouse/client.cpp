#include "connectors/clickhouse/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "connectors/clickhouse/server_error.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::size_t kTailBytes = std::size_t{16} << 10;
constexpr std::size_t kErrorBytesMax = std::size_t{1} << 20;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Parameters arrive as TabSeparated fields: a backslash, a tab and a line break are escaped once more.
std::string escaped_field(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      default: out += c;
    }
  }
  return out;
}

std::optional<std::string> unescaped_field(std::string_view text) {
  if (text == "\\N") return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case '0': out += '\0'; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      default: out += text[i];
    }
  }
  return out;
}

std::vector<Client::Row> parse_rows(std::string_view text) {
  std::vector<Client::Row> rows;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    Client::Row row;
    while (true) {
      const auto tab = line.find('\t');
      row.push_back(unescaped_field(line.substr(0, tab)));
      if (tab == std::string_view::npos) break;
      line.remove_prefix(tab + 1);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

bool succeeded(const net::HttpResponse& head) {
  return head.status == 200 && !head.headers.find("X-ClickHouse-Exception-Code");
}

Error answer_error(const net::HttpResponse& head, std::string_view body) {
  if (auto exception = find_exception(body)) return to_error(*exception);
  int code = 0;
  if (const auto header = head.headers.find("X-ClickHouse-Exception-Code")) {
    std::from_chars(header->data(), header->data() + header->size(), code);
  }
  const auto text = body.substr(0, 1000);
  if (code != 0) return to_error({code, std::string{text}});
  if (head.status == 401 || head.status == 403) {
    return Error::user(Code::AccessDenied, "ClickHouse refuses the connection (HTTP {}): {}", head.status, text);
  }
  if (head.status >= 500) {
    return Error::external(Code::Unavailable, "ClickHouse answers with HTTP {}: {}", head.status, text);
  }
  return Error::external(Code::Unavailable, "not an answer of ClickHouse's HTTP interface (HTTP {}): {}", head.status,
                         text)
      .retry(Retry::Never)
      .hint("the url of the connection must be that of the HTTP interface, usually port 8123 or 8443");
}

Result<std::string> error_body(net::HttpExchange& exchange, std::stop_token stop) {
  std::string body;
  std::vector<std::byte> buffer(kTailBytes);
  while (body.size() < kErrorBytesMax) {
    // A body that breaks off still says what it says.
    auto count = exchange.read(buffer, stop);
    if (!count.ok() && count.error().code() == Code::Cancelled) return std::move(count).error();
    if (!count.ok() || *count == 0) break;
    body += net::as_text({buffer.data(), *count});
  }
  return body;
}

std::uint64_t written_rows(const net::HttpResponse& head) {
  const auto header = head.headers.find("X-ClickHouse-Summary");
  if (!header) return 0;
  const auto summary = parse_json(*header);
  if (!summary.ok() || !summary->contains("written_rows")) return 0;
  const auto& value = summary->at("written_rows");
  std::uint64_t rows = 0;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), rows);
  }
  return rows;
}

}  // namespace

class ResultStream::Body final : public net::ByteSource {
 public:
  explicit Body(ResultStream& stream) : stream_(stream) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return stream_.read_body(buffer); }

 private:
  ResultStream& stream_;
};

ResultStream::ResultStream(std::unique_ptr<net::HttpExchange> exchange, std::string query_id, std::string exception_tag,
                           Compression compression)
    : exchange_(std::move(exchange)), query_id_(std::move(query_id)), exception_tag_(std::move(exception_tag)) {
  if (compression == Compression::None) return;
  body_ = std::make_unique<Body>(*this);
  frames_ = std::make_unique<net::FrameDecoder>(*body_);
}

ResultStream::~ResultStream() = default;

Result<std::size_t> ResultStream::read(std::span<std::byte> buffer) {
  return frames_ ? frames_->read(buffer) : read_body(buffer);
}

Result<std::size_t> ResultStream::read_body(std::span<std::byte> buffer) {
  const auto count = WEIR_TRY(exchange_->read(buffer, stop_));
  if (count == 0) {
    finished_ = true;
    // Servers that announce a tag put an exception between two marks of it and may end the body in order.
    if (!exception_tag_.empty() && tail_.find("__exception__\r\n" + exception_tag_) != std::string::npos) {
      if (const auto exception = find_exception(tail_)) return to_error(*exception);
    }
    return 0;
  }
  const auto kept = net::as_text({buffer.data() + (count - std::min(count, kTailBytes)), std::min(count, kTailBytes)});
  if (kept.size() == kTailBytes) {
    tail_ = kept;
  } else {
    tail_ += kept;
    if (tail_.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  }
  return count;
}

Error ResultStream::explain(Error error) {
  if (error.code() == Code::Cancelled) return error;
  std::vector<std::byte> rest(kTailBytes);
  for (std::size_t total = 0; total < kErrorBytesMax;) {
    const auto count = read_body(rest);
    if (!count.ok() || *count == 0) break;
    total += *count;
  }
  if (const auto exception = find_exception(tail_)) return to_error(*exception);
  return error;
}

class InsertStream::Body final : public net::ByteSink {
 public:
  explicit Body(InsertStream& stream) : stream_(stream) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    return stream_.exchange_->write(bytes, stream_.stop_);
  }
  Result<void> finish() override { return stream_.exchange_->finish_body(stream_.stop_); }

 private:
  InsertStream& stream_;
};

InsertStream::InsertStream(std::unique_ptr<net::HttpExchange> exchange, Compression compression)
    : exchange_(std::move(exchange)), body_(std::make_unique<Body>(*this)) {
  if (compression == Compression::Lz4) frames_ = std::make_unique<net::FrameEncoder>(*body_, net::FrameMethod::Lz4);
}

InsertStream::~InsertStream() = default;

Result<void> InsertStream::write(std::span<const std::byte> bytes) {
  auto written = frames_ ? frames_->write(bytes) : body_->write(bytes);
  if (written.ok() || written.error().code() == Code::Cancelled) return written;
  // A server that refuses the data answers before it has all of them; what it says is better than "broken pipe".
  const auto head = exchange_->response(stop_);
  if (!head.ok() || succeeded(*head)) return written;
  return answer_error(*head, WEIR_TRY(error_body(*exchange_, stop_)));
}

Result<void> InsertStream::finish() {
  WEIR_TRY(frames_ ? frames_->finish() : body_->finish());
  const auto head = WEIR_TRY(exchange_->response(stop_));
  const auto body = WEIR_TRY(error_body(*exchange_, stop_));
  if (!succeeded(head)) return answer_error(head, body);
  if (const auto exception = find_exception(body)) return to_error(*exception);
  return {};
}

net::HttpRequest Client::request(const Query& query, const Pairs& arguments) const {
  net::HttpRequest request;
  request.method = "POST";
  request.unix_socket = options_.unix_socket;
  request.timeouts = options_.timeouts;
  request.ca_file = options_.ca_file;
  request.url = options_.unix_socket.empty() ? options_.url : "http://localhost";
  if (request.url.find('/', request.url.find("://") + 3) == std::string::npos) request.url += '/';
  char separator = request.url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    request.url += fmt::format("{}{}={}", std::exchange(separator, '&'), percent_encoded(name), percent_encoded(value));
  };
  add("database", options_.database);
  if (!query.session.empty()) add("session_id", query.session);
  for (const auto& [name, value] : options_.settings) add(name, value);
  for (const auto& [name, value] : query.settings) add(name, value);
  for (const auto& [name, value] : query.parameters) add("param_" + name, escaped_field(value));
  for (const auto& [name, value] : arguments) add(name, value);
  request.headers.add("X-ClickHouse-User", options_.user);
  request.headers.add("X-ClickHouse-Key", options_.password.reveal());
  return request;
}

Result<std::uint64_t> Client::execute(const Query& query, std::stop_token stop) {
  const auto query_id = "weir-" + generate_secret(16).reveal();
  // The head of the answer then speaks for the whole query.
  const auto fetched =
      http_.fetch(request(query, {{"wait_end_of_query", "1"}, {"query_id", query_id}}), query.sql, stop);
  if (!fetched.ok()) {
    if (fetched.error().code() == Code::Cancelled) kill(query_id);
    return fetched.error();
  }
  if (!succeeded(fetched->first)) return answer_error(fetched->first, fetched->second);
  return written_rows(fetched->first);
}

Result<std::vector<Client::Row>> Client::rows(const Query& query, std::stop_token stop) {
  const auto [head, body] = WEIR_TRY(
      http_.fetch(request(query, {{"wait_end_of_query", "1"}, {"default_format", "TabSeparated"}}), query.sql, stop));
  if (!succeeded(head)) return answer_error(head, body);
  return parse_rows(body);
}

Result<std::unique_ptr<ResultStream>> Client::select(const Query& query, std::stop_token stop) {
  const auto query_id = "weir-" + generate_secret(16).reveal();
  Pairs arguments{{"default_format", "Native"}, {"query_id", query_id}};
  if (options_.compression != Compression::None) arguments.emplace_back("compress", "1");
  auto http_request = request(query, arguments);
  http_request.body = net::HttpRequest::Body::Streamed;
  auto exchange = WEIR_TRY(http_.open(http_request, stop));
  auto sent = exchange->write(net::as_bytes(query.sql), stop);
  if (sent.ok()) sent = exchange->finish_body(stop);
  auto head = exchange->response(stop);
  if (!head.ok()) {
    if (head.error().code() == Code::Cancelled) kill(query_id);
    return std::move(head).error();
  }
  if (!succeeded(*head)) return answer_error(*head, WEIR_TRY(error_body(*exchange, stop)));
  const auto tag = head->headers.find("X-ClickHouse-Exception-Tag").value_or("");
  return std::unique_ptr<ResultStream>(
      new ResultStream(std::move(exchange), query_id, std::string{tag}, options_.compression));
}

Result<std::unique_ptr<InsertStream>> Client::insert(const Query& query, std::stop_token stop) {
  Pairs arguments{{"query", query.sql}, {"wait_end_of_query", "1"}};
  if (options_.compression != Compression::None) arguments.emplace_back("decompress", "1");
  auto http_request = request(query, arguments);
  http_request.body = net::HttpRequest::Body::Streamed;
  auto exchange = WEIR_TRY(http_.open(http_request, stop));
  return std::unique_ptr<InsertStream>(new InsertStream(std::move(exchange), options_.compression));
}

void Client::kill(const std::string& query_id) {
  using namespace std::chrono_literals;
  auto http_request = request({}, {});
  http_request.timeouts = {.connect = 250ms, .silence = 250ms};
  // Whether it succeeds changes nothing for the caller: the connection of the query is closed anyway.
  (void)http_.fetch(http_request, fmt::format("KILL QUERY WHERE query_id = '{}' ASYNC", query_id), {});
}

ClientPool::Lease ClientPool::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return {shared_from_this(), std::make_unique<Client>(options_)};
  auto client = std::move(idle_.back());
  idle_.pop_back();
  return {shared_from_this(), std::move(client)};
}

void ClientPool::give_back(std::unique_ptr<Client> client) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(client));
}

Result<ServerInfo> ClientPool::server(std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    if (server_) return *server_;
  }
  const auto rows = WEIR_TRY(take()->rows({.sql = "SELECT version(), timezone()"}, stop));
  if (rows.size() != 1 || rows[0].size() != 2) {
    return Error::external(Code::InvalidData, "ClickHouse does not say its version").retry(Retry::Never);
  }
  ServerInfo info;
  int major = 0;
  int minor = 0;
  const auto version = rows[0][0].value_or("");
  const auto* const end = version.data() + version.size();
  const auto* at = std::from_chars(version.data(), end, major).ptr;
  if (at != end) std::from_chars(at + 1, end, minor);
  info.version = major * 1000 + minor;
  info.zone = rows[0][1].value_or("UTC");
  const std::lock_guard lock(mutex_);
  server_ = info;
  return info;
}

}  // namespace weir::clickhouse
