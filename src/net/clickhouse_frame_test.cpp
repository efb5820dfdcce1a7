#include "net/clickhouse_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::net {
namespace {

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 7 + size) % 256);
  return bytes;
}

class TextSource final : public ByteSource {
 public:
  TextSource(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = std::min({buffer.size(), piece_, text_.size() - at_});
    std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), size, buffer.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

class TextSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text.append(as_text(bytes));
    return {};
  }
  Result<void> finish() override {
    finished = true;
    return {};
  }
  std::string text;
  bool finished = false;
};

Result<std::string> read_all(ByteSource& source) {
  std::string text;
  std::byte buffer[1000];
  for (;;) {
    const auto got = WEIR_TRY(source.read(buffer));
    if (got == 0) return text;
    text.append(as_text(std::span(buffer, got)));
  }
}

std::string encode(std::string_view data, FrameMethod method) {
  TextSink sink;
  FrameEncoder encoder(sink, method);
  EXPECT_TRUE(encoder.write(as_bytes(data)).ok());
  EXPECT_TRUE(encoder.finish().ok());
  EXPECT_TRUE(sink.finished);
  return sink.text;
}

// The expected values come from the Python package clickhouse-cityhash 1.0.2, which wraps Google's sources of that version.
TEST(CityHash, EqualsVersion102) {
  struct Known {
    std::size_t size;
    Hash128 hash;
  };
  const Known known[] = {
      {0, {0x3df09dfc64c09a2b, 0x3cb540c392e51e29}},    {1, {0x5a03ab4f802b3f6c, 0x58a88a3c8a31e91a}},
      {3, {0x3108fa6b1da16986, 0x32301bf0c250612d}},    {4, {0x2b36229ba99aa334, 0x25e1c052f6408d75}},
      {7, {0x4d6955e1bc4624e3, 0x252e8c015f4c9bd0}},    {8, {0x9feb346ce8e35a98, 0xf2f9f1185545d8ba}},
      {11, {0x0b2e63b5c4baa7a6, 0x617d1f774d4ddffe}},   {15, {0x1443b6470aa1c7ff, 0x70f998835a684c59}},
      {16, {0x4e7e2890890c933d, 0x9b6511d6440477c7}},   {17, {0xf0e9ed04b1c7f44e, 0x8a17c6d04d5431ae}},
      {31, {0x99f185112aa9cd7e, 0xd42762edf0508928}},   {32, {0xadf0df935f46a6c9, 0x45c6069d82f7b2fc}},
      {33, {0x8a065e613be6ff11, 0x35542546810ca846}},   {100, {0xced681c78ad6c6cf, 0x8522ef787e570a9c}},
      {127, {0x2484cd18dc147d2c, 0x461eb40c3963012e}},  {128, {0x51bff79056911c90, 0x28a897f9bc9c1b9f}},
      {143, {0x2306b4d414b0d326, 0xe980bd41eb516895}},  {144, {0x9ba176029dbc7f22, 0xa99caea46164a108}},
      {145, {0x594221bdaeb6df1a, 0x9eb4a68bece02725}},  {175, {0x46436148dab729cd, 0x91164962bd2c69ec}},
      {176, {0x6e705dc8e6483661, 0xe684198697a28e51}},  {200, {0xaf07d3bba57a0d5b, 0x0981ef4f519d4454}},
      {1000, {0x99dd0d90658d4424, 0x70f54ed52c308cc0}}, {65537, {0x1029f166cf558b9b, 0x2c8dae3d07e07cc5}},
  };
  for (const auto& [size, hash] : known) {
    const auto actual = city_hash_128(pattern(size));
    EXPECT_EQ(actual.low, hash.low) << size;
    EXPECT_EQ(actual.high, hash.high) << size;
  }
}

TEST(ClickHouseFrame, WritesTheDocumentedBytes) {
  const auto frame = encode("abc", FrameMethod::None);
  ASSERT_EQ(frame.size(), kFrameHeaderBytes + 3);
  EXPECT_EQ(frame.substr(16), std::string("\x02\x0c\0\0\0\x03\0\0\0abc", 12));
}

TEST(ClickHouseFrame, RoundTripsEveryMethodOverSeveralFrames) {
  std::string data;
  while (data.size() < 3 * kFrameDataBytes + 17) data += std::to_string(data.size() * 2654435761u);
  for (const auto method : {FrameMethod::None, FrameMethod::Lz4, FrameMethod::Zstd}) {
    for (const std::size_t piece : {std::size_t{7}, std::size_t{100'000}}) {
      TextSource source(encode(data, method), piece);
      FrameDecoder decoder(source);
      const auto decoded = read_all(decoder);
      ASSERT_TRUE(decoded.ok()) << decoded.error().text();
      EXPECT_EQ(decoded.value(), data);
    }
  }
}

TEST(ClickHouseFrame, NothingWrittenIsNoFrame) { EXPECT_EQ(encode("", FrameMethod::Lz4), ""); }

TEST(ClickHouseFrame, RefusesWhatIsBroken) {
  const auto good = encode(std::string(1000, 'x'), FrameMethod::Lz4);
  const auto decode = [](std::string text) {
    TextSource source(std::move(text), 100);
    FrameDecoder decoder(source);
    return read_all(decoder);
  };
  ASSERT_TRUE(decode(good).ok());
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    const auto result = decode(bad);
    ASSERT_FALSE(result.ok()) << at;
    EXPECT_EQ(result.error().code(), Code::InvalidData) << at;
  }
  for (std::size_t size = 1; size < good.size(); ++size) EXPECT_FALSE(decode(good.substr(0, size)).ok()) << size;
}

}  // namespace
}  // namespace weir::net
