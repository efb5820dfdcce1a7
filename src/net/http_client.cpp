#include "net/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/curl_session.hpp"

namespace weir::net {
namespace {

using SteadyClock = std::chrono::steady_clock;

// What curl reads from or hands to a socket at once; also the bound of what is buffered of a body.
constexpr long kTransferBytes = 512L << 10;
constexpr std::size_t kFetchBytesMax = std::size_t{64} << 20;
// Servers close idle connections after seconds; a request on one that is just closing would fail for nothing.
constexpr long kIdleSecondsMax = 2;
constexpr std::chrono::milliseconds kPollMax{60'000};

// "https://host:8443": the part of a URL that may be printed.
std::string origin(const HttpRequest& request) {
  if (!request.unix_socket.empty()) return request.unix_socket;
  std::string text = request.url.substr(0, request.url.find_first_of("/?#", request.url.find("://") + 3));
  if (const auto at = text.rfind('@'); at != std::string::npos)
    text.erase(text.find("://") + 3, at - text.find("://") - 2);
  return text;
}

// One transfer in the pool's multi handle. curl calls back only while drive() runs, so everything is one thread's.
class CurlExchange final : public HttpExchange {
 public:
  static constexpr curl_off_t kUnknownSize = -1;

  static Result<std::unique_ptr<CurlExchange>> start(CURLM* multi, const HttpRequest& request, curl_off_t body_bytes);
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;
  ~CurlExchange() override;

  Result<void> write(std::span<const std::byte> bytes, std::stop_token stop) override;
  Result<void> finish_body(std::stop_token stop) override;
  Result<HttpResponse> response(std::stop_token stop) override;
  Result<std::size_t> read(std::span<std::byte> buffer, std::stop_token stop) override;

  bool answered() const { return head_complete_; }
  void transfer_done(CURLcode code) {
    finished_ = true;
    code_ = code;
  }

 private:
  CurlExchange(CURLM* multi, const HttpRequest& request)
      : multi_(multi), easy_(curl_easy_init()), where_(origin(request)), silence_(request.timeouts.silence) {}

  void configure(const HttpRequest& request, curl_off_t body_bytes);
  // Lets curl work until `reached()` holds or the transfer is over.
  template <typename Reached>
  Result<void> drive(std::stop_token stop, Reached reached);
  Result<void> wait_for_traffic();
  Error failure() const { return transport_error(code_, where_, error_text_.data()); }
  std::size_t take_spill(std::span<std::byte> buffer);

  static std::size_t on_upload(char* out, std::size_t, std::size_t capacity, void* self);
  static std::size_t on_header(char* line, std::size_t, std::size_t size, void* self);
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self);

  CURLM* multi_;
  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  std::string where_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  std::chrono::milliseconds silence_;
  SteadyClock::time_point last_traffic_ = SteadyClock::now();

  std::span<const std::byte> upload_;  // the caller's bytes that curl has not taken yet
  bool upload_complete_ = false;
  bool upload_paused_ = false;

  HttpResponse head_;
  bool head_complete_ = false;

  std::span<std::byte> target_;  // the caller's buffer while read() runs
  std::size_t target_filled_ = 0;
  std::vector<std::byte> spill_;  // what arrived beyond the target: at most one callback's worth, then curl is paused
  std::size_t spill_read_ = 0;
  bool download_paused_ = false;

  bool finished_ = false;
  CURLcode code_ = CURLE_OK;
};

Result<std::unique_ptr<CurlExchange>> CurlExchange::start(CURLM* multi, const HttpRequest& request,
                                                          curl_off_t body_bytes) {
  WEIR_TRY(check_headers(request.headers));
  auto exchange = std::unique_ptr<CurlExchange>(new CurlExchange(multi, request));
  WEIR_CHECK(exchange->easy_ != nullptr);
  exchange->configure(request, body_bytes);
  if (curl_multi_add_handle(multi, exchange->easy_) != CURLM_OK) {
    return Error::system(Code::ResourceExhausted, "cannot start a request to {}", exchange->where_);
  }
  return exchange;
}

void CurlExchange::configure(const HttpRequest& request, curl_off_t body_bytes) {
  const auto set = [this](auto option, auto value) { WEIR_CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK); };
  // Whatever text the user wrote as a URL is the transfer's error, not ours.
  curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  // HTTP/2 would share one connection among exchanges, and a paused one would hold up the others.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (!request.unix_socket.empty()) {
    set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    set(CURLOPT_PROXY, "");
  }
  if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeouts.connect.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_MAXAGE_CONN, kIdleSecondsMax);
  set(CURLOPT_BUFFERSIZE, kTransferBytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kTransferBytes);
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));

  const auto add = [this](const std::string& line) { header_lines_ = curl_slist_append(header_lines_, line.c_str()); };
  for (const auto& [name, value] : request.headers.entries()) {
    add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  // Waiting for a "100 Continue" costs a round trip, and a second where a server never sends one.
  add("Expect:");
  if (request.body == HttpRequest::Body::Streamed) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, body_bytes);
    set(CURLOPT_READFUNCTION, &on_upload);
    set(CURLOPT_READDATA, static_cast<void*>(this));
  } else if (request.method == "POST" || request.method == "PUT") {
    add("Content-Length: 0");
  }
  set(CURLOPT_HTTPHEADER, header_lines_);
}

