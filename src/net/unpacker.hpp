#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/decompressor.hpp"

namespace weir::net {

// Takes what a file was compressed with off it while its bytes come: gzip (RFC 1952) or zstd (RFC 8878), known by the first
// bytes, any number of members or frames. Everything else, which no text begins like, passes through. Used by one thread.
class Unpacker {
 public:
  using Take = std::function<Result<void>(std::span<const std::byte> bytes)>;

  // More unpacked bytes than `bytes_max` are an error: what a bomb comes up against.
  Unpacker(std::uint64_t bytes_max, Take take);

  // InvalidData for what is damaged, ResourceExhausted beyond bytes_max, what `take` returned. After an error no further call.
  Result<void> write(std::span<const std::byte> bytes);
  // InvalidData where the bytes end in the middle of what is compressed.
  Result<void> finish();

 private:
  Result<void> unpack(std::span<const std::byte> bytes);
  Result<void> pass(std::span<const std::byte> bytes);

  const std::uint64_t bytes_max_;
  const Take take_;
  std::string begin_;  // too little to tell what it is
  bool is_known_ = false;
  std::unique_ptr<Decompressor> decompressor_;  // none: the bytes pass through
  std::vector<std::byte> out_;
  std::uint64_t bytes_ = 0;
};

}  // namespace weir::net
