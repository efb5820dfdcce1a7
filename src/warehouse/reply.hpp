#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "net/byte_stream.hpp"
#include "net/http_server.hpp"

namespace weir::warehouse {

// A response whose first bytes are held back, so that a statement that fails early is answered with an error's status and
// nothing else. What fails later has its exception written behind the bytes that are sent already, and the body broken off.
class Reply final : public net::ByteSink {
 public:
  static constexpr std::size_t kHeldBytes = 1 << 20;
  static constexpr std::size_t kEverything = static_cast<std::size_t>(-1);

  Reply(net::ResponseWriter& writer, std::size_t held_bytes_max) : writer_(writer), held_bytes_max_(held_bytes_max) {}

  // Headers of a success: until the first bytes are sent.
  void header(std::string name, std::string value) { headers_.add(std::move(name), std::move(value)); }
  // Instead of the body, while nothing is sent yet.
  Result<void> fail(int status, const net::Headers& headers, std::string_view text);
  // From now on finish() breaks the body off.
  void spoil() { spoiled_ = true; }

  Result<void> write(std::span<const std::byte> bytes) override;
  Result<void> finish() override;
  bool started() const { return writer_.started(); }

 private:
  net::ResponseWriter& writer_;
  const std::size_t held_bytes_max_;
  net::Headers headers_;
  std::string held_;
  bool spoiled_ = false;
};

}  // namespace weir::warehouse
