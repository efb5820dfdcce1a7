#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "net/byte_stream.hpp"
#include "net/http_server.hpp"

namespace weir::warehouse {

// What is held back of an answer: the first bytes, so that a statement that fails early is answered with an error's
// status and nothing else, or everything (wait_end_of_query).
enum class Hold { FirstBytes, Everything };

// A response that may still become an error. What fails after its first bytes are sent has its exception written behind
// them and the body broken off. Everything is held in a file without a name once it is large.
class Reply final : public net::ByteSink {
 public:
  static constexpr std::size_t kHeldBytes = 1 << 20;

  Reply(net::ResponseWriter& writer, Hold hold, std::filesystem::path scratch_folder)
      : writer_(writer), hold_(hold), scratch_folder_(std::move(scratch_folder)) {}

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
  Result<void> hold_in_file();
  Result<void> send_file();

  net::ResponseWriter& writer_;
  const Hold hold_;
  const std::filesystem::path scratch_folder_;
  net::Headers headers_;
  std::string held_;
  Descriptor file_;  // what was held before held_
  bool spoiled_ = false;
};

}  // namespace weir::warehouse