CurlExchange::~CurlExchange() {
  // Removing an unfinished transfer closes its connection; a finished one goes back to the pool.
  curl_multi_remove_handle(multi_, easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_lines_);
}

template <typename Reached>
Result<void> CurlExchange::drive(std::stop_token stop, Reached reached) {
  last_traffic_ = SteadyClock::now();  // the time between two calls is the caller's, not the server's silence
  const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_); });
  while (true) {
    if (stop.stop_requested()) return Error::cancelled();
    if (finished_ || reached()) return {};
    if (upload_paused_ && (!upload_.empty() || upload_complete_)) {
      upload_paused_ = false;
      curl_easy_pause(easy_, download_paused_ ? CURLPAUSE_RECV : CURLPAUSE_CONT);
    }
    if (download_paused_ && spill_read_ == spill_.size()) {
      download_paused_ = false;
      curl_easy_pause(easy_, upload_paused_ ? CURLPAUSE_SEND : CURLPAUSE_CONT);
    }
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left)) {
      CurlExchange* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      if (message->msg == CURLMSG_DONE) owner->transfer_done(message->data.result);
    }
    if (finished_ || reached()) return {};
    WEIR_TRY(wait_for_traffic());
  }
}

Result<void> CurlExchange::wait_for_traffic() {
  auto timeout = kPollMax;
  if (silence_.count() != 0) {
    const auto quiet = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - last_traffic_);
    if (quiet >= silence_) {
      return Error::external(Code::TimedOut, "no byte from or to {} for {} ms", where_, silence_.count())
          .retry(Retry::Reconnect);
    }
    timeout = std::min(timeout, silence_ - quiet + std::chrono::milliseconds{1});
  }
  curl_multi_poll(multi_, nullptr, 0, static_cast<int>(timeout.count()), nullptr);
  return {};
}

Result<void> CurlExchange::write(std::span<const std::byte> bytes, std::stop_token stop) {
  if (bytes.empty()) return {};
  upload_ = bytes;
  auto driven = drive(stop, [this] { return upload_.empty() || head_complete_; });
  const bool taken = upload_.empty();
  upload_ = {};
  WEIR_TRY(std::move(driven));
  if (head_complete_ || (finished_ && code_ == CURLE_OK)) {
    return Error::external(Code::Unavailable, "{} answered before it had the whole request", where_);
  }
  if (!taken || (finished_ && code_ != CURLE_OK)) return failure();
  return {};
}

Result<void> CurlExchange::finish_body(std::stop_token stop) {
  upload_complete_ = true;
  // curl asks once more for the body's bytes and hears that there are none.
  return drive(stop, [this] { return head_complete_ || !upload_paused_; });
}

Result<HttpResponse> CurlExchange::response(std::stop_token stop) {
  WEIR_TRY(drive(stop, [this] { return head_complete_; }));
  if (!head_complete_) return failure();
  return head_;
}

Result<std::size_t> CurlExchange::read(std::span<std::byte> buffer, std::stop_token stop) {
  if (stop.stop_requested()) return Error::cancelled();
  if (buffer.empty()) return 0;
  if (const auto taken = take_spill(buffer); taken != 0) return taken;
  target_ = buffer;
  target_filled_ = 0;
  auto driven = drive(stop, [this] { return target_filled_ != 0; });
  // What comes while another exchange of this client is driven has no target.
  target_ = {};
  const auto filled = std::exchange(target_filled_, 0);
  WEIR_TRY(std::move(driven));
  if (filled != 0) return filled;
  if (code_ != CURLE_OK) return failure();
  return 0;
}

