#include "net/unpacker.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "net/byte_stream.hpp"

namespace weir::net {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

// What comes of it when it arrives in pieces; or the error.
std::string unpacked(std::string_view packed, std::size_t piece, std::uint64_t bytes_max = 1U << 30) {
  std::string text;
  Unpacker unpacker{bytes_max, [&](std::span<const std::byte> bytes) -> Result<void> {
                      text += as_text(bytes);
                      return {};
                    }};
  for (; !packed.empty(); packed.remove_prefix(std::min(piece, packed.size()))) {
    if (auto written = unpacker.write(as_bytes(packed.substr(0, piece))); !written.ok()) return written.error().text();
  }
  if (auto finished = unpacker.finish(); !finished.ok()) return finished.error().text();
  return text;
}

// Larger than what is unpacked at once.
std::string long_text() {
  std::string text;
  for (int i = 0; text.size() < 700'000; ++i) text += std::to_string(i * 7919) + "\n";
  return text;
}

TEST(Unpacker, TakesOffWhateverPieceItComesIn) {
  const auto text = long_text();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{4096}, std::size_t{10'000'000}}) {
    EXPECT_EQ(unpacked(gzip(text), piece), text) << piece;
    EXPECT_EQ(unpacked(zstd(text), piece), text) << piece;
    EXPECT_EQ(unpacked(gzip("one\n") + gzip("") + gzip(text), piece), "one\n" + text) << piece;
    EXPECT_EQ(unpacked(zstd("one\n") + zstd("") + zstd(text), piece), "one\n" + text) << piece;
    EXPECT_EQ(unpacked(text, piece), text) << piece;
  }
  EXPECT_EQ(unpacked("", 1), "");
  EXPECT_EQ(unpacked("[1]", 1), "[1]");
  EXPECT_EQ(unpacked(gzip(std::string(300'000'0, 'a')), 7), std::string(300'000'0, 'a'));
}

TEST(Unpacker, NamesWhatIsCutOffOrDamagedOrTooMuch) {
  const auto text = long_text();
  for (const std::size_t left : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{9}, std::size_t{5000}}) {
    EXPECT_EQ(unpacked(gzip(text).substr(0, left), 2), "gzip that ends in its middle") << left;
  }
  const auto whole = gzip(text);
  EXPECT_EQ(unpacked(whole.substr(0, whole.size() - 1), 999), "gzip that ends in its middle");
  EXPECT_EQ(unpacked(zstd(text).substr(0, 5000), 999), "zstd that ends in its middle");
  auto damaged = whole;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_EQ(unpacked(damaged, 999), "not gzip, or damaged");
  EXPECT_EQ(unpacked(whole + "more", 999), "not gzip, or damaged");
  EXPECT_EQ(unpacked(gzip(std::string(1'000'000, 'a')), 100, 999'999), "more than 999999 bytes, unpacked");
  EXPECT_EQ(unpacked(gzip(std::string(1'000'000, 'a')), 100, 1'000'000).size(), 1'000'000U);
}

}  // namespace
}  // namespace weir::net
