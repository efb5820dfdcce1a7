#include "tcp_proxy.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::testing {
namespace {

constexpr int kLookMs = 20;  // how often a thread looks whether it is to end

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

TcpProxy::TcpProxy(int server_port)
    : server_port_(server_port), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(0);
  socklen_t size = sizeof address;
  static_cast<void>(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size));
  ::listen(listener_.get(), 64);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

TcpProxy::~TcpProxy() {
  accepting_.request_stop();
  accepting_.join();
  connections_.clear();
}

void TcpProxy::after_bytes(std::uint64_t bytes, std::function<void()> call, From from) {
  const std::lock_guard lock(mutex_);
  bytes_left_ = bytes;
  counted_ = from;
  call_ = std::move(call);
}

void TcpProxy::before_text(std::string text, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
  text_call_ = std::move(call);
}

void TcpProxy::go_down() { is_down_ = true; }

void TcpProxy::accept_all(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, kLookMs) <= 0) continue;
    Descriptor client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!client || is_down_) continue;
    connections_.emplace_back(
        [this, held = std::move(client)](const std::stop_token& stopping) { relay(held, stopping); });
  }
}

void TcpProxy::relay(const Descriptor& client, const std::stop_token& stop) {
  const Descriptor server{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(server_port_);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  while (!stop.stop_requested() && !is_down_) {
    std::array<pollfd, 2> ready{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), kLookMs) <= 0) continue;
    if (ready[0].revents != 0 && !pass(client.get(), server.get(), From::Client)) break;
    if (ready[1].revents != 0 && !pass(server.get(), client.get(), From::Server)) break;
  }
  ::shutdown(client.get(), SHUT_RDWR);
}

bool TcpProxy::pass(int source, int target, From from) {
  std::array<char, 16 * 1024> bytes{};
  const auto got = ::recv(source, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  if (from == From::Client && look_at({bytes.data(), static_cast<std::size_t>(got)})) return false;
  for (ssize_t sent = 0; sent < got;) {
    const auto step = ::send(target, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (step <= 0) return false;
    sent += step;
  }
  count(static_cast<std::uint64_t>(got), from);
  return true;
}

bool TcpProxy::look_at(std::string_view bytes) {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    if (!text_call_ || bytes.find(text_) == std::string_view::npos) return false;
    call = std::exchange(text_call_, nullptr);
  }
  call();
  return true;
}

void TcpProxy::count(std::uint64_t bytes, From from) {
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex_);
    if (!call_ || from != counted_) return;
    bytes_left_ -= std::min(bytes, bytes_left_);
    if (bytes_left_ == 0) call = std::exchange(call_, nullptr);
  }
  if (call) call();
}

}  // namespace weir::testing
