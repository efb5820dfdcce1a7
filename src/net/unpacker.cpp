#include "net/unpacker.hpp"

#include <fmt/format.h>

#include <string_view>

#include "net/byte_stream.hpp"

namespace weir::net {
namespace {

using namespace std::string_view_literals;

constexpr auto kGzipMagic = "\x1f\x8b"sv;
constexpr auto kZstdMagic = "\x28\xb5\x2f\xfd"sv;
constexpr std::size_t kOutBytes = std::size_t{256} << 10;

Error cut_off(std::string_view name) {
  return Error{Fault::External, Code::InvalidData, fmt::format("{} that ends in its middle", name)}.retry(Retry::Later);
}

}  // namespace

Unpacker::Unpacker(std::uint64_t bytes_max, Take take) : bytes_max_(bytes_max), take_(std::move(take)) {}

Result<void> Unpacker::pass(std::span<const std::byte> bytes) {
  bytes_ += bytes.size();
  if (bytes_ > bytes_max_) {
    return Error{Fault::External, Code::ResourceExhausted, fmt::format("more than {} bytes, unpacked", bytes_max_)}
        .retry(Retry::Never);
  }
  return take_(bytes);
}

Result<void> Unpacker::unpack(std::span<const std::byte> bytes) {
  if (!decompressor_) return pass(bytes);
  while (!bytes.empty() || decompressor_->has_more()) {
    auto stepped = decompressor_->step(bytes, out_);
    if (!stepped.ok()) return std::move(stepped).error().retry(Retry::Later);
    bytes = bytes.subspan(stepped->taken);
    if (stepped->made != 0) WEIR_TRY(pass(std::span{out_}.first(stepped->made)));
  }
  return {};
}

Result<void> Unpacker::write(std::span<const std::byte> bytes) {
  if (is_known_) return unpack(bytes);
  begin_ += as_text(bytes);
  if (begin_.size() < kZstdMagic.size()) return {};
  is_known_ = true;
  if (begin_.starts_with(kGzipMagic)) decompressor_ = Decompressor::gzip();
  if (begin_.starts_with(kZstdMagic)) decompressor_ = Decompressor::zstd();
  if (decompressor_) out_.resize(kOutBytes);
  return unpack(as_bytes(std::exchange(begin_, {})));
}

Result<void> Unpacker::finish() {
  if (!is_known_) {
    if (!begin_.empty() && (kGzipMagic.starts_with(begin_) || begin_.starts_with(kGzipMagic))) return cut_off("gzip");
    return pass(as_bytes(begin_));
  }
  if (decompressor_ && !decompressor_->is_complete()) return cut_off(decompressor_->name());
  return {};
}

}  // namespace weir::net
