#include "net/http_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/file.hpp"
#include "net/query_string.hpp"
#include "net/socket_stream.hpp"

namespace weir::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// Beast reads at most this much from the socket at once.
constexpr std::size_t kReadBytes = 65536;
// What a client may still send after the answer before the connection is closed on it.
constexpr std::chrono::seconds kLingerMax{10};

Error transport_error(const error_code& error, std::string_view doing) {
  if (error == error_code(EAGAIN, boost::system::system_category())) {
    return Error::external(Code::TimedOut, "{}: the client was silent for too long", doing);
  }
  return Error::external(Code::Unavailable, "{}: {}", doing, error.message()).retry(Retry::Reconnect);
}

std::string http_date() {
  const auto now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

using Parser = http::request_parser<http::buffer_body>;

// The body as the handler pulls it. Tells a client that waits for it to go on (Expect: 100-continue).
class RequestBody final : public ByteSource {
 public:
  RequestBody(SocketStream& stream, beast::flat_buffer& buffer, Parser& parser)
      : stream_(stream), buffer_(buffer), parser_(parser) {
    expects_continue_ = beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done();
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (expects_continue_) WEIR_TRY(send_continue());
    if (out.empty()) return std::size_t{0};
    auto& body = parser_.get().body();
    while (!parser_.is_done()) {
      body.data = out.data();
      body.size = out.size();
      body.more = true;
      error_code error;
      http::read_some(stream_, buffer_, parser_, error);
      if (error && error != http::error::need_buffer) return transport_error(error, "reading the request's body");
      if (const auto got = out.size() - body.size; got > 0) return got;
    }
    return std::size_t{0};
  }

  bool done() const { return parser_.is_done(); }

 private:
  Result<void> send_continue() {
    expects_continue_ = false;
    error_code error;
    asio::write(stream_, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25), error);
    if (error) return transport_error(error, "asking for the request's body");
    return {};
  }

  SocketStream& stream_;
  beast::flat_buffer& buffer_;
  Parser& parser_;
  bool expects_continue_ = false;
};

class Response final : public ResponseWriter {
 public:
  Response(SocketStream& stream, const Parser& parser, const RequestBody& body, const std::atomic<bool>& stopping)
      : stream_(stream), parser_(parser), body_(body), stopping_(stopping) {
    keep_alive_ = parser.keep_alive();
  }

  Result<void> send(int status, const Headers& headers, std::string_view body) override {
    WEIR_CHECK(state_ == State::Idle);
    auto head = make_head(status, headers);
    head.content_length(body.size());
    std::string bytes = head_text(head);
    if (parser_.get().method() != http::verb::head) bytes += body;
    state_ = State::Finished;
    return put(asio::buffer(bytes));
  }

  Result<void> start(int status, const Headers& headers) override {
    WEIR_CHECK(state_ == State::Idle);
    auto head = make_head(status, headers);
    chunked_ = parser_.get().version() >= 11;
    if (chunked_) {
      head.chunked(true);
    } else {
      head.keep_alive(keep_alive_ = false);  // HTTP/1.0: the end of the connection is the end of the body
    }
    state_ = State::Open;
    return put(asio::buffer(head_text(head)));
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    if (state_ == State::Broken) return broken_off();
    WEIR_CHECK(state_ == State::Open);
    if (bytes.empty() || parser_.get().method() == http::verb::head) return {};
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    return chunked_ ? put(http::make_chunk(buffer)) : put(buffer);
  }

  Result<void> finish() override {
    if (state_ == State::Broken) return broken_off();
    WEIR_CHECK(state_ == State::Open);
    state_ = State::Finished;
    if (!chunked_ || parser_.get().method() == http::verb::head) return {};
    return put(http::make_chunk_last());
  }

  void abort() override { state_ = State::Broken; }
  bool started() const override { return state_ != State::Idle; }

  bool finished() const { return state_ == State::Finished; }
  bool keep_alive() const { return keep_alive_ && state_ == State::Finished; }

