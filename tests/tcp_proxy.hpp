#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
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
  enum class From { Server, Client };
  // Calls it once, from the thread of a connection, which waits meanwhile, when so many bytes have come from that side since
  // now, on all connections together.
  void after_bytes(std::uint64_t bytes, std::function<void()> call, From from = From::Server);
  // The same when the client sends something that holds this text, which is not passed on: the connection ends there.
  void before_text(std::string text, std::function<void()> call);
  // Ends all connections; new ones end at once until up().
  void go_down();
  void come_up() { is_down_ = false; }

 private:
  void accept_all(const std::stop_token& stop);
  void relay(const Descriptor& client, const std::stop_token& stop);
  // Passes on what that side has sent; false at the end.
  bool pass(int source, int target, From from);
  // Whether it holds the text that is awaited.
  bool look_at(std::string_view bytes);
  void count(std::uint64_t bytes, From from);

  const int server_port_;
  int port_ = 0;
  Descriptor listener_;
  std::atomic<bool> is_down_ = false;
  std::mutex mutex_;  // guards what is awaited: bytes of one side, and a text
  std::uint64_t bytes_left_ = 0;
  From counted_ = From::Server;
  std::function<void()> call_;
  std::string text_;
  std::function<void()> text_call_;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;
};

}  // namespace weir::testing
