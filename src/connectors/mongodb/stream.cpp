#include "connectors/mongodb/stream.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::mongodb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStreamType = 1'000;  // none of libmongoc's own

// libmongoc's stream is a C record whose functions get it back. Ours has the descriptor behind it.
struct SocketStream {
  mongoc_stream_t base;
  int fd;
  Interrupt* interrupt;
  bool timed_out;
};

SocketStream& ours(mongoc_stream_t* stream) { return *reinterpret_cast<SocketStream*>(stream); }

// Nothing: no end, as libmongoc's timeout 0 and below says.
std::optional<Clock::time_point> deadline_after(std::int32_t timeout_ms) {
  if (timeout_ms <= 0) return std::nullopt;
  return Clock::now() + std::chrono::milliseconds{timeout_ms};
}

int milliseconds_until(std::optional<Clock::time_point> deadline) {
  if (!deadline) return -1;
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(rest.count(), 0));
}

// False sets errno.
bool wait_for(SocketStream& stream, short events, std::optional<Clock::time_point> deadline) {
  while (true) {
    if (stream.interrupt->requested()) {
      errno = ECANCELED;
      return false;
    }
    pollfd waiting[2] = {{stream.fd, events, 0}, {stream.interrupt->descriptor(), POLLIN, 0}};
    const int ready = ::poll(waiting, 2, milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0) {
      stream.timed_out = true;
      errno = ETIMEDOUT;
      return false;
    }
    if (ready > 0 && waiting[0].revents != 0) return true;
    if (ready > 0 && !stream.interrupt->requested()) stream.interrupt->clear();  // of a stop that counts no more
  }
}

int close_socket(mongoc_stream_t* stream) {
  auto& socket = ours(stream);
  if (socket.fd >= 0) ::close(socket.fd);
  socket.fd = -1;
  return 0;
}

void destroy_socket(mongoc_stream_t* stream) {
  close_socket(stream);
  delete &ours(stream);
}

int flush_socket(mongoc_stream_t*) { return 0; }

void consume(std::vector<iovec>& pieces, std::size_t bytes) {
  while (bytes > 0) {
    auto& piece = pieces.front();
    const auto step = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + step;
    piece.iov_len -= step;
    bytes -= step;
    if (piece.iov_len == 0) pieces.erase(pieces.begin());
  }
  while (!pieces.empty() && pieces.front().iov_len == 0) pieces.erase(pieces.begin());
}

bool is_not_yet(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

ssize_t write_socket(mongoc_stream_t* stream, mongoc_iovec_t* pieces, std::size_t count, std::int32_t timeout_ms) {
  auto& socket = ours(stream);
  socket.timed_out = false;
  const auto deadline = deadline_after(timeout_ms);
  std::vector<iovec> rest(pieces, pieces + count);
  consume(rest, 0);
  ssize_t written = 0;
  while (!rest.empty()) {
    msghdr message{};
    message.msg_iov = rest.data();
    message.msg_iovlen = std::min<std::size_t>(rest.size(), 512);
    const auto sent = ::sendmsg(socket.fd, &message, MSG_NOSIGNAL);
    if (sent > 0) {
      written += sent;
      consume(rest, static_cast<std::size_t>(sent));
    } else if ((sent < 0 && !is_not_yet(errno)) || !wait_for(socket, POLLOUT, deadline)) {
      return -1;
    }
  }
  return written;
}

ssize_t read_socket(mongoc_stream_t* stream, mongoc_iovec_t* pieces, std::size_t count, std::size_t bytes_min,
                    std::int32_t timeout_ms) {
  auto& socket = ours(stream);
  socket.timed_out = false;
  const auto deadline = deadline_after(timeout_ms);
  std::vector<iovec> rest(pieces, pieces + count);
  consume(rest, 0);
  ssize_t taken = 0;
  while (!rest.empty()) {
    if (socket.interrupt->requested()) {
      errno = ECANCELED;
      return -1;
    }
    const auto got = ::readv(socket.fd, rest.data(), static_cast<int>(rest.size()));
    if (got > 0) {
      taken += got;
      consume(rest, static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(taken) >= bytes_min) return taken;
      continue;
    }
    if (got == 0) {
      errno = ECONNRESET;
      return taken > 0 && static_cast<std::size_t>(taken) >= bytes_min ? taken : -1;
    }
    if (!is_not_yet(errno)) return -1;
    if (!wait_for(socket, POLLIN, deadline)) return -1;
  }
  return taken;
}

int set_socket_option(mongoc_stream_t* stream, int level, int name, void* value, mongoc_socklen_t size) {
  return ::setsockopt(ours(stream).fd, level, name, value, size);
}

// Whether the server has closed it: readable, and nothing to read.
bool is_closed(mongoc_stream_t* stream) {
  char byte = 0;
  const auto fd = ours(stream).fd;
  if (fd < 0) return true;
  const auto got = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && !is_not_yet(errno));
}

ssize_t poll_sockets(mongoc_stream_poll_t* streams, std::size_t count, std::int32_t timeout_ms) {
  std::vector<pollfd> waiting;
  for (std::size_t i = 0; i < count; ++i)
    waiting.push_back({ours(streams[i].stream).fd, static_cast<short>(streams[i].events), 0});
  waiting.push_back({ours(streams[0].stream).interrupt->descriptor(), POLLIN, 0});
  const auto ready = ::poll(waiting.data(), waiting.size(), timeout_ms);
  // A stop ends what they wait for.
  const short ended = ours(streams[0].stream).interrupt->requested() ? POLLHUP : 0;
  for (std::size_t i = 0; i < count; ++i) streams[i].revents = static_cast<short>(waiting[i].revents | ended);
  return ready;
}

