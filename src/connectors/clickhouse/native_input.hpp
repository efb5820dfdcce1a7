#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "net/byte_stream.hpp"

namespace weir::clickhouse {

// A buffered view of a response's bytes for the decoder: small values come from the window, large blocks go from the
// source straight to where they belong. A stream that ends where bytes are still expected is InvalidData.
class NativeInput {
 public:
  explicit NativeInput(net::ByteSource& source);

  Result<bool> at_end();
  Result<void> read(std::byte* to, std::size_t count);
  Result<std::uint64_t> varuint();
  // A length-prefixed text of at most `bytes_max`: names of columns and types.
  Result<std::string> text(std::size_t bytes_max);
  template <typename T>
  Result<T> value() {
    T value;
    WEIR_TRY(read(reinterpret_cast<std::byte*>(&value), sizeof value));
    return value;
  }

  // What is buffered and not consumed. more() adds to it, or says false at the end of the stream; at most kWindowBytes.
  std::span<const std::byte> window() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t count) { begin_ += count; }
  Result<bool> more();

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  static constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

  net::ByteSource& source_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace weir::clickhouse
