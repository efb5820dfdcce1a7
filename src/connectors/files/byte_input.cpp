#include "connectors/files/byte_input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace weir::files {
namespace {

class PlainInput final : public ByteInput {
 public:
  PlainInput(Descriptor file, std::string doing, ByteRange range)
      : file_(std::move(file)), doing_(std::move(doing)), at_(range.begin), begin_(range.begin), end_(range.end) {}

  Result<std::size_t> read(char* into, std::size_t capacity) override {
    const auto wanted = std::min<std::uint64_t>(capacity, end_ - at_);
    for (;;) {
      const auto got = ::pread(file_.get(), into, wanted, static_cast<off_t>(at_));
      if (got >= 0) {
        at_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) return Error::from_errno(errno, doing_);
    }
  }
  std::uint64_t bytes_taken() const override { return at_ - begin_; }

 private:
  Descriptor file_;
  std::string doing_;
  std::uint64_t at_;
  std::uint64_t begin_;
  std::uint64_t end_;
};

// Compressed bytes on their way into a decoder.
class Compressed {
 public:
  Compressed(std::unique_ptr<ByteInput> file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  // Reads on once everything is taken; false at the file's end.
  Result<bool> fill() {
    if (begin != end) return true;
    begin = 0;
    end = WEIR_TRY(file_->read(buffer_.data(), buffer_.size()));
    return end != 0;
  }
  char* data() { return buffer_.data(); }
  std::uint64_t bytes_taken() const { return file_->bytes_taken(); }
  Error broken(std::string_view how) const {
    return Error{Fault::External, Code::InvalidData, fmt::format("{}: {}", how, name_)};
  }

  std::size_t begin = 0;
  std::size_t end = 0;

 private:
  std::unique_ptr<ByteInput> file_;
  std::string name_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} << 10);
};

// RFC 1952, any number of members one after another.
class GzipInput final : public ByteInput {
 public:
  explicit GzipInput(Compressed bytes) : bytes_(std::move(bytes)) {
    WEIR_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // the largest window, gzip headers only
  }
  ~GzipInput() override { inflateEnd(&stream_); }
  GzipInput(const GzipInput&) = delete;
  GzipInput& operator=(const GzipInput&) = delete;

  Result<std::size_t> read(char* into, std::size_t capacity) override {
    stream_.next_out = reinterpret_cast<Bytef*>(into);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, 1U << 30));
    const auto wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (!has_more_output_ && !WEIR_TRY(bytes_.fill())) {
        if (in_member_) return bytes_.broken("gzip file ends in its middle");
        return std::size_t{0};
      }
      if (!in_member_) inflateReset(&stream_);
      in_member_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(bytes_.data() + bytes_.begin);
      stream_.avail_in = static_cast<uInt>(bytes_.end - bytes_.begin);
      const int outcome = inflate(&stream_, Z_NO_FLUSH);
      bytes_.begin = bytes_.end - stream_.avail_in;
      if (outcome == Z_STREAM_END) {
        in_member_ = false;
      } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
        return bytes_.broken("not a gzip file, or a damaged one");
      }
      has_more_output_ = stream_.avail_out == 0 && in_member_;
    }
    return std::size_t{wanted - stream_.avail_out};
  }
  std::uint64_t bytes_taken() const override { return bytes_.bytes_taken(); }

 private:
  Compressed bytes_;
  z_stream stream_{};
  bool in_member_ = false;
  bool has_more_output_ = false;  // the last call filled its buffer: more may come without further input
};

// RFC 8878, any number of frames one after another.
class ZstdInput final : public ByteInput {
 public:
  explicit ZstdInput(Compressed bytes) : bytes_(std::move(bytes)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    WEIR_CHECK(stream_ != nullptr);
  }

  Result<std::size_t> read(char* into, std::size_t capacity) override {
    ZSTD_outBuffer out{into, capacity, 0};
    while (out.pos == 0) {
      if (!has_more_output_ && !WEIR_TRY(bytes_.fill())) {
        if (in_frame_) return bytes_.broken("zstd file ends in its middle");
        return std::size_t{0};
      }
      ZSTD_inBuffer in{bytes_.data(), bytes_.end, bytes_.begin};
      const auto left = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return bytes_.broken("not a zstd file, or a damaged one");
      bytes_.begin = in.pos;
      in_frame_ = left != 0;
      has_more_output_ = out.pos == out.size && in_frame_;
    }
    return out.pos;
  }
  std::uint64_t bytes_taken() const override { return bytes_.bytes_taken(); }

 private:
  Compressed bytes_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  bool in_frame_ = false;
  bool has_more_output_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteInput>> open_input(const std::filesystem::path& path, Compression compression,
                                              ByteRange range) {
  const auto doing = fmt::format("reading file: {}", path.string());
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return Error::from_errno(errno, doing);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  auto plain = std::make_unique<PlainInput>(std::move(file), doing, range);
  switch (compression) {
    case Compression::Gzip: return std::make_unique<GzipInput>(Compressed{std::move(plain), path.string()});
    case Compression::Zstd: return std::make_unique<ZstdInput>(Compressed{std::move(plain), path.string()});
    case Compression::None: break;
  }
  return plain;
}

}  // namespace weir::files