bool has_timed_out(mongoc_stream_t* stream) { return ours(stream).timed_out; }
bool should_retry(mongoc_stream_t*) { return false; }

SocketStream* make_stream(int fd, Interrupt& interrupt) {
  auto stream = std::make_unique<SocketStream>();
  stream->base.type = kStreamType;
  stream->base.destroy = destroy_socket;
  stream->base.failed = destroy_socket;
  stream->base.close = close_socket;
  stream->base.flush = flush_socket;
  stream->base.writev = write_socket;
  stream->base.readv = read_socket;
  stream->base.setsockopt = set_socket_option;
  stream->base.check_closed = is_closed;
  stream->base.poll = poll_sockets;
  stream->base.timed_out = has_timed_out;
  stream->base.should_retry = should_retry;
  stream->fd = fd;
  stream->interrupt = &interrupt;
  return stream.release();
}

struct DestroyStream {
  void operator()(mongoc_stream_t* stream) const { mongoc_stream_destroy(stream); }
};
using StreamPtr = std::unique_ptr<mongoc_stream_t, DestroyStream>;

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};

StreamPtr connect_to(const sockaddr* address, socklen_t size, int family, Interrupt& interrupt,
                     std::int32_t timeout_ms) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return nullptr;
  auto* socket = make_stream(fd, interrupt);
  StreamPtr stream{&socket->base};
  const int yes = 1;
  if (family != AF_UNIX) {
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  }
  if (::connect(fd, address, size) == 0) return stream;
  if (errno != EINPROGRESS) return nullptr;
  if (!wait_for(*socket, POLLOUT, deadline_after(timeout_ms))) return nullptr;
  int failure = 0;
  socklen_t failure_size = sizeof failure;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &failure_size);
  errno = failure;
  return failure == 0 ? std::move(stream) : nullptr;
}

StreamPtr connect_unix(std::string_view path, Interrupt& interrupt, std::int32_t timeout_ms) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return nullptr;
  }
  path.copy(address.sun_path, path.size());
  return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, AF_UNIX, interrupt, timeout_ms);
}

StreamPtr connect_tcp(const mongoc_host_list_t& host, Interrupt& interrupt, std::int32_t timeout_ms,
                      bson_error_t* error) {
  addrinfo wanted{};
  wanted.ai_family = host.family;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.host, std::to_string(host.port).c_str(), &wanted, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> addresses{found};
  if (failed != 0) {
    bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_NAME_RESOLUTION, "no such host: %s", host.host);
    return nullptr;
  }
  for (const auto* address = found; address != nullptr; address = address->ai_next) {
    auto stream = connect_to(address->ai_addr, address->ai_addrlen, address->ai_family, interrupt, timeout_ms);
    if (stream != nullptr || errno == ECANCELED) return stream;
  }
  return nullptr;
}

// What the address says of TLS; the texts belong to it.
mongoc_ssl_opt_t tls_options(const mongoc_uri_t* uri) {
  auto options = *mongoc_ssl_opt_get_default();
  const bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
  options.pem_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, nullptr);
  options.pem_pwd = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, nullptr);
  options.ca_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, nullptr);
  options.weak_cert_validation =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, false);
  options.allow_invalid_hostname =
      insecure || mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, false);
  return options;
}

// Null with the reason.
StreamPtr connect(const mongoc_uri_t& uri, const mongoc_host_list_t& host, Interrupt& interrupt, bson_error_t* error) {
  const auto timeout_ms = mongoc_uri_get_option_as_int32(&uri, MONGOC_URI_CONNECTTIMEOUTMS, 10'000);
  error->code = 0;
  auto stream = host.family == AF_UNIX ? connect_unix(host.host, interrupt, timeout_ms)
                                       : connect_tcp(host, interrupt, timeout_ms, error);
  if (stream == nullptr) {
    if (error->code == 0) {
      bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT, "cannot connect to %s: %s",
                     host.host_and_port, std::strerror(errno));
    }
    return nullptr;
  }
  if (!mongoc_uri_get_tls(&uri)) return stream;
  auto options = tls_options(&uri);
  StreamPtr tls{mongoc_stream_tls_new_with_hostname(stream.get(), host.host, &options, 1)};
  if (tls == nullptr) {
    bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "TLS could not be set up for %s",
                   host.host_and_port);
    return nullptr;
  }
  static_cast<void>(stream.release());
  if (!mongoc_stream_tls_handshake_block(tls.get(), host.host, timeout_ms, error)) return nullptr;
  return tls;
}

}  // namespace

Interrupt::Interrupt() : wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Interrupt::clear() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wakeup_.get(), &count, sizeof count));
}

void Interrupt::Scope::Wake::operator()() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(descriptor, &one, sizeof one));
}

Interrupt::Scope::Scope(Interrupt& interrupt, std::stop_token stop)
    : interrupt_(interrupt),
      before_(std::exchange(interrupt.stop_, stop)),
      callback_(std::in_place, std::move(stop), Wake{interrupt.descriptor()}) {}

Interrupt::Scope::~Scope() {
  callback_.reset();  // it wakes nobody from here on
  if (interrupt_.requested()) interrupt_.clear();
  interrupt_.stop_ = std::move(before_);
}

mongoc_stream_t* open_stream(const mongoc_uri_t* uri, const mongoc_host_list_t* host, void* dialer,
                             bson_error_t* error) {
  auto& [interrupt, reached] = *static_cast<Dialer*>(dialer);
  if (auto stream = connect(*uri, *host, interrupt, error)) {
    reached.insert(host->host_and_port);
    return stream.release();
  }
  if (!reached.contains(host->host_and_port)) return nullptr;
  // No connection has been made with this socket: whoever looks at it is told that the other side has hung up.
  return &make_stream(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), interrupt)->base;
}

}  // namespace weir::mongodb
