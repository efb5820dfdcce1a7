#include "warehouse/content_coding.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::warehouse {
namespace {

constexpr auto kAll = {ContentCoding::Gzip, ContentCoding::Deflate, ContentCoding::Zstd, ContentCoding::Lz4};

class TextSink final : public net::ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text.append(net::as_text(bytes));
    return {};
  }
  Result<void> finish() override { return {}; }
  std::string text;
};

class TextSource final : public net::ByteSource {
 public:
  TextSource(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = std::min({buffer.size(), piece_, text_.size() - at_});
    std::copy_n(net::as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), size, buffer.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

std::string encode(ContentCoding coding, std::string_view text) {
  TextSink sink;
  const auto encoder = make_content_encoder(coding, sink);
  for (std::size_t at = 0; at < text.size(); at += 100'000) {
    EXPECT_TRUE(encoder->write(net::as_bytes(text.substr(at, 100'000))).ok());
  }
  EXPECT_TRUE(encoder->finish().ok());
  return sink.text;
}

Result<std::string> decode(ContentCoding coding, std::string text, std::size_t piece = 1000) {
  TextSource source(std::move(text), piece);
  const auto decoder = make_content_decoder(coding, source);
  std::string decoded;
  std::byte buffer[777];
  for (;;) {
    const auto got = WEIR_TRY(decoder->read(buffer));
    if (got == 0) return decoded;
    decoded.append(net::as_text(std::span(buffer, got)));
  }
}

std::string some_text() {
  std::string text;
  for (unsigned i = 0; text.size() < 700'000; ++i) text += std::to_string(i * 2654435761u) + "\n";
  return text;
}

TEST(ContentCoding, RoundTrips) {
  const auto text = some_text();
  for (const auto coding : kAll) {
    for (const auto& sample : {std::string(), std::string("x"), text}) {
      const auto decoded = decode(coding, encode(coding, sample));
      ASSERT_TRUE(decoded.ok()) << name(coding) << ": " << decoded.error().text();
      EXPECT_EQ(*decoded, sample) << name(coding);
    }
    EXPECT_LT(encode(coding, text).size(), text.size()) << name(coding);
  }
}

TEST(ContentCoding, ReadsFramesOneAfterAnother) {
  for (const auto coding : kAll) {
    const auto decoded = decode(coding, encode(coding, "one") + encode(coding, "two"), 1);
    ASSERT_TRUE(decoded.ok()) << name(coding);
    EXPECT_EQ(*decoded, "onetwo") << name(coding);
  }
}

TEST(ContentCoding, RefusesWhatEndsEarlyOrIsSomethingElse) {
  for (const auto coding : kAll) {
    const auto encoded = encode(coding, some_text());
    for (const auto size : {std::size_t{1}, std::size_t{10}, encoded.size() / 2, encoded.size() - 1}) {
      EXPECT_FALSE(decode(coding, encoded.substr(0, size)).ok()) << name(coding) << " " << size;
    }
    const auto garbage = decode(coding, "this is not compressed at all");
    ASSERT_FALSE(garbage.ok()) << name(coding);
    EXPECT_EQ(garbage.error().code(), Code::InvalidData);
  }
}

TEST(ContentCoding, ChoosesTheCheapestThatIsAccepted) {
  EXPECT_EQ(choose_content_coding("gzip, deflate, br, zstd"), ContentCoding::Zstd);
  EXPECT_EQ(choose_content_coding("br;q=1, gzip;q=0.5"), ContentCoding::Gzip);
  EXPECT_EQ(choose_content_coding("lz4;q=0, deflate"), ContentCoding::Deflate);
  EXPECT_EQ(choose_content_coding("identity"), std::nullopt);
  EXPECT_EQ(choose_content_coding(""), std::nullopt);
}

}  // namespace
}  // namespace weir::warehouse
