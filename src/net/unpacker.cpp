#include "net/unpacker.hpp"

#include <zlib.h>
#include <zstd.h>

#include <string_view>
#include <vector>

#include "net/byte_stream.hpp"

namespace weir::net {
namespace {

using namespace std::string_view_literals;

constexpr auto kGzipMagic = "\x1f\x8b"sv;
constexpr auto kZstdMagic = "\x28\xb5\x2f\xfd"sv;
constexpr std::size_t kOutBytes = std::size_t{256} << 10;

Error broken(std::string_view how) {
  return Error{Fault::External, Code::InvalidData, std::string{how}}.retry(Retry::Later);
}

}  // namespace

class Unpacker::Decoder {
 public:
  virtual ~Decoder() = default;
  virtual Result<void> write(std::span<const std::byte> bytes, const Take& take) = 0;
  virtual bool is_complete() const = 0;
  virtual std::string_view name() const = 0;

 protected:
  std::vector<std::byte> out_ = std::vector<std::byte>(kOutBytes);
};

class Unpacker::Gzip final : public Decoder {
 public:
  Gzip() {
    WEIR_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // the largest window, gzip headers only
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Result<void> write(std::span<const std::byte> bytes, const Take& take) override {
    // zlib wrote its interface before const; the input stays as it is.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in != 0) {
      if (!in_member_) inflateReset(&stream_);
      in_member_ = true;
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        const int outcome = inflate(&stream_, Z_NO_FLUSH);
        if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) return broken("damaged gzip");
        if (const auto got = out_.size() - stream_.avail_out; got != 0) WEIR_TRY(take(std::span{out_}.first(got)));
        in_member_ = outcome != Z_STREAM_END;
      } while (stream_.avail_out == 0 && in_member_);
    }
    return {};
  }
  bool is_complete() const override { return !in_member_; }
  std::string_view name() const override { return "gzip"; }

 private:
  z_stream stream_{};
  bool in_member_ = false;
};

class Unpacker::Zstd final : public Decoder {
 public:
  Zstd() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) { WEIR_CHECK(stream_ != nullptr); }

  Result<void> write(std::span<const std::byte> bytes, const Take& take) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool is_full = false;
    while (in.pos < in.size || is_full) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const auto left = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return broken("damaged zstd");
      if (out.pos != 0) WEIR_TRY(take(std::span{out_}.first(out.pos)));
      in_frame_ = left != 0;
      is_full = out.pos == out.size && in_frame_;
    }
    return {};
  }
  bool is_complete() const override { return !in_frame_; }
  std::string_view name() const override { return "zstd"; }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  bool in_frame_ = false;
};

Unpacker::Unpacker(std::uint64_t bytes_max, Take take) : bytes_max_(bytes_max), take_(std::move(take)) {}
Unpacker::~Unpacker() = default;

Result<void> Unpacker::pass(std::span<const std::byte> bytes) {
  bytes_ += bytes.size();
  if (bytes_ > bytes_max_) {
    return Error{Fault::External, Code::ResourceExhausted, fmt::format("more than {} bytes, unpacked", bytes_max_)}
        .retry(Retry::Never);
  }
  return take_(bytes);
}

Result<void> Unpacker::write(std::span<const std::byte> bytes) {
  const auto go_on = [this](std::span<const std::byte> some) -> Result<void> {
    if (!decoder_) return pass(some);
    return decoder_->write(some, [this](std::span<const std::byte> unpacked) { return pass(unpacked); });
  };
  if (is_known_) return go_on(bytes);
  begin_ += as_text(bytes);
  if (begin_.size() < kZstdMagic.size()) return {};
  is_known_ = true;
  if (begin_.starts_with(kGzipMagic)) decoder_ = std::make_unique<Gzip>();
  if (begin_.starts_with(kZstdMagic)) decoder_ = std::make_unique<Zstd>();
  return go_on(as_bytes(std::exchange(begin_, {})));
}

Result<void> Unpacker::finish() {
  if (!is_known_) {
    if (!begin_.empty() && (kGzipMagic.starts_with(begin_) || begin_.starts_with(kGzipMagic)))
      return broken("gzip that ends in its middle");
    return pass(as_bytes(begin_));
  }
  if (decoder_ && !decoder_->is_complete()) return broken(fmt::format("{} that ends in its middle", decoder_->name()));
  return {};
}

}  // namespace weir::net
