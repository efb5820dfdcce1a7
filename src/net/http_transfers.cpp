#include "net/http_transfers.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "net/curl_session.hpp"
#include "net/url.hpp"

namespace weir::net {
namespace {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

// A head that is larger is no head.
constexpr std::size_t kHeadBytesMax = std::size_t{1} << 20;

class CurlTransfer {
 public:
  CurlTransfer(std::uint64_t id, Transfer transfer, HttpTransfers::TakeBody take_body, CURL* easy)
      : id_(id), transfer_(std::move(transfer)), take_body_(std::move(take_body)), easy_(easy) {}
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer() { curl_slist_free_all(header_lines_); }

  void configure(CURLSH* share);
  CURL* easy() const { return easy_; }
  std::optional<SteadyTime> first_byte_deadline() const {
    if (head_complete_ || transfer_.first_byte_timeout.count() == 0) return std::nullopt;
    return started_at_ + transfer_.first_byte_timeout;
  }
  FinishedTransfer finish(CURLcode code);
  FinishedTransfer finish_late() {
    return {
        id_, std::move(head_),
        Error::external(Code::TimedOut, "no answer from {} within {} ms", where(), transfer_.first_byte_timeout.count())
            .retry(Retry::Reconnect)};
  }

 private:
  std::string where() const { return url_origin(transfer_.url); }
  std::size_t take_header(std::string_view line);
  std::size_t take_bytes(std::span<const std::byte> bytes);

  static std::size_t on_header(char* line, std::size_t, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_header({line, size});
  }
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self) {
    return static_cast<CurlTransfer*>(self)->take_bytes(std::as_bytes(std::span{bytes, size}));
  }

  const std::uint64_t id_;
  const Transfer transfer_;
  const HttpTransfers::TakeBody take_body_;
  CURL* easy_;
  curl_slist* header_lines_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  SteadyTime started_at_ = SteadyClock::now();

  HttpResponse head_;
  std::size_t head_bytes_ = 0;
  bool head_complete_ = false;
  std::uint64_t body_bytes_ = 0;
  std::optional<Error> body_error_;
};

void CurlTransfer::configure(CURLSH* share) {
  const auto set = [this](auto option, auto value) { WEIR_CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK); };
  // Whatever text stands as a URL is the transfer's error, not ours.
  curl_easy_setopt(easy_, CURLOPT_URL, transfer_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  switch (transfer_.protocol) {
    case Transfer::Protocol::Negotiate: set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS)); break;
    case Transfer::Protocol::Http1: set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)); break;
    case Transfer::Protocol::Http2:
      set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
      break;
  }
  // Waits for a connection that many requests can share, where there may be one: without TLS it would hold requests back.
  const bool may_share = transfer_.protocol == Transfer::Protocol::Http2 ||
                         (transfer_.protocol == Transfer::Protocol::Negotiate && transfer_.url.starts_with("https:"));
  if (may_share) set(CURLOPT_PIPEWAIT, 1L);
  set(CURLOPT_CUSTOMREQUEST, transfer_.method.c_str());
  if (transfer_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (!transfer_.body.empty()) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, transfer_.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer_.body.size()));
  }
  if (!transfer_.ca_file.empty()) set(CURLOPT_CAINFO, transfer_.ca_file.c_str());
  if (!transfer_.proxy.empty()) set(CURLOPT_PROXY, transfer_.proxy.reveal().c_str());
  set(CURLOPT_ACCEPT_ENCODING, "");  // all that this curl can decode
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(transfer_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(transfer_.whole_timeout.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (share != nullptr) {
    set(CURLOPT_SHARE, share);
    set(CURLOPT_COOKIEFILE, "");
  }
  const auto add = [this](const std::string& line) { header_lines_ = curl_slist_append(header_lines_, line.c_str()); };
  for (const auto& [name, value] : transfer_.headers.entries())
    add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  add("Expect:");  // waiting for a "100 Continue" costs a round trip
  if (transfer_.body.empty() && (transfer_.method == "POST" || transfer_.method == "PUT")) add("Content-Length: 0");
  set(CURLOPT_HTTPHEADER, header_lines_);
}

std::size_t CurlTransfer::take_header(std::string_view line) {
  if (head_complete_) return line.size();  // a trailer behind the body
  head_bytes_ += line.size();
  if (head_bytes_ > kHeadBytesMax) return 0;
  if (line.starts_with("HTTP/")) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    head_ = HttpResponse{.status = static_cast<int>(status), .headers = {}};
  } else if (trim_header(line).empty()) {
    head_complete_ = head_.status >= 200;  // 1xx announces another head
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    head_.headers.add(std::string{trim_header(line.substr(0, colon))},
                      std::string{trim_header(line.substr(colon + 1))});
  }
  return line.size();
}

