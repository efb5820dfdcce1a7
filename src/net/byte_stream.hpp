#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace weir::net {

// Bytes that somebody pulls: a request's body, a file, another source decoded. Used by one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills a part of the buffer (at least one byte, unless the buffer is empty); 0 at the end.
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

// Bytes that somebody pushes: a response's body, another sink's encoder. Used by one thread at a time.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Returns when the bytes are handed on; a slow receiver makes it wait.
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  // No more bytes: writes what an encoder still holds. Finishes what stands behind it as well.
  virtual Result<void> finish() = 0;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace weir::net
