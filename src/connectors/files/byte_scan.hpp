#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::files {

// The bytes that structure a text of records.
struct Marks {
  char delimiter = ',';
  char quote = '"';  // the delimiter again where nothing quotes
};

// Where a block's structural bytes stand, and what else has to be known about it.
struct ScanResult {
  std::vector<std::uint32_t> positions;  // of delimiters, quotes and line feeds, rising; the first `count` hold
  std::size_t count = 0;
  bool has_non_ascii = false;
  bool has_nul = false;
};

// Readers of text must be able to read this many bytes beyond its end; what stands there does not matter.
constexpr std::size_t kScanPadding = 64;

// Finds every delimiter, quote and line feed in text[0, size), 64 bytes at a time. `size` is below 4 GiB.
void scan(const char* text, std::size_t size, const Marks& marks, ScanResult& result);

// Counts a byte.
std::uint64_t count_byte(const char* text, std::size_t size, char byte);

// The first byte that is not valid UTF-8 (RFC 3629) or is NUL; `size` when there is none.
std::size_t find_invalid_text(const char* text, std::size_t size);

}  // namespace weir::files