std::size_t CurlTransfer::take_bytes(std::span<const std::byte> bytes) {
  body_bytes_ += bytes.size();
  if (body_bytes_ > transfer_.body_bytes_max) {
    body_error_ = Error::external(Code::ResourceExhausted, "an answer of {} is larger than {} bytes", where(),
                                  transfer_.body_bytes_max)
                      .retry(Retry::Never)
                      .hint("raise response_bytes_max, or ask for smaller pages");
    return 0;
  }
  auto taken = take_body_(bytes);
  if (taken.ok()) return bytes.size();
  body_error_ = std::move(taken).error();
  return 0;
}

FinishedTransfer CurlTransfer::finish(CURLcode code) {
  FinishedTransfer finished{id_, std::move(head_), std::nullopt};
  if (body_error_) {
    finished.error = std::move(body_error_);
  } else if (code == CURLE_OPERATION_TIMEDOUT) {
    finished.error = Error::external(Code::TimedOut, "{} took longer than it may: {}", where(), error_text_.data())
                         .retry(Retry::Reconnect);
  } else if (code != CURLE_OK) {
    finished.error = transport_error(code, where(), error_text_.data());
  }
  return finished;
}

}  // namespace

// curl says which sockets and which time it waits for; they are waited for here, so that an event costs only the transfer
// that it belongs to.
struct HttpTransfers::State {
  State(int connections_per_host_max, Cookies cookies)
      : events(::epoll_create1(EPOLL_CLOEXEC)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    start_curl();
    multi = curl_multi_init();
    WEIR_CHECK(multi != nullptr && events && wake);
    watch(EPOLL_CTL_ADD, wake.get(), EPOLLIN);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(connections_per_host_max));
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, static_cast<void*>(this));
    if (cookies == Cookies::Kept) {
      share = curl_share_init();
      WEIR_CHECK(share != nullptr && curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) == CURLSHE_OK);
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    while (!transfers.empty()) remove(transfers.back().get());
    for (auto* easy : idle) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    if (share != nullptr) curl_share_cleanup(share);
  }

  CURL* take_easy() {
    if (idle.empty()) return curl_easy_init();
    auto* easy = idle.back();
    idle.pop_back();
    return easy;
  }

  // Waits for the sockets until `time`, and lets curl go on.
  void drive(SteadyTime time) {
    constexpr int kEventsMax = 64;
    std::array<epoll_event, kEventsMax> ready;
    if (timer) time = std::min(time, *timer);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - SteadyClock::now()).count();
    const auto count = ::epoll_wait(events.get(), ready.data(), kEventsMax, static_cast<int>(std::max<long>(left, 0)));
    int running = 0;
    for (int i = 0; i < count; ++i) {
      const auto& event = ready[static_cast<std::size_t>(i)];
      if (event.data.fd == wake.get()) {
        std::uint64_t wakes = 0;
        (void)!::read(wake.get(), &wakes, sizeof wakes);
        continue;
      }
      const auto has = [&](std::uint32_t what) { return (event.events & what) != 0; };
      const int what = (has(EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (has(EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                       (has(EPOLLERR) ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi, event.data.fd, what, &running);
    }
    if (timer && SteadyClock::now() >= *timer) {
      timer.reset();
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
  }

  void collect() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CurlTransfer* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      finished.push_back(owner->finish(message->data.result));
      remove(owner);
    }
    const auto now = SteadyClock::now();
    for (std::size_t i = 0; i < transfers.size();) {
      const auto deadline = transfers[i]->first_byte_deadline();
      if (deadline && now >= *deadline) {
        finished.push_back(transfers[i]->finish_late());
        remove(transfers[i].get());
      } else {
        ++i;
      }
    }
  }

  // A handle is used again: what it keeps of its connection costs nothing a second time.
  void remove(CurlTransfer* transfer) {
    auto* easy = transfer->easy();
    curl_multi_remove_handle(multi, easy);
    std::erase_if(transfers, [transfer](const auto& candidate) { return candidate.get() == transfer; });
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, nullptr);  // curl 7.88 forgets its list of them, and does not free it
    curl_easy_reset(easy);
    idle.push_back(easy);
  }

  void watch(int operation, int socket, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = socket;
    ::epoll_ctl(events.get(), operation, socket, &event);
  }

  // curl keeps the pointer that is assigned to a socket: not null once it is watched.
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* watched) {
    auto& state = *static_cast<State*>(self);
    if (what == CURL_POLL_REMOVE) {
      state.watch(EPOLL_CTL_DEL, socket, 0);
      return 0;
    }
    const std::uint32_t wanted =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    state.watch(watched == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, wanted);
    if (watched == nullptr) curl_multi_assign(state.multi, socket, self);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* self) {
    auto& timer = static_cast<State*>(self)->timer;
    timer.reset();
    if (milliseconds >= 0) timer = SteadyClock::now() + std::chrono::milliseconds{milliseconds};
    return 0;
  }

  Descriptor events;
  Descriptor wake;
  std::optional<SteadyTime> timer;
  CURLM* multi = nullptr;
  CURLSH* share = nullptr;
  std::uint64_t next_id = 1;
  std::vector<std::unique_ptr<CurlTransfer>> transfers;
  std::vector<CURL*> idle;
  std::deque<FinishedTransfer> finished;
};

