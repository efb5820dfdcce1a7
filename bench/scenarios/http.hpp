#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "net/http_client.hpp"
#include "services/service.hpp"

namespace weir::bench {

// The warehouse's HTTP interface as any client uses it: what its figures are compared with, and measured through.
class Http {
 public:
  explicit Http(services::ServiceAddress address) : address_(std::move(address)) {}

  // Sends a query, with `body` as its data; the answer goes to `consume` piece by piece.
  using Consume = std::function<void(std::span<const std::byte>)>;
  Result<void> query(const std::string& sql, std::span<const std::byte> body = {}, const Consume& consume = {});

 private:
  services::ServiceAddress address_;
  net::HttpClient client_;
};

}  // namespace weir::bench
