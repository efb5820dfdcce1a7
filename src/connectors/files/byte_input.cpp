#include "connectors/files/byte_input.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "base/decompressor.hpp"

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

class CompressedInput final : public ByteInput {
 public:
  CompressedInput(std::unique_ptr<ByteInput> file, std::unique_ptr<Decompressor> decompressor, std::string name)
      : file_(std::move(file)), decompressor_(std::move(decompressor)), name_(std::move(name)) {}

  Result<std::size_t> read(char* into, std::size_t capacity) override {
    while (true) {
      if (rest_.empty() && !decompressor_->has_more()) {
        rest_ = std::span{buffer_}.first(WEIR_TRY(file_->read(buffer_.data(), buffer_.size())));
        if (rest_.empty()) return end();
      }
      const auto step =
          WEIR_TRY(decompressor_->step(std::as_bytes(rest_), std::as_writable_bytes(std::span{into, capacity}))
                       .while_doing("reading " + name_));
      rest_ = rest_.subspan(step.taken);
      if (step.made != 0) return step.made;
    }
  }
  std::uint64_t bytes_taken() const override { return file_->bytes_taken(); }

 private:
  Result<std::size_t> end() const {
    if (decompressor_->is_complete()) return std::size_t{0};
    return Error{Fault::External, Code::InvalidData,
                 fmt::format("{} file ends in its middle: {}", decompressor_->name(), name_)};
  }

  std::unique_ptr<ByteInput> file_;
  std::unique_ptr<Decompressor> decompressor_;
  std::string name_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} << 10);
  std::span<char> rest_;  // of the buffer
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
    case Compression::Gzip:
      return std::make_unique<CompressedInput>(std::move(plain), Decompressor::gzip(), path.string());
    case Compression::Zstd:
      return std::make_unique<CompressedInput>(std::move(plain), Decompressor::zstd(), path.string());
    case Compression::None: break;
  }
  return plain;
}

}  // namespace weir::files
