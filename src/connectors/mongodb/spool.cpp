#include "connectors/mongodb/spool.hpp"

#include <fcntl.h>
#include <lz4frame.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::mongodb {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{512} << 10;
constexpr std::size_t kHeadBytes = 2 * sizeof(std::uint32_t);  // of a block: its length, and that of its frame
constexpr std::size_t kBlockBytesMax = std::size_t{96} << 20;

void put_length(std::string& out, std::size_t length) {
  const auto value = static_cast<std::uint32_t>(length);
  std::array<char, sizeof value> bytes{};
  std::memcpy(bytes.data(), &value, sizeof value);
  out.append(bytes.data(), bytes.size());
}

std::uint32_t length_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// False at the end of the file.
Result<bool> read_exactly(int fd, std::string& bytes, std::size_t size) {
  bytes.resize(size);
  for (std::size_t done = 0; done < size;) {
    const auto got = ::read(fd, bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, "reading documents from disk");
    if (got == 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

Error damaged() {
  return Error{Fault::System, Code::InvalidData, "the documents of an earlier attempt are damaged on disk"}.hint(
      "remove the run's folder files/<run>/documents and run again");
}

}  // namespace

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::create(const std::filesystem::path& path) {
  Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return Error::from_errno(errno, "opening " + path.string());
  return std::unique_ptr<SpoolWriter>(new SpoolWriter(std::move(file)));
}

Result<void> SpoolWriter::add(const SpoolEntry& entry) {
  block_ += static_cast<char>(entry.kind);
  put_length(block_, entry.reason.size());
  block_ += entry.reason;
  put_length(block_, entry.bytes.size());
  block_.append(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
  return block_.size() < kBlockBytes ? Result<void>{} : flush();
}

Result<void> SpoolWriter::flush() {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max4MB;
  const auto bound = LZ4F_compressFrameBound(block_.size(), &preferences);
  packed_.clear();
  put_length(packed_, block_.size());
  packed_.resize(kHeadBytes + bound);
  const auto size = LZ4F_compressFrame(packed_.data() + kHeadBytes, bound, block_.data(), block_.size(), &preferences);
  if (LZ4F_isError(size) != 0) return Error::bug("LZ4: {}", LZ4F_getErrorName(size));
  const auto frame = static_cast<std::uint32_t>(size);
  std::memcpy(packed_.data() + sizeof(std::uint32_t), &frame, sizeof frame);
  packed_.resize(kHeadBytes + size);
  block_.clear();
  bytes_written_ += packed_.size();
  return write_all(file_.get(), packed_, "keeping documents on disk");
}

Result<void> SpoolWriter::finish() {
  if (!block_.empty()) WEIR_TRY(flush());
  bytes_written_ += kHeadBytes;
  return write_all(file_.get(), std::string(kHeadBytes, '\0'), "keeping documents on disk");
}

struct SpoolReader::Unpacker {
  LZ4F_dctx* context = nullptr;

  Unpacker() { LZ4F_createDecompressionContext(&context, LZ4F_VERSION); }
  ~Unpacker() { LZ4F_freeDecompressionContext(context); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
};

SpoolReader::SpoolReader(Descriptor file, SpoolShare share, Await await)
    : file_(std::move(file)), unpacker_(std::make_unique<Unpacker>()), share_(share), await_(std::move(await)) {}
SpoolReader::~SpoolReader() = default;

Result<std::unique_ptr<SpoolReader>> SpoolReader::open(const std::filesystem::path& path, SpoolShare share,
                                                       Await await) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return Error::from_errno(errno, "opening " + path.string());
  return std::unique_ptr<SpoolReader>(new SpoolReader(std::move(file), share, std::move(await)));
}

Result<bool> SpoolReader::read_block() {
  while (true) {
    if (await_) WEIR_TRY(await_(position_));
    std::string head;
    if (!WEIR_TRY(read_exactly(file_.get(), head, kHeadBytes))) return damaged();
    const std::size_t size = length_at(head, 0);
    const std::size_t frame = length_at(head, sizeof(std::uint32_t));
    if (size == 0 && frame == 0) return false;
    if (size > kBlockBytesMax || frame > kBlockBytesMax) return damaged();
    position_ += kHeadBytes + frame;
    if (next_block_++ % share_.step == share_.first) {
      bytes_read_ += kHeadBytes + frame;
      WEIR_TRY(unpack(size, frame));
      return true;
    }
    if (::lseek(file_.get(), static_cast<off_t>(position_), SEEK_SET) < 0)
      return Error::from_errno(errno, "reading documents from disk");
  }
}

Result<void> SpoolReader::unpack(std::size_t size, std::size_t frame) {
  if (!WEIR_TRY(read_exactly(file_.get(), packed_, frame))) return damaged();
  block_.resize(size);
  std::size_t written = 0;
  std::size_t read = 0;
  while (read < frame) {
    auto to = size - written;
    auto from = frame - read;
    const auto rest =
        LZ4F_decompress(unpacker_->context, block_.data() + written, &to, packed_.data() + read, &from, nullptr);
    if (LZ4F_isError(rest) != 0) return damaged();
    written += to;
    read += from;
    if (rest == 0) break;
    if (to == 0 && from == 0) return damaged();
  }
  at_ = 0;
  return written == size ? Result<void>{} : damaged();
}

Result<std::optional<SpoolEntry>> SpoolReader::next() {
  if (ended_) return std::optional<SpoolEntry>{};
  if (at_ == block_.size() && !WEIR_TRY(read_block())) {
    ended_ = true;
    return std::optional<SpoolEntry>{};
  }
  // The checksum vouches for what the lengths say.
  const std::string_view block = block_;
  SpoolEntry entry;
  entry.kind = static_cast<SpoolEntry::Kind>(block[at_++]);
  const std::size_t reason = length_at(block, at_);
  entry.reason = block.substr(at_ + sizeof(std::uint32_t), reason);
  at_ += sizeof(std::uint32_t) + reason;
  const std::size_t size = length_at(block, at_);
  at_ += sizeof(std::uint32_t);
  entry.bytes = {reinterpret_cast<const std::uint8_t*>(block.data() + at_), size};
  at_ += size;
  return std::optional{entry};
}

bool SpoolReader::is_complete(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return false;
  while (true) {
    std::string head;
    const auto got = read_exactly(file.get(), head, kHeadBytes);
    if (!got.ok() || !*got) return false;
    const std::size_t frame = length_at(head, sizeof(std::uint32_t));
    if (frame == 0) return true;
    if (::lseek(file.get(), static_cast<off_t>(frame), SEEK_CUR) < 0) return false;
  }
}

}  // namespace weir::mongodb
