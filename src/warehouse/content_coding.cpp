#include "warehouse/content_coding.hpp"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/decompressor.hpp"

namespace weir::warehouse {
namespace {

constexpr std::size_t kPieceBytes = 128 * 1024;
// Fast rather than small: the client is on this machine.
constexpr int kZlibLevel = 1;
constexpr int kZstdLevel = 1;

Error broken(ContentCoding coding, std::string_view what) {
  return Error::user(Code::InvalidData, "The request's body is not {}: {}. (CANNOT_DECOMPRESS)", name(coding), what)
      .native_code("271");
}

class ContentDecoder final : public net::ByteSource {
 public:
  ContentDecoder(ContentCoding coding, std::unique_ptr<Decompressor> decompressor, net::ByteSource& coded)
      : coding_(coding), decompressor_(std::move(decompressor)), coded_(coded), in_(kPieceBytes) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return std::size_t{0};
    while (true) {
      if (rest_.empty() && !decompressor_->has_more()) {
        rest_ = std::span{in_}.first(WEIR_TRY(coded_.read(in_)));
        if (rest_.empty() && !decompressor_->is_complete()) return broken(coding_, "it ends early");
        if (rest_.empty()) return std::size_t{0};
      }
      const auto step = decompressor_->step(rest_, buffer);
      if (!step.ok()) return broken(coding_, "it is damaged");
      rest_ = rest_.subspan(step->taken);
      if (step->made != 0) return step->made;
    }
  }

 private:
  const ContentCoding coding_;
  const std::unique_ptr<Decompressor> decompressor_;
  net::ByteSource& coded_;
  std::vector<std::byte> in_;
  std::span<std::byte> rest_;  // of what was read
};

// zlib takes bytes through pointers without const, and does not write through them.
Bytef* zlib_bytes(std::span<const std::byte> bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

class ZlibEncoder final : public net::ByteSink {
 public:
  ZlibEncoder(ContentCoding coding, net::ByteSink& coded) : coded_(coded), out_(kPieceBytes) {
    ::deflateInit2(&stream_, kZlibLevel, Z_DEFLATED, coding == ContentCoding::Gzip ? 15 + 16 : 15, 8,
                   Z_DEFAULT_STRATEGY);
  }
  ~ZlibEncoder() override { ::deflateEnd(&stream_); }

  Result<void> write(std::span<const std::byte> bytes) override { return deflate(bytes, Z_NO_FLUSH); }
  Result<void> finish() override {
    WEIR_TRY(deflate({}, Z_FINISH));
    return coded_.finish();
  }

 private:
  Result<void> deflate(std::span<const std::byte> bytes, int flush) {
    stream_.next_in = zlib_bytes(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = zlib_bytes(out_);
      stream_.avail_out = static_cast<uInt>(out_.size());
      ::deflate(&stream_, flush);
      const auto size = out_.size() - stream_.avail_out;
      if (size > 0) WEIR_TRY(coded_.write(std::span(out_).first(size)));
    } while (stream_.avail_out == 0);
    return {};
  }

  net::ByteSink& coded_;
  std::vector<std::byte> out_;
  z_stream stream_{};
};

class ZstdEncoder final : public net::ByteSink {
 public:
  explicit ZstdEncoder(net::ByteSink& coded) : coded_(coded), out_(kPieceBytes) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
  }

  Result<void> write(std::span<const std::byte> bytes) override { return compress(bytes, ZSTD_e_continue); }
  Result<void> finish() override {
    WEIR_TRY(compress({}, ZSTD_e_end));
    return coded_.finish();
  }

 private:
  Result<void> compress(std::span<const std::byte> bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer to{out_.data(), out_.size(), 0};
      const auto left = ZSTD_compressStream2(context_.get(), &to, &from, directive);
      if (ZSTD_isError(left)) return Error::bug("zstd: {}", ZSTD_getErrorName(left));
      if (to.pos > 0) WEIR_TRY(coded_.write(std::span(out_).first(to.pos)));
      if (directive == ZSTD_e_end ? left == 0 : from.pos == from.size) return {};
    }
  }

  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  net::ByteSink& coded_;
  std::vector<std::byte> out_;
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

class Lz4Encoder final : public net::ByteSink {
 public:
  explicit Lz4Encoder(net::ByteSink& coded)
      : coded_(coded), out_(LZ4F_compressBound(kPieceBytes, nullptr) + LZ4F_HEADER_SIZE_MAX) {
    LZ4F_createCompressionContext(&context_, LZ4F_VERSION);
  }
  ~Lz4Encoder() override { LZ4F_freeCompressionContext(context_); }

