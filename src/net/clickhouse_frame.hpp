#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "net/city_hash.hpp"

// ClickHouse's own compressed frames: what `compress=1` and `decompress=1` carry over HTTP, the native protocol's blocks
// and the .bin files of MergeTree parts. A frame is (ClickHouse, src/Compression/ICompressionCodec.h, CompressedReadBufferBase):
//   16 bytes  CityHash128 v1.0.2 of everything after them, low half first
//    1 byte   method
//    4 bytes  size of header (these 9 bytes) and payload together, little-endian
//    4 bytes  size of the data, little-endian
//    …        payload
namespace weir::net {

enum class FrameMethod : std::uint8_t { None = 0x02, Lz4 = 0x82, Zstd = 0x90 };

constexpr std::size_t kFrameChecksumBytes = 16;
constexpr std::size_t kFrameHeaderBytes = 25;                     // checksum included
constexpr std::size_t kFrameDataBytesMax = std::size_t{1} << 30;  // ClickHouse refuses larger frames, and so do we
constexpr std::size_t kFrameDataBytes = std::size_t{1} << 20;     // what our encoder puts into one frame

struct FrameHeader {
  Hash128 checksum;
  FrameMethod method = FrameMethod::None;
  std::size_t payload_bytes = 0;
  std::size_t data_bytes = 0;
};

// InvalidData for a method that we do not know or sizes beyond the limit.
Result<FrameHeader> parse_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes);
// `frame` is header and payload; `data` has room for exactly header.data_bytes. Checks the checksum first.
Result<void> decode_frame(const FrameHeader& header, std::span<const std::byte> frame, std::span<std::byte> data);
// Appends one frame that holds `data` (at most kFrameDataBytesMax).
Result<void> append_frame(std::vector<std::byte>& out, std::span<const std::byte> data, FrameMethod method);

// The data in the frames that `frames` delivers. A stream that ends within a frame is InvalidData.
class FrameDecoder final : public ByteSource {
 public:
  explicit FrameDecoder(ByteSource& frames) : frames_(frames) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  Result<bool> next_frame();  // false at the end

  ByteSource& frames_;
  std::vector<std::byte> frame_;
  std::vector<std::byte> data_;
  std::size_t read_ = 0;  // of data_
};

// Cuts what is written into frames of kFrameDataBytes.
class FrameEncoder final : public ByteSink {
 public:
  FrameEncoder(ByteSink& frames, FrameMethod method) : frames_(frames), method_(method) {}
  Result<void> write(std::span<const std::byte> bytes) override;
  Result<void> finish() override;

 private:
  Result<void> emit(std::span<const std::byte> data);

  ByteSink& frames_;
  FrameMethod method_;
  std::vector<std::byte> data_;
  std::vector<std::byte> frame_;
};

}  // namespace weir::net