std::size_t CurlExchange::take_spill(std::span<std::byte> buffer) {
  const auto count = std::min(buffer.size(), spill_.size() - spill_read_);
  if (count != 0) std::memcpy(buffer.data(), spill_.data() + spill_read_, count);
  spill_read_ += count;
  return count;
}

std::size_t CurlExchange::on_upload(char* out, std::size_t, std::size_t capacity, void* self_pointer) {
  auto& self = *static_cast<CurlExchange*>(self_pointer);
  if (self.upload_.empty()) {
    if (self.upload_complete_) return 0;
    self.upload_paused_ = true;
    return CURL_READFUNC_PAUSE;
  }
  self.last_traffic_ = SteadyClock::now();
  const auto count = std::min(capacity, self.upload_.size());
  std::memcpy(out, self.upload_.data(), count);
  self.upload_ = self.upload_.subspan(count);
  return count;
}

std::size_t CurlExchange::on_header(char* line_bytes, std::size_t, std::size_t size, void* self_pointer) {
  auto& self = *static_cast<CurlExchange*>(self_pointer);
  self.last_traffic_ = SteadyClock::now();
  if (self.head_complete_) return size;  // a trailer behind a chunked body
  const std::string_view line(line_bytes, size);
  if (line.starts_with("HTTP/")) {
    long status = 0;
    curl_easy_getinfo(self.easy_, CURLINFO_RESPONSE_CODE, &status);
    self.head_ = HttpResponse{.status = static_cast<int>(status), .headers = {}};
  } else if (trim_header(line).empty()) {
    self.head_complete_ = self.head_.status >= 200;  // 1xx announces another head
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    self.head_.headers.add(std::string{trim_header(line.substr(0, colon))},
                           std::string{trim_header(line.substr(colon + 1))});
  }
  return size;
}

std::size_t CurlExchange::on_body(char* bytes, std::size_t, std::size_t size, void* self_pointer) {
  auto& self = *static_cast<CurlExchange*>(self_pointer);
  if (self.spill_read_ != self.spill_.size()) {
    self.download_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  self.last_traffic_ = SteadyClock::now();
  const auto direct = std::min(size, self.target_.size() - self.target_filled_);
  if (direct != 0) std::memcpy(self.target_.data() + self.target_filled_, bytes, direct);
  self.target_filled_ += direct;
  const auto* rest = reinterpret_cast<const std::byte*>(bytes) + direct;
  self.spill_.assign(rest, rest + (size - direct));
  self.spill_read_ = 0;
  return size;
}

}  // namespace

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  }
  return std::nullopt;
}

struct HttpClient::Pool {
  Pool() {
    start_curl();
    multi = curl_multi_init();
    WEIR_CHECK(multi != nullptr);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { curl_multi_cleanup(multi); }

  CURLM* multi;
};

HttpClient::HttpClient() : pool_(std::make_unique<Pool>()) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<std::unique_ptr<HttpExchange>> HttpClient::open(const HttpRequest& request, std::stop_token stop) {
  if (stop.stop_requested()) return Error::cancelled();
  return WEIR_TRY(CurlExchange::start(pool_->multi, request, CurlExchange::kUnknownSize));
}

Result<std::pair<HttpResponse, std::string>> HttpClient::fetch(HttpRequest request, std::string_view body,
                                                               std::stop_token stop) {
  request.body = body.empty() ? HttpRequest::Body::None : HttpRequest::Body::Streamed;
  const auto exchange = WEIR_TRY(CurlExchange::start(pool_->multi, request, static_cast<curl_off_t>(body.size())));
  if (!body.empty()) {
    auto sent = exchange->write(std::as_bytes(std::span{body}), stop);
    if (!sent.ok() && !exchange->answered()) return std::move(sent).error();
    if (sent.ok()) WEIR_TRY(exchange->finish_body(stop));
  }
  auto head = WEIR_TRY(exchange->response(stop));
  std::string answer;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (const auto count = WEIR_TRY(exchange->read(buffer, stop))) {
    answer.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (answer.size() > kFetchBytesMax) {
      return Error::external(Code::ResourceExhausted, "an answer of {} is larger than {} MiB", origin(request),
                             kFetchBytesMax >> 20)
          .retry(Retry::Never);
    }
  }
  return std::pair{std::move(head), std::move(answer)};
}

}  // namespace weir::net
