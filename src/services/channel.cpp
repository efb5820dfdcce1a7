#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "services/process.hpp"

namespace weir::services {
namespace {

constexpr std::size_t kHeaderBytes = 4;

enum class Filled { Yes, End };

// Reads exactly `bytes`. The end of the stream inside a message means that the writer died in the middle of it, which
// is an end like any other.
Result<Filled> fill(int socket, char* target, std::size_t bytes) {
  while (bytes > 0) {
    const auto got = ::recv(socket, target, bytes, 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return Filled::End;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "receiving a message");
    }
    target += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return Filled::Yes;
}

std::size_t length_in(const char* header) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kHeaderBytes; ++i)
    length |= std::size_t{static_cast<unsigned char>(header[i])} << (8 * i);
  return length;
}

}  // namespace

struct Channel::State {
  Descriptor socket;
  std::mutex sending;
  std::string arrived;  // the begin of a message whose rest is on its way
};

Result<std::pair<Channel, Descriptor>> Channel::make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::from_errno(errno, "making a socket pair");
  return std::pair{Channel{Descriptor{ends[0]}}, Descriptor{ends[1]}};
}

Channel::Channel(Descriptor socket) : state_(std::make_unique<State>()) { state_->socket = std::move(socket); }
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;
Channel::~Channel() = default;

int Channel::descriptor() const { return state_->socket.get(); }

Result<void> Channel::send(std::string_view message) {
  if (message.size() > kMessageBytesMax) return Error::bug("message too long for a channel: {} bytes", message.size());
  std::array<char, kHeaderBytes> header;
  for (std::size_t i = 0; i < kHeaderBytes; ++i) header[i] = static_cast<char>((message.size() >> (8 * i)) & 0xff);

  const std::lock_guard guard{state_->sending};
  std::size_t sent = 0;
  const std::size_t total = kHeaderBytes + message.size();
  while (sent < total) {
    std::array<iovec, 2> parts{};
    std::size_t count = 0;
    if (sent < kHeaderBytes) parts[count++] = {header.data() + sent, kHeaderBytes - sent};
    const std::size_t offset = sent > kHeaderBytes ? sent - kHeaderBytes : 0;
    parts[count++] = {const_cast<char*>(message.data() + offset),
                      message.size() - offset};  // NOLINT: sendmsg only reads
    msghdr envelope{};
    envelope.msg_iov = parts.data();
    envelope.msg_iovlen = count;
    const auto put = ::sendmsg(state_->socket.get(), &envelope, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, "sending a message");
    }
    sent += static_cast<std::size_t>(put);
  }
  return {};
}

Result<std::optional<std::string>> Channel::receive() {
  std::array<char, kHeaderBytes> header;
  if (WEIR_TRY(fill(state_->socket.get(), header.data(), header.size())) == Filled::End) return std::nullopt;
  const auto length = length_in(header.data());
  if (length > kMessageBytesMax) return Error::bug("a message announces more than a channel allows: {} bytes", length);
  std::string message(length, '\0');
  if (WEIR_TRY(fill(state_->socket.get(), message.data(), length)) == Filled::End) return std::nullopt;
  return message;
}

Result<Channel::Arrived> Channel::receive_arrived() {
  Arrived result;
  auto& arrived = state_->arrived;
  std::array<char, 65'536> piece;
  for (;;) {
    const auto got = ::recv(state_->socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got < 0 && errno != ECONNRESET) return Error::from_errno(errno, "receiving a message");
    if (got <= 0) {
      result.ended = true;
      break;
    }
    arrived.append(piece.data(), static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < piece.size()) break;  // a stream's end is looked for again when it is due
  }
  std::size_t begin = 0;
  while (arrived.size() - begin >= kHeaderBytes) {
    const auto length = length_in(arrived.data() + begin);
    if (length > kMessageBytesMax)
      return Error::bug("a message announces more than a channel allows: {} bytes", length);
    if (arrived.size() - begin - kHeaderBytes < length) break;
    result.messages.push_back(arrived.substr(begin + kHeaderBytes, length));
    begin += kHeaderBytes + length;
  }
  arrived.erase(0, begin);
  return result;
}

}  // namespace weir::services
