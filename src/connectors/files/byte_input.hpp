#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file.hpp"
#include "connectors/files/file_kind.hpp"

namespace weir::files {

// The plain bytes of a file, decompressed where it is compressed. Used by one thread.
class ByteInput {
 public:
  virtual ~ByteInput() = default;
  // Fills up to `capacity` bytes; 0 at the end.
  virtual Result<std::size_t> read(char* into, std::size_t capacity) = 0;
  // Bytes taken from the file itself.
  virtual std::uint64_t bytes_taken() const = 0;
};

// Bytes of the file itself; `end` may lie beyond the file's.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = UINT64_MAX;
};

// NotFound when there is no such file. A range needs an uncompressed file.
Result<std::unique_ptr<ByteInput>> open_input(const std::filesystem::path& path, Compression compression,
                                              ByteRange range = {});

}  // namespace weir::files
