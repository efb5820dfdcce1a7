#include "base/decompressor.hpp"

#include <fmt/format.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/check.hpp"

namespace weir {
namespace {

Error damaged(std::string_view name) {
  return Error{Fault::External, Code::InvalidData, fmt::format("not {}, or damaged", name)};
}

class Zlib final : public Decompressor {
 public:
  enum class Header { Gzip, Zlib };
  explicit Zlib(Header header) : header_(header) {
    constexpr int kLargestWindow = 15;
    constexpr int kGzipOnly = 16;
    WEIR_CHECK(inflateInit2(&stream_, header == Header::Gzip ? kLargestWindow + kGzipOnly : kLargestWindow) == Z_OK);
  }
  ~Zlib() override { inflateEnd(&stream_); }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;

  Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    constexpr std::size_t kAtOnce = std::size_t{1} << 30;
    const auto in_size = static_cast<uInt>(std::min(in.size(), kAtOnce));
    const auto out_size = static_cast<uInt>(std::min(out.size(), kAtOnce));
    // zlib wrote its interface before const; the input stays as it is.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    while (stream_.avail_out != 0 && (stream_.avail_in != 0 || has_more_)) {
      has_more_ = false;
      if (!is_inside_) inflateReset(&stream_);
      const int outcome = inflate(&stream_, Z_NO_FLUSH);
      if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) return damaged(name());
      is_inside_ = outcome != Z_STREAM_END;
    }
    has_more_ = stream_.avail_out == 0 && is_inside_;
    return Step{in_size - stream_.avail_in, out_size - stream_.avail_out};
  }
  std::string_view name() const override { return header_ == Header::Gzip ? "gzip" : "zlib"; }

 private:
  const Header header_;
  z_stream stream_{};
};

class Zstd final : public Decompressor {
 public:
  Zstd() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) { WEIR_CHECK(stream_ != nullptr); }

  Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size && (from.pos < from.size || has_more_)) {
      const auto left = ZSTD_decompressStream(stream_.get(), &to, &from);
      if (ZSTD_isError(left) != 0) return damaged(name());
      is_inside_ = left != 0;
      has_more_ = false;
    }
    has_more_ = to.pos == to.size && is_inside_;
    return Step{from.pos, to.pos};
  }
  std::string_view name() const override { return "zstd"; }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
};

class Lz4 final : public Decompressor {
 public:
  Lz4() { WEIR_CHECK(LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) == 0); }
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;

  Result<Step> step(std::span<const std::byte> in, std::span<std::byte> out) override {
    Step all;
    while (all.made < out.size() && (all.taken < in.size() || has_more_)) {
      auto taken = in.size() - all.taken;
      auto made = out.size() - all.made;
      const auto left = LZ4F_decompress(context_, out.data() + all.made, &made, in.data() + all.taken, &taken, nullptr);
      if (LZ4F_isError(left) != 0) return damaged(name());
      all.taken += taken;
      all.made += made;
      is_inside_ = left != 0;
      has_more_ = false;
    }
    has_more_ = all.made == out.size() && is_inside_;
    return all;
  }
  std::string_view name() const override { return "lz4"; }

 private:
  LZ4F_dctx* context_ = nullptr;
};

}  // namespace

std::unique_ptr<Decompressor> Decompressor::gzip() { return std::make_unique<Zlib>(Zlib::Header::Gzip); }
std::unique_ptr<Decompressor> Decompressor::zlib() { return std::make_unique<Zlib>(Zlib::Header::Zlib); }
std::unique_ptr<Decompressor> Decompressor::zstd() { return std::make_unique<Zstd>(); }
std::unique_ptr<Decompressor> Decompressor::lz4() { return std::make_unique<Lz4>(); }

}  // namespace weir
