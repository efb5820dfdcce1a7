#include <gtest/gtest.h>

#include "data/batch.hpp"

namespace weir::data {
namespace {

TEST(Type, TextParsesBack) {
  const std::vector<Type> types{
      type_of(Kind::Bool),
      type_of(Kind::UInt64),
      decimal(76, 38),
      time_of(TimeUnit::Nano),
      timestamp(TimeUnit::Milli),
      timestamp(TimeUnit::Micro, "Europe/Moscow"),
      list_of(decimal(9, 2), Nullable::No),
      struct_of({{"a", type_of(Kind::Int8), Nullable::No}, {"b", list_of(type_of(Kind::String)), Nullable::Yes}})};
  for (const auto& type : types) {
    const auto parsed = parse_type(type.text());
    ASSERT_TRUE(parsed.has_value()) << type.text();
    EXPECT_EQ(*parsed, type) << type.text();
  }
  for (const auto* text : {"", "int", "decimal(77,0)", "decimal(5,6)", "list<int8", "timestamp(xs)", "int8 x"}) {
    EXPECT_FALSE(parse_type(text).has_value()) << text;
  }
}

TEST(ColumnBuilder, KeepsNullsAcrossByteBoundaries) {
  ColumnBuilder builder{type_of(Kind::Int32)};
  for (std::int32_t i = 0; i < 100; ++i) i % 9 == 8 ? builder.append_null() : builder.append(i);
  const auto column = builder.finish();
  ASSERT_EQ(column.rows(), 100U);
  EXPECT_EQ(column.nulls(), 11U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(column.is_null(i), i % 9 == 8) << i;
    if (i % 9 == 8) continue;
    EXPECT_EQ(column.values<std::int32_t>()[i], static_cast<std::int32_t>(i));
  }
}

TEST(ColumnBuilder, IsReusableAfterFinish) {
  ColumnBuilder builder{type_of(Kind::String)};
  builder.append_text("one");
  builder.append_null();
  EXPECT_EQ(builder.finish().text(0), "one");
  builder.append_text("two");
  const auto column = builder.finish();
  EXPECT_EQ(column.rows(), 1U);
  EXPECT_EQ(column.nulls(), 0U);
  EXPECT_EQ(column.text(0), "two");
}

TEST(ColumnBuilder, BuildsListsOfStructs) {
  ColumnBuilder builder{
      list_of(struct_of({{"n", type_of(Kind::Int64), Nullable::No}, {"ok", type_of(Kind::Bool), Nullable::No}}))};
  auto& element = builder.child(0);
  for (std::int64_t n = 0; n < 3; ++n) {
    element.child(0).append(n);
    element.child(1).append_bool(n == 1);
    element.append_nested();
  }
  builder.append_nested();
  builder.append_null();
  const auto column = builder.finish();
  EXPECT_EQ(column.offsets()[1], 3);
  EXPECT_EQ(column.offsets()[2], 3);
  EXPECT_TRUE(column.is_null(1));
  EXPECT_TRUE(column.children()[0].children()[1].bit(1));
  EXPECT_FALSE(column.children()[0].children()[1].bit(2));
}

TEST(ColumnBuilder, BlocksOfValuesCanBeMarkedNullAfterwards) {
  ColumnBuilder builder{type_of(Kind::UInt16)};
  builder.append_null();
  auto* values = reinterpret_cast<std::uint16_t*>(builder.extend_values(20));
  for (std::uint16_t i = 0; i < 20; ++i) values[i] = i;
  builder.set_null(20);
  const auto column = builder.finish();
  EXPECT_EQ(column.nulls(), 2U);
  EXPECT_FALSE(column.is_null(19));
  EXPECT_EQ(column.values<std::uint16_t>()[19], 18);
}

}  // namespace
}  // namespace weir::data
