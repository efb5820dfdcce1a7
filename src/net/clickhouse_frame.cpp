#include "net/clickhouse_frame.hpp"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace weir::net {
namespace {

constexpr std::size_t kInnerHeaderBytes = kFrameHeaderBytes - kFrameChecksumBytes;
constexpr int kZstdLevel = 1;

template <typename T>
T read_little_endian(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void write_little_endian(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

const char* chars(std::span<const std::byte> bytes) { return reinterpret_cast<const char*>(bytes.data()); }
char* chars(std::byte* bytes) { return reinterpret_cast<char*>(bytes); }

Error broken(std::string_view what) {
  return Error::external(Code::InvalidData, "broken ClickHouse compressed frame: {}", what).retry(Retry::Never);
}

// Fills the whole buffer, or less at the end of the source.
Result<std::size_t> read_fully(ByteSource& source, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto got = WEIR_TRY(source.read(buffer.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  return filled;
}

std::size_t payload_bound(std::size_t data_bytes, FrameMethod method) {
  switch (method) {
    case FrameMethod::Lz4: return static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(data_bytes)));
    case FrameMethod::Zstd: return ZSTD_compressBound(data_bytes);
    case FrameMethod::None: break;
  }
  return data_bytes;
}

Result<std::size_t> encode_payload(std::span<const std::byte> data, std::span<std::byte> payload, FrameMethod method) {
  switch (method) {
    case FrameMethod::Lz4:
      return static_cast<std::size_t>(LZ4_compress_default(
          chars(data), chars(payload.data()), static_cast<int>(data.size()), static_cast<int>(payload.size())));
    case FrameMethod::Zstd: {
      const auto size = ZSTD_compress(payload.data(), payload.size(), data.data(), data.size(), kZstdLevel);
      if (ZSTD_isError(size)) return Error::bug("zstd: {}", ZSTD_getErrorName(size));
      return size;
    }
    case FrameMethod::None: break;
  }
  std::copy(data.begin(), data.end(), payload.begin());
  return data.size();
}

}  // namespace

Result<FrameHeader> parse_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes) {
  FrameHeader header;
  header.checksum = {read_little_endian<std::uint64_t>(bytes.data()), read_little_endian<std::uint64_t>(&bytes[8])};
  header.method = static_cast<FrameMethod>(bytes[16]);
  if (header.method != FrameMethod::None && header.method != FrameMethod::Lz4 && header.method != FrameMethod::Zstd) {
    return broken(fmt::format("unknown compression method 0x{:02x}", std::to_integer<int>(bytes[16])));
  }
  const std::size_t inner_bytes = read_little_endian<std::uint32_t>(&bytes[17]);
  header.data_bytes = read_little_endian<std::uint32_t>(&bytes[21]);
  if (inner_bytes < kInnerHeaderBytes || inner_bytes > kFrameDataBytesMax || header.data_bytes > kFrameDataBytesMax) {
    return broken("impossible size");
  }
  header.payload_bytes = inner_bytes - kInnerHeaderBytes;
  if (header.method == FrameMethod::None && header.payload_bytes != header.data_bytes) return broken("impossible size");
  return header;
}

Result<void> decode_frame(const FrameHeader& header, std::span<const std::byte> frame, std::span<std::byte> data) {
  WEIR_CHECK(frame.size() == kFrameHeaderBytes + header.payload_bytes && data.size() == header.data_bytes);
  if (city_hash_128(frame.subspan(kFrameChecksumBytes)) != header.checksum) return broken("checksum mismatch");
  const auto payload = frame.subspan(kFrameHeaderBytes);
  switch (header.method) {
    case FrameMethod::Lz4: {
      const int size = LZ4_decompress_safe(chars(payload), chars(data.data()), static_cast<int>(payload.size()),
                                           static_cast<int>(data.size()));
      if (size != static_cast<int>(data.size())) return broken("LZ4 payload does not decompress");
      return {};
    }
    case FrameMethod::Zstd: {
      const auto size = ZSTD_decompress(data.data(), data.size(), payload.data(), payload.size());
      if (ZSTD_isError(size) || size != data.size()) return broken("ZSTD payload does not decompress");
      return {};
    }
    case FrameMethod::None: break;
  }
  std::copy(payload.begin(), payload.end(), data.begin());
  return {};
}

Result<void> append_frame(std::vector<std::byte>& out, std::span<const std::byte> data, FrameMethod method) {
  WEIR_CHECK(data.size() <= kFrameDataBytesMax);
  const auto start = out.size();
  out.resize(start + kFrameHeaderBytes + payload_bound(data.size(), method));
  const std::span<std::byte> frame(out.data() + start, out.size() - start);
  const auto payload_bytes = WEIR_TRY(encode_payload(data, frame.subspan(kFrameHeaderBytes), method));
  frame[16] = static_cast<std::byte>(method);
  write_little_endian(&frame[17], static_cast<std::uint32_t>(kInnerHeaderBytes + payload_bytes));
  write_little_endian(&frame[21], static_cast<std::uint32_t>(data.size()));
  const auto hash = city_hash_128(frame.subspan(kFrameChecksumBytes, kInnerHeaderBytes + payload_bytes));
  write_little_endian(&frame[0], hash.low);
  write_little_endian(&frame[8], hash.high);
  out.resize(start + kFrameHeaderBytes + payload_bytes);
  return {};
}

Result<bool> FrameDecoder::next_frame() {
  frame_.resize(kFrameHeaderBytes);
  const auto got = WEIR_TRY(read_fully(frames_, frame_));
  if (got == 0) return false;
  if (got < kFrameHeaderBytes) return broken("the stream ends within a header");
  const auto header = WEIR_TRY(parse_frame_header(std::span<const std::byte, kFrameHeaderBytes>(frame_)));
  frame_.resize(kFrameHeaderBytes + header.payload_bytes);
  const auto payload = std::span(frame_).subspan(kFrameHeaderBytes);
  if (WEIR_TRY(read_fully(frames_, payload)) < payload.size()) return broken("the stream ends within a frame");
  data_.resize(header.data_bytes);
  read_ = 0;
  WEIR_TRY(decode_frame(header, frame_, data_));
  return true;
}

Result<std::size_t> FrameDecoder::read(std::span<std::byte> buffer) {
  while (read_ == data_.size()) {
    if (!WEIR_TRY(next_frame())) return std::size_t{0};
  }
  const auto size = std::min(buffer.size(), data_.size() - read_);
  std::memcpy(buffer.data(), data_.data() + read_, size);
  read_ += size;
  return size;
}

Result<void> FrameEncoder::emit(std::span<const std::byte> data) {
  frame_.clear();
  WEIR_TRY(append_frame(frame_, data, method_));
  return frames_.write(frame_);
}

Result<void> FrameEncoder::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    // A whole frame's worth is not copied first.
    if (data_.empty() && bytes.size() >= kFrameDataBytes) {
      WEIR_TRY(emit(bytes.first(kFrameDataBytes)));
      bytes = bytes.subspan(kFrameDataBytes);
      continue;
    }
    const auto size = std::min(bytes.size(), kFrameDataBytes - data_.size());
    data_.insert(data_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(size);
    if (data_.size() < kFrameDataBytes) continue;
    WEIR_TRY(emit(data_));
    data_.clear();
  }
  return {};
}

Result<void> FrameEncoder::finish() {
  if (!data_.empty()) WEIR_TRY(emit(data_));
  data_.clear();
  return frames_.finish();
}

}  // namespace weir::net