  Result<void> write(std::span<const std::byte> bytes) override {
    WEIR_TRY(begin());
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
      bytes = bytes.subspan(piece.size());
      WEIR_TRY(emit(LZ4F_compressUpdate(context_, out_.data(), out_.size(), piece.data(), piece.size(), nullptr)));
    }
    return {};
  }
  Result<void> finish() override {
    WEIR_TRY(begin());
    WEIR_TRY(emit(LZ4F_compressEnd(context_, out_.data(), out_.size(), nullptr)));
    return coded_.finish();
  }

 private:
  Result<void> begin() {
    if (begun_) return {};
    begun_ = true;
    return emit(LZ4F_compressBegin(context_, out_.data(), out_.size(), nullptr));
  }
  Result<void> emit(std::size_t size) {
    if (LZ4F_isError(size)) return Error::bug("lz4: {}", LZ4F_getErrorName(size));
    if (size == 0) return {};
    return coded_.write(std::span(out_).first(size));
  }

  net::ByteSink& coded_;
  std::vector<std::byte> out_;
  LZ4F_cctx* context_ = nullptr;
  bool begun_ = false;
};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::string_view name(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::Gzip: return "gzip";
    case ContentCoding::Deflate: return "deflate";
    case ContentCoding::Zstd: return "zstd";
    case ContentCoding::Lz4: return "lz4";
  }
  return "";
}

std::optional<ContentCoding> parse_content_coding(std::string_view text) {
  for (const auto coding : {ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Zstd, ContentCoding::Lz4}) {
    if (text == name(coding)) return coding;
  }
  return std::nullopt;
}

std::optional<ContentCoding> choose_content_coding(std::string_view accept_encoding) {
  std::array<bool, 4> allowed{};
  while (!accept_encoding.empty()) {
    const auto end = std::min(accept_encoding.find(','), accept_encoding.size());
    const auto item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const auto mark = std::min(item.find(';'), item.size());
    const auto quality = item.substr(mark);
    if (const auto value = quality.find("q="); value != std::string_view::npos) {
      if (std::strtod(std::string(quality.substr(value + 2)).c_str(), nullptr) == 0) continue;
    }
    if (const auto coding = parse_content_coding(trim(item.substr(0, mark)))) {
      allowed[static_cast<std::size_t>(*coding)] = true;
    }
  }
  for (const auto coding : {ContentCoding::Lz4, ContentCoding::Zstd, ContentCoding::Gzip, ContentCoding::Deflate}) {
    if (allowed[static_cast<std::size_t>(coding)]) return coding;
  }
  return std::nullopt;
}

std::unique_ptr<net::ByteSource> make_content_decoder(ContentCoding coding, net::ByteSource& coded) {
  std::unique_ptr<Decompressor> decompressor;
  switch (coding) {
    case ContentCoding::Gzip: decompressor = Decompressor::gzip(); break;
    case ContentCoding::Deflate: decompressor = Decompressor::zlib(); break;
    case ContentCoding::Zstd: decompressor = Decompressor::zstd(); break;
    case ContentCoding::Lz4: decompressor = Decompressor::lz4(); break;
  }
  return std::make_unique<ContentDecoder>(coding, std::move(decompressor), coded);
}

std::unique_ptr<net::ByteSink> make_content_encoder(ContentCoding coding, net::ByteSink& coded) {
  switch (coding) {
    case ContentCoding::Zstd: return std::make_unique<ZstdEncoder>(coded);
    case ContentCoding::Lz4: return std::make_unique<Lz4Encoder>(coded);
    case ContentCoding::Gzip:
    case ContentCoding::Deflate: break;
  }
  return std::make_unique<ZlibEncoder>(coding, coded);
}

}  // namespace weir::warehouse
