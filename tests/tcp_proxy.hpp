#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/file.hpp"

namespace weir::testing {

// Stands before a server on the loopback, and lets a test meddle at a moment that it names by what has passed.
class TcpProxy {
 public:
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const { return port_; }
  // Calls it once, from a connection's thread, when so many bytes have come from the server since now.
  void after_bytes(std::uint64_t bytes, std::function<void()> call);
  // Ends all connections; new ones end at once until up().
  void go_down();
  void come_up() { is_down_ = false; }

 private:
  void accept_all(const std::stop_token& stop);
  void relay(const Descriptor& client, const std::stop_token& stop);
  void count(std::uint64_t bytes);

  const int server_port_;
  int port_ = 0;
  Descriptor listener_;
  std::atomic<bool> is_down_ = false;
  std::mutex mutex_;  // guards the next two
  std::uint64_t bytes_left_ = 0;
  std::function<void()> call_;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;
};

}  // namespace weir::testing
