#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <cerrno>

#include "net/tls_session.hpp"

namespace weir::net {

// A blocking socket as Beast wants it (SyncReadStream and SyncWriteStream), for TCP and unix sockets alike, with TLS or
// without. Timeouts are the kernel's (SO_RCVTIMEO, SO_SNDTIMEO).
class SocketStream {
  using ErrorCode = boost::system::error_code;

 public:
  explicit SocketStream(int fd, TlsSession* tls = nullptr) : fd_(fd), tls_(tls) {}

  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers, ErrorCode& error) {
    const ErrorCode at_end = boost::beast::http::error::end_of_stream;
    if (tls_ != nullptr) {
      const auto first = first_of(buffers);
      if (first.iov_len == 0) return 0;
      return outcome(tls_->read({static_cast<std::byte*>(first.iov_base), first.iov_len}), error, at_end);
    }
    return transfer(
        buffers, error, [this](msghdr& message) { return ::recvmsg(fd_, &message, 0); }, at_end);
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers, ErrorCode& error) {
    if (tls_ != nullptr) {
      const auto first = first_of(buffers);
      if (first.iov_len == 0) return 0;
      return outcome(tls_->write({static_cast<const std::byte*>(first.iov_base), first.iov_len}), error,
                     ErrorCode(EPIPE, boost::system::system_category()));
    }
    return transfer(
        buffers, error, [this](msghdr& message) { return ::sendmsg(fd_, &message, MSG_NOSIGNAL); }, ErrorCode{});
  }
  // Required by the concepts; the error_code overloads are the ones that are called.
  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers) {
    ErrorCode error;
    return read_some(buffers, error);
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers) {
    ErrorCode error;
    return write_some(buffers, error);
  }

  bool has_pending() const { return tls_ != nullptr && tls_->has_pending(); }
  // What a client may be told before the socket is closed.
  void say_goodbye() {
    if (tls_ != nullptr) tls_->close();
  }

 private:
  static ::iovec vector_of(boost::asio::const_buffer buffer) {
    // iovec has no const: sendmsg does not write through it.
    return {const_cast<void*>(buffer.data()), buffer.size()};
  }
  template <typename Buffers>
  static ::iovec first_of(const Buffers& buffers) {
    for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
      if (buffer.size() > 0) return vector_of(buffer);
    }
    return {};
  }

  static std::size_t outcome(std::ptrdiff_t moved, ErrorCode& error, ErrorCode at_end) {
    if (moved < 0) {
      error.assign(errno, boost::system::system_category());
      return 0;
    }
    error = moved == 0 ? at_end : ErrorCode{};
    return static_cast<std::size_t>(moved);
  }

  template <typename Buffers, typename Call>
  std::size_t transfer(const Buffers& buffers, ErrorCode& error, Call call, ErrorCode at_end) {
    ::iovec vectors[16];
    std::size_t count = 0;
    for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
      if (count == std::size(vectors)) break;
      vectors[count++] = vector_of(buffer);
    }
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = count;
    for (;;) {
      const auto moved = call(message);
      if (moved < 0 && errno == EINTR) continue;
      return outcome(moved, error, at_end);
    }
  }

  int fd_;
  TlsSession* tls_;
};

}  // namespace weir::net