 private:
  enum class State { Idle, Open, Finished, Broken };
  using Head = http::response<http::empty_body>;

  Head make_head(int status, const Headers& headers) {
    Head head;
    head.result(static_cast<unsigned>(status));
    head.version(parser_.get().version());
    head.set(http::field::date, http_date());
    for (const auto& [name, value] : headers.entries()) head.insert(name, value);
    // A body that nobody has read leaves the connection unusable for a next request.
    if (!body_.done() || stopping_) keep_alive_ = false;
    head.keep_alive(keep_alive_);
    return head;
  }

  static std::string head_text(const Head& head) {
    std::string text = fmt::format("HTTP/1.{} {} {}\r\n", head.version() % 10, head.result_int(),
                                   std::string_view(head.reason().data(), head.reason().size()));
    for (const auto& field : head) {
      text.append(field.name_string()).append(": ").append(field.value()).append("\r\n");
    }
    return text += "\r\n";
  }

  static Error broken_off() {
    return Error::external(Code::Unavailable, "answering: the connection is broken off").retry(Retry::Reconnect);
  }

  template <typename Buffers>
  Result<void> put(const Buffers& buffers) {
    error_code error;
    asio::write(stream_, buffers, error);
    if (!error) return {};
    state_ = State::Broken;
    return transport_error(error, "answering");
  }

  SocketStream& stream_;
  const Parser& parser_;
  const RequestBody& body_;
  const std::atomic<bool>& stopping_;
  State state_ = State::Idle;
  bool keep_alive_ = true;
  bool chunked_ = false;
};

Result<Descriptor> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error::user(Code::InvalidArgument, "unix socket path is longer than {} bytes: {}",
                       sizeof address.sun_path - 1, path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto doing = fmt::format("listening on unix socket: {}", path);
  Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return Error::from_errno(errno, doing);
  ::unlink(path.c_str());
  // Mode first, then listen: nobody can connect in between.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
    return Error::from_errno(errno, doing);
  }
  return socket;
}

Result<Descriptor> listen_tcp(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Error::user(Code::InvalidArgument, "not an IPv4 address to listen on: {}", host);
  }
  const auto doing = fmt::format("listening on port: {}:{}", host, port);
  Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return Error::from_errno(errno, doing);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return Error::from_errno(errno, doing);
  }
  return socket;
}

