#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace weir::net {

// Header names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }
  std::optional<std::string_view> find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct Timeouts {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds silence{0};  // the longest time without a byte in either direction; 0 is none
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::string unix_socket;  // connects there instead of to the URL's host
  Headers headers;
  Timeouts timeouts;
  std::string ca_file;  // "" is the system's
  enum class Body { None, Streamed } body = Body::None;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
};

// One request under way: write the body (when it is streamed), then read the head and the body. Pulled by the caller's
// thread, with bounded buffers in both directions: a slow reader slows the server. Errors are Unavailable (Reconnect),
// TimedOut or Cancelled; an HTTP status is not an error here.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // Returns when the bytes are handed to the transport. Fails early when the server has already answered: then read the
  // answer.
  virtual Result<void> write(std::span<const std::byte> bytes, std::stop_token stop) = 0;
  virtual Result<void> finish_body(std::stop_token stop) = 0;
  virtual Result<HttpResponse> response(std::stop_token stop) = 0;
  // Fills a part of the buffer; 0 at the end of the body. An aborted body is Unavailable, never a silent end.
  virtual Result<std::size_t> read(std::span<std::byte> buffer, std::stop_token stop) = 0;
};

// Keeps connections alive between exchanges. One thread at a time; its exchanges must not outlive it.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  Result<std::unique_ptr<HttpExchange>> open(const HttpRequest& request, std::stop_token stop);
  // The whole exchange for small bodies.
  Result<std::pair<HttpResponse, std::string>> fetch(HttpRequest request, std::string_view body, std::stop_token stop);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace weir::net