HttpTransfers::HttpTransfers(int connections_per_host_max, Cookies cookies)
    : state_(std::make_unique<State>(connections_per_host_max, cookies)) {}
HttpTransfers::~HttpTransfers() = default;
HttpTransfers::HttpTransfers(HttpTransfers&&) noexcept = default;
HttpTransfers& HttpTransfers::operator=(HttpTransfers&&) noexcept = default;

std::size_t HttpTransfers::under_way() const { return state_->transfers.size() + state_->finished.size(); }

Result<std::uint64_t> HttpTransfers::start(Transfer transfer, TakeBody take_body) {
  WEIR_TRY(check_headers(transfer.headers));
  const auto id = state_->next_id++;
  auto* easy = state_->take_easy();
  WEIR_CHECK(easy != nullptr);
  auto started = std::make_unique<CurlTransfer>(id, std::move(transfer), std::move(take_body), easy);
  started->configure(state_->share);
  if (curl_multi_add_handle(state_->multi, easy) != CURLM_OK) {
    state_->idle.push_back(easy);
    return Error::system(Code::ResourceExhausted, "cannot start a request");
  }
  state_->transfers.push_back(std::move(started));
  return id;
}

Result<std::optional<FinishedTransfer>> HttpTransfers::wait(std::optional<SteadyTime> until, std::stop_token stop) {
  constexpr std::chrono::milliseconds kWaitMax{60'000};
  const std::stop_callback wake(stop, [this] {
    const std::uint64_t once = 1;
    (void)!::write(state_->wake.get(), &once, sizeof once);
  });
  while (true) {
    if (stop.stop_requested()) return Error::cancelled();
    if (state_->finished.empty()) state_->collect();
    if (!state_->finished.empty()) {
      auto first = std::move(state_->finished.front());
      state_->finished.pop_front();
      return std::optional{std::move(first)};
    }
    const auto now = SteadyClock::now();
    if (until && now >= *until) return std::optional<FinishedTransfer>{};
    if (!until && state_->transfers.empty()) return std::optional<FinishedTransfer>{};
    auto nearest = std::min(until.value_or(now + kWaitMax), now + kWaitMax);
    for (const auto& transfer : state_->transfers)
      nearest = std::min(nearest, transfer->first_byte_deadline().value_or(nearest));
    state_->drive(nearest);
  }
}

}  // namespace weir::net
