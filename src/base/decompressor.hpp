#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace weir {

// Takes compression off bytes, piece by piece; any number of members or frames one after another. Used by one thread.
class Decompressor {
 public:
  static std::unique_ptr<Decompressor> gzip();  // RFC 1952
  static std::unique_ptr<Decompressor> zlib();  // RFC 1950, which HTTP calls deflate (RFC 9110, section 8.4.1.2)
  static std::unique_ptr<Decompressor> zstd();  // RFC 8878
  static std::unique_ptr<Decompressor> lz4();   // LZ4's frame format (lz4_Frame_format.md of its repository)
  virtual ~Decompressor() = default;

  struct Step {
    std::size_t taken = 0;  // bytes of `in`
    std::size_t made = 0;   // bytes of `out`
  };
  // Goes on until `in` is taken or `out` is full. InvalidData for what is damaged; after an error no further call.
  virtual Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) = 0;

  // The last step filled its output: more may come without further input.
  bool has_more() const { return has_more_; }
  // The bytes may end here.
  bool is_complete() const { return !is_inside_; }
  virtual std::string_view name() const = 0;

 protected:
  bool is_inside_ = false;  // a member or a frame
  bool has_more_ = false;
};

}  // namespace weir
