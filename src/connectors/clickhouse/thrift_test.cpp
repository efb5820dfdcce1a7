#include "connectors/clickhouse/thrift.hpp"

#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

// Field 1 (i32) = -3, 2 (binary) "ab", 4 (list of 2 structures {1: true}), 40 (i64) = 300.
const std::string kText{
    "\x15\x05\x18\x02"
    "ab"
    "\x29\x2C\x11\x00\x11\x00\x06\x50\xD8\x04\x00",
    17};

TEST(Thrift, ReadsAndWritesBackTheSameBytes) {
  const auto value = parse_thrift(kText);
  ASSERT_TRUE(value.ok()) << value.error().text();
  EXPECT_EQ(value->number_at(1, 0), -3);
  EXPECT_EQ(value->find(2)->bytes, "ab");
  EXPECT_EQ(value->find(4)->items.size(), 2U);
  EXPECT_EQ(value->find(4)->items[1].find(1)->type, ThriftType::True);
  EXPECT_EQ(value->number_at(40, 0), 300);
  EXPECT_EQ(value->find(3), nullptr);
  std::string out;
  append_thrift(out, *value);
  EXPECT_EQ(out, kText);
}

TEST(Thrift, StructuresThatAreLeftUnreadKeepTheirBytes) {
  const auto value = parse_thrift(kText, 4);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->find(4)->items[0].bytes, std::string("\x11\x00", 2));
  std::string out;
  append_thrift(out, *value);
  EXPECT_EQ(out, kText);
}

TEST(Thrift, FieldsStayInOrder) {
  auto value = ThriftValue::structure({{1, ThriftValue::i32(7)}, {10, ThriftValue::flag(false)}});
  value.set(6, ThriftValue::i32(8));
  value.set(1, ThriftValue::i32(9));
  value.erase(10);
  std::string out;
  append_thrift(out, value);
  EXPECT_EQ(out, std::string("\x15\x12\x55\x10\x00", 5));
}

TEST(Thrift, EveryTruncationIsAnError) {
  for (std::size_t size = 0; size < kText.size(); ++size) {
    EXPECT_FALSE(parse_thrift(std::string_view{kText}.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse_thrift(std::string(1000, '\x1C')).ok());  // structures without end
}

}  // namespace
}  // namespace weir::clickhouse
