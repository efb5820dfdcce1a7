#include "warehouse/native_reframe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "warehouse/native_type.hpp"

namespace weir::warehouse {
namespace {

using namespace std::string_literals;

const std::string kInfo = "\x01\0\x02\xff\xff\xff\xff\0"s;

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

class TextSink final : public net::ByteSink {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text.append(net::as_text(bytes));
    return {};
  }
  Result<void> finish() override { return {}; }
  std::string text;
};

Result<std::string> reframe(std::string block, std::size_t piece = 100'000) {
  TextSource source(std::move(block), piece);
  TextSink sink;
  WEIR_TRY(reframe_native(source, sink));
  return sink.text;
}

std::string number(std::uint64_t value) {
  std::string text(8, '\0');
  for (auto& byte : text) {
    byte = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return text;
}

// Name and type with their one-byte lengths.
std::string column(std::string_view name, std::string_view type) {
  return std::string(1, static_cast<char>(name.size())).append(name) + static_cast<char>(type.size()) +
         std::string(type);
}

struct Sample {
  std::string type;
  std::string values;  // of two rows
};

// Each layout once, with values that would derail a wrong step.
std::vector<Sample> samples() {
  return {
      {"Int32", "\1\2\3\4\5\6\7\x08"},
      {"String", "\3abc\0"s},
      {"FixedString(3)", "abcdef"},
      {"Decimal(38, 2)", std::string(32, 'd')},
      {"Decimal(9, 2)", std::string(8, 'd')},
      {"Enum8('a,(' = 1, 'b' = 2)", "\1\2"},
      {"DateTime64(3, 'Europe/Moscow')", std::string(16, 't')},
      {"Nullable(String)", "\0\1\2xy\0"s},
      {"Array(UInt16)", number(1) + number(3) + "aabbcc"},
      {"Array(Array(String))", number(1) + number(2) + number(0) + number(1) + "\1z"},
      {"Tuple(a Int8, `b (c` String)", "\1\2\1x\1y"},
      {"Map(String, UInt8)", number(2) + number(2) + "\1k\1l\5\6"},
      {"Nested(x Int8, y Int8)", number(0) + number(1) + "\1\2"},
      {"LowCardinality(Nullable(String))", number(1) + number(0x600) + number(2) + "\0\2hi"s + number(2) + "\1\0"s},
      {"Array(LowCardinality(String))",
       number(1) + number(1) + number(1) + number(0x601) + number(2) + "\0\2hi"s + number(1) + "\1\0"s},
      {"Variant(String, UInt16)", number(0) + "\1\0"s + "\1s" + "nn"},
      {"Point", std::string(32, 'p')},
      {"SimpleAggregateFunction(sum, UInt64)", std::string(16, 's')},
      {"IntervalDay", std::string(16, 'i')},
  };
}

TEST(NativeReframe, PutsTheRevisionsBytesIntoEveryBlock) {
  std::string plain = "\2\2"s + column("a", "UInt8") + "\7\x08" + column("s", "String") + "\1x\1y";
  std::string framed = kInfo + "\2\2" + column("a", "UInt8") + "\0\7\x08"s + column("s", "String") + "\0\1x\1y"s;
  const auto once = reframe(plain);
  ASSERT_TRUE(once.ok()) << once.error().text();
  EXPECT_EQ(*once, framed);
  EXPECT_EQ(*reframe(plain + plain), framed + framed);
}

TEST(NativeReframe, KnowsEveryLayout) {
  for (const auto& sample : samples()) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{100'000}}) {
      const auto plain = "\1\2" + column("c", sample.type) + sample.values;
      const auto framed = kInfo + "\1\2" + column("c", sample.type) + "\0"s + sample.values;
      const auto to_client = reframe(plain + plain, piece);
      ASSERT_TRUE(to_client.ok()) << sample.type << ": " << to_client.error().text();
      EXPECT_EQ(*to_client, framed + framed) << sample.type;
    }
  }
}

TEST(NativeReframe, PassesBlocksWithoutRows) {
  const auto plain = "\1\0"s + column("c", "LowCardinality(String)");
  EXPECT_EQ(*reframe(plain), kInfo + plain + "\0"s);
  EXPECT_EQ(*reframe(""), "");
}

TEST(NativeReframe, PassesLargeColumns) {
  std::string values;
  for (int i = 0; i < 200'000; ++i) values += i % 1000 == 0 ? "\xc8\1" + std::string(200, 'l') : "\5short";
  const auto plain = "\1\xc0\x9a\x0c"s + column("s", "String") + values;  // 200,000 rows
  const auto framed = reframe(plain, 65'536);
  ASSERT_TRUE(framed.ok()) << framed.error().text();
  EXPECT_EQ(*framed, kInfo + plain.substr(0, 13) + "\0"s + plain.substr(13));
}

TEST(NativeReframe, RefusesWhatItDoesNotKnow) {
  for (const auto* type :
       {"JSON", "Dynamic", "AggregateFunction(uniq, String)", "Array(Dynamic)", "Unheard", "Tuple()"}) {
    const auto result = reframe("\1\1" + column("c", type) + std::string(100, 'x'));
    ASSERT_FALSE(result.ok()) << type;
    EXPECT_EQ(result.error().native_code(), "48") << type;
  }
  const auto cut = reframe("\1\2" + column("c", "Int32") + "\1\2\3");
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code(), Code::InvalidData);
}

}  // namespace
}  // namespace weir::warehouse