int bound_port(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

std::string address_text(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return fmt::format("{}:{}", text, ntohs(address.sin_port));
}

void set_timeout(int fd, int option, std::chrono::milliseconds timeout) {
  timeval value{};
  value.tv_sec = timeout.count() / 1000;
  value.tv_usec = timeout.count() % 1000 * 1000;
  ::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

// Lets the client read the answer although it is still sending: closing at once would reset the connection and the
// answer could be lost with it.
void linger(int fd) {
  ::shutdown(fd, SHUT_WR);
  const auto until = std::chrono::steady_clock::now() + kLingerMax;
  std::vector<char> sink(kReadBytes);
  set_timeout(fd, SO_RCVTIMEO, std::chrono::milliseconds(1000));
  while (std::chrono::steady_clock::now() < until) {
    const auto got = ::recv(fd, sink.data(), sink.size(), 0);
    if (got == 0 || (got < 0 && errno != EINTR)) return;
  }
}

struct Connection {
  Descriptor socket;
  Peer peer;
  std::stop_source gone;
};

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler) : options_(std::move(options)), handler_(std::move(handler)) {}
  ~Server() override {
    stop(std::chrono::milliseconds(0));
    if (unix_listener_) ::unlink(options_.unix_socket.c_str());
  }

  Result<void> listen() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !wake_) return Error::from_errno(errno, "preparing to listen");
    if (options_.tls) tls_ = WEIR_TRY(TlsIdentity::load(options_.tls->certificate, options_.tls->key));
    if (!options_.unix_socket.empty()) unix_listener_ = WEIR_TRY(listen_unix(options_.unix_socket));
    if (options_.port) tcp_listener_ = WEIR_TRY(listen_tcp(options_.host, *options_.port));
    if (tcp_listener_) port_ = bound_port(tcp_listener_.get());
    for (const int fd : {wake_.get(), unix_listener_.get(), tcp_listener_.get()}) {
      if (fd >= 0) watch(fd, EPOLLIN);
    }
    events_ = std::thread([this] { run_events(); });
    return {};
  }

  int port() const override { return port_; }

  void stop(std::chrono::milliseconds patience) override {
    if (!events_.joinable()) return;
    stopping_ = true;
    unwatch(unix_listener_.get());
    unwatch(tcp_listener_.get());
    std::unique_lock lock(mutex_);
    for (const int fd : idle_) ::shutdown(fd, SHUT_RD);
    const auto none_left = [this] { return connections_.empty(); };
    if (!ended_.wait_for(lock, patience, none_left)) {
      std::vector<std::shared_ptr<Connection>> left;
      for (const auto& entry : connections_) left.push_back(entry.second);
      lock.unlock();
      for (const auto& connection : left) connection->gone.request_stop();
      // Under the lock, so that none is closed, and its number reused, in between.
      lock.lock();
      for (const auto& entry : connections_) ::shutdown(entry.first, SHUT_RDWR);
      ended_.wait(lock, none_left);
    }
    lock.unlock();
    const std::uint64_t one = 1;
    closing_ = true;
    [[maybe_unused]] const auto woken = ::write(wake_.get(), &one, sizeof one);
    events_.join();
  }

 private:
  void watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  void unwatch(int fd) {
    if (fd >= 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  void run_events() {
    while (!closing_) {
      epoll_event events[32];
      const int count = ::epoll_wait(epoll_.get(), events, 32, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == wake_.get()) continue;
        if (fd == unix_listener_.get() || fd == tcp_listener_.get()) {
          accept(fd);
        } else {
          notice_leaving(fd);
        }
      }
    }
  }

  // The client of a request under way has closed its end. Asked again, since the event may be about a connection whose
  // number a new one has taken over meanwhile.
  void notice_leaving(int fd) {
    pollfd poll_fd{fd, POLLRDHUP, 0};
    if (::poll(&poll_fd, 1, 0) <= 0) return;
    unwatch(fd);
    std::shared_ptr<Connection> connection;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = connections_.find(fd); found != connections_.end()) connection = found->second;
    }
    if (connection) connection->gone.request_stop();
  }

  void accept(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    const bool tcp = listener == tcp_listener_.get();
    auto* peer_address = tcp ? reinterpret_cast<sockaddr*>(&address) : nullptr;
    auto connection = std::make_shared<Connection>();
    connection->socket.reset(::accept4(listener, peer_address, tcp ? &size : nullptr, SOCK_CLOEXEC));
    const int fd = connection->socket.get();
    if (fd < 0) {
      // Out of descriptors: the connection stays in the queue; without a pause this loop would burn a core.
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    connection->peer.kind = tcp ? Peer::Kind::Tcp : Peer::Kind::Unix;
    if (tcp) connection->peer.address = address_text(address);
    const int on = 1;
    if (tcp) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_timeout(fd, SO_RCVTIMEO, options_.silence);
    set_timeout(fd, SO_SNDTIMEO, options_.silence);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || static_cast<int>(connections_.size()) >= options_.connections_max) {
        constexpr std::string_view kBusy =
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        ::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
      }
      connections_.emplace(fd, connection);
    }
    std::thread([this, connection] {
      // OpenSSL writes to sockets without MSG_NOSIGNAL.
      sigset_t broken_pipe;
      ::sigemptyset(&broken_pipe);
      ::sigaddset(&broken_pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
      serve(*connection);
      forget(connection->socket.get());
    }).detach();
  }

  void forget(int fd) {
    // The descriptor's number may be reused as soon as it is closed: closed under the lock, after it left the table.
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(fd);
    found->second->socket.reset();
    connections_.erase(found);
    // Under the lock, since stop() may destroy this object as soon as it sees the table empty.
    ended_.notify_all();
  }

  void serve(Connection& connection) {
    std::optional<TlsSession> tls;
    if (tls_ && connection.peer.kind == Peer::Kind::Tcp) {
      tls.emplace(tls_, connection.socket.get());
      if (!tls->accept()) return;
    }
    SocketStream stream(connection.socket.get(), tls ? &*tls : nullptr);
    beast::flat_buffer buffer;
    buffer.reserve(2 * kReadBytes);
    while (await_request(connection.socket.get(), buffer.size() > 0 || stream.has_pending()) &&
           serve_one(connection, stream, buffer)) {
    }
    stream.say_goodbye();
  }

  // False when no request came in time or the server stops.
  bool await_request(int fd, bool buffered) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      idle_.push_back(fd);
    }
    pollfd poll_fd{fd, POLLIN, 0};
    int ready = buffered ? 1 : -1;
    while (ready < 0) {
      ready = ::poll(&poll_fd, 1, static_cast<int>(options_.idle.count()));
      if (ready < 0 && errno != EINTR) break;
    }
    const std::lock_guard lock(mutex_);
    std::erase(idle_, fd);
    return ready > 0;
  }

  // True when the connection serves a next request.
  bool serve_one(Connection& connection, SocketStream& stream, beast::flat_buffer& buffer) {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.head_bytes_max));
    parser.body_limit(boost::none);
    error_code error;
    http::read_header(stream, buffer, parser, error);
    if (error) {
      refuse(stream, connection.socket.get(), error);
      return false;
    }
    RequestBody body(stream, buffer, parser);
    Response response(stream, parser, body, stopping_);
    auto request = make_request(connection, parser, body);
    const int fd = connection.socket.get();
    watch(fd, EPOLLRDHUP);
    handler_(request, response);
    unwatch(fd);
    if (!response.started()) {
      Headers headers;
      (void)response.send(500, headers, "");
    }
    if (response.keep_alive()) return true;
    if (response.finished()) {
      stream.say_goodbye();
      linger(fd);
    }
    return false;
  }

  static void refuse(SocketStream& stream, int fd, const error_code& error) {
    if (error.category() != http::make_error_code(http::error::bad_method).category() ||
        error == http::error::end_of_stream || error == http::error::partial_message) {
      return;  // the client left or fell silent
    }
    const bool too_long = error == http::error::header_limit || error == http::error::buffer_overflow;
    const auto answer = fmt::format("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}\n",
                                    too_long ? "431 Request Header Fields Too Large" : "400 Bad Request",
                                    error.message().size() + 1, error.message());
    error_code ignored;
    asio::write(stream, asio::buffer(answer), ignored);
    linger(fd);
  }

  static IncomingRequest make_request(const Connection& connection, Parser& parser, ByteSource& body) {
    const auto& message = parser.get();
    IncomingRequest request{.method = std::string(message.method_string()),
                            .target = std::string(message.target()),
                            .path = {},
                            .query = {},
                            .headers = {},
                            .body = body,
                            .peer = connection.peer,
                            .gone = connection.gone.get_token()};
    const std::string_view target = request.target;
    const auto mark = target.find('?');
    request.path = decode_percent(target.substr(0, mark), Plus::IsPlus);
    if (mark != std::string_view::npos) request.query = parse_query(target.substr(mark + 1));
    for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
    return request;
  }

  HttpServerOptions options_;
  HttpHandler handler_;
  std::shared_ptr<const TlsIdentity> tls_;  // none: without
  Descriptor epoll_;
  Descriptor wake_;
  Descriptor unix_listener_;
  Descriptor tcp_listener_;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> closing_ = false;
  std::thread events_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_map<int, std::shared_ptr<Connection>> connections_;
  std::vector<int> idle_;  // those that wait for a request
};

}  // namespace

std::optional<std::string_view> IncomingRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, HttpHandler handler) {
  auto server = std::make_unique<Server>(options, std::move(handler));
  WEIR_TRY(server->listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace weir::net
