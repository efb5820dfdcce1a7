#include "data/cast.hpp"

#include <gtest/gtest.h>

#include "data/text.hpp"

namespace weir::data {
namespace {

// Texts become a column; "NULL" is null.
Column column_of(const Type& type, const std::vector<std::string>& texts) {
  ColumnBuilder builder{type};
  for (const auto& text : texts) {
    if (text == "NULL") {
      builder.append_null();
    } else {
      EXPECT_TRUE(append_parsed(builder, text).ok()) << type.text() << ' ' << text;
    }
  }
  return builder.finish();
}

std::string casted(const Type& from, const std::string& text, const Type& to) {
  const auto column = cast(column_of(from, {"NULL", text}), to);
  if (!column.ok()) {
    EXPECT_EQ(column.error().code(), Code::TypeMismatch);
    return column.error().message();
  }
  EXPECT_EQ(column->type(), to);
  EXPECT_EQ(column->rows(), 2U);
  EXPECT_TRUE(column->is_null(0));
  return value_text(*column, 1);
}

const Type kInt8 = type_of(Kind::Int8);
const Type kInt32 = type_of(Kind::Int32);
const Type kInt64 = type_of(Kind::Int64);
const Type kUInt64 = type_of(Kind::UInt64);
const Type kFloat32 = type_of(Kind::Float32);
const Type kFloat64 = type_of(Kind::Float64);
const Type kDate = type_of(Kind::Date);
const Type kString = type_of(Kind::String);
const Type kBool = type_of(Kind::Bool);
const Type kJson = type_of(Kind::Json);

TEST(Cast, NumbersThatFit) {
  EXPECT_EQ(casted(kInt64, "-128", kInt8), "-128");
  EXPECT_EQ(casted(kInt8, "-128", kInt64), "-128");
  EXPECT_EQ(casted(kUInt64, "9223372036854775807", kInt64), "9223372036854775807");
  EXPECT_EQ(casted(kInt64, "9007199254740992", kFloat64), "9007199254740992");
  EXPECT_EQ(casted(kFloat64, "-9223372036854775808", kInt64), "-9223372036854775808");
  EXPECT_EQ(casted(kFloat64, "0.5", kFloat32), "0.5");
  EXPECT_EQ(casted(kFloat32, "nan", kFloat64), "nan");
  EXPECT_EQ(casted(kFloat64, "-inf", kFloat32), "-inf");
  EXPECT_EQ(casted(kInt64, "12", decimal(4, 2)), "12.00");
  EXPECT_EQ(casted(kUInt64, "18446744073709551615", decimal(76, 2)), "18446744073709551615.00");
  EXPECT_EQ(casted(decimal(38, 2), "12.00", kInt8), "12");
  EXPECT_EQ(casted(decimal(76, 0), "18446744073709551615", kUInt64), "18446744073709551615");
  EXPECT_EQ(casted(decimal(76, 0), "-9223372036854775808", kInt64), "-9223372036854775808");
  EXPECT_EQ(casted(decimal(9, 2), "-1.50", decimal(76, 70)), "-1.5" + std::string(69, '0'));
  EXPECT_EQ(casted(kFloat64, "1.25", decimal(9, 2)), "1.25");
  EXPECT_EQ(casted(decimal(9, 2), "1.25", kFloat64), "1.25");
  EXPECT_EQ(casted(kBool, "true", kInt8), "1");
  EXPECT_EQ(casted(kInt8, "0", kBool), "false");
}

TEST(Cast, NumbersThatDoNotFitAreNamed) {
  EXPECT_EQ(casted(kInt64, "128", kInt8), "row 2: int64 value does not fit int8: 128");
  EXPECT_EQ(casted(kInt8, "-1", kUInt64), "row 2: int8 value does not fit uint64: -1");
  EXPECT_EQ(casted(kInt64, "9007199254740993", kFloat64), "row 2: int64 value does not fit float64: 9007199254740993");
  EXPECT_EQ(casted(kUInt64, "18446744073709551615", kFloat64),
            "row 2: uint64 value does not fit float64: 18446744073709551615");
  EXPECT_EQ(casted(kFloat64, "9223372036854775808", kInt64),
            "row 2: float64 value does not fit int64: 9223372036854775808");
  EXPECT_EQ(casted(kFloat64, "1.5", kInt64), "row 2: float64 value does not fit int64: 1.5");
  EXPECT_EQ(casted(kFloat64, "nan", kInt64), "row 2: float64 value does not fit int64: nan");
  EXPECT_EQ(casted(kFloat64, "0.1", kFloat32), "row 2: float64 value does not fit float32: 0.1");
  EXPECT_EQ(casted(kFloat64, "nan", decimal(9, 2)), "row 2: float64 value does not fit decimal(9,2): nan");
  EXPECT_EQ(casted(decimal(9, 2), "1.50", kInt64), "row 2: decimal(9,2) value does not fit int64: 1.50");
  EXPECT_EQ(casted(decimal(9, 2), "100.00", decimal(4, 2)),
            "row 2: decimal(9,2) value does not fit decimal(4,2): 100.00");
  EXPECT_EQ(casted(decimal(9, 2), "300.00", kInt8), "row 2: decimal(9,2) value does not fit int8: 300.00");
  EXPECT_EQ(casted(kInt8, "2", kBool), "row 2: int8 value does not fit bool: 2");
}

TEST(Cast, TimesChangeTheirUnitExactly) {
  const auto seconds = timestamp(TimeUnit::Second);
  const auto nanos = timestamp(TimeUnit::Nano);
  const auto micros = timestamp(TimeUnit::Micro, "UTC");
  EXPECT_EQ(casted(seconds, "1969-12-31 23:59:59", nanos), "1969-12-31 23:59:59.000000000");
  EXPECT_EQ(casted(nanos, "1969-12-31 23:59:59.000000000", seconds), "1969-12-31 23:59:59");
  EXPECT_EQ(casted(nanos, "1969-12-31 23:59:59.5", seconds),
            "row 2: timestamp(ns) value does not fit timestamp(s): 1969-12-31 23:59:59.500000000");
  EXPECT_EQ(casted(seconds, "9999-12-31 00:00:00", nanos),
            "row 2: timestamp(s) value does not fit timestamp(ns): 9999-12-31 00:00:00");
  EXPECT_EQ(casted(seconds, "2026-03-01 12:45:00", micros), "2026-03-01 12:45:00.000000Z");
  EXPECT_EQ(casted(time_of(TimeUnit::Second), "24:00", time_of(TimeUnit::Nano)), "24:00:00.000000000");
  EXPECT_EQ(casted(kDate, "0001-01-01", micros), "0001-01-01 00:00:00.000000Z");
  EXPECT_EQ(casted(micros, "0001-01-01", kDate), "0001-01-01");
  EXPECT_EQ(casted(micros, "2026-03-01 00:00:01", kDate),
            "row 2: timestamp(us, UTC) value does not fit date: 2026-03-01 00:00:01.000000Z");
  EXPECT_EQ(casted(kDate, "9999-12-31", nanos), "row 2: date value does not fit timestamp(ns): 9999-12-31");
}

TEST(Cast, TextBecomesAnythingAndBack) {
  EXPECT_EQ(casted(kString, "2024-02-29", kDate), "2024-02-29");
  EXPECT_EQ(casted(kString, "2023-02-29", kDate), "row 2: string value does not fit date: 2023-02-29");
  EXPECT_EQ(casted(kString, "12.50", decimal(18, 2)), "12.50");
  EXPECT_EQ(casted(decimal(18, 2), "12.50", kString), "12.50");
  EXPECT_EQ(casted(kString, "{\"a\":1}", kJson), "{\"a\":1}");
  EXPECT_EQ(casted(kString, "{a", kJson), "row 2: string value does not fit json: {a");
  EXPECT_EQ(casted(kDate, "2024-02-29", kJson), "\"2024-02-29\"");
  EXPECT_EQ(casted(kString, "[1,2]", list_of(kInt32)), "[1,2]");
  EXPECT_EQ(casted(kString, std::string(200, 'x'), kInt8),
            "row 2: string value does not fit int8: " + std::string(100, 'x') + "…");
}

TEST(Cast, KindsThatMeanOtherThingsAreRefused) {
  EXPECT_EQ(casted(kDate, "2024-02-29", kInt32), "no cast from date to int32");
  EXPECT_EQ(casted(type_of(Kind::Uuid), "00112233-4455-6677-8899-aabbccddeeff", type_of(Kind::Binary)),
            "no cast from uuid to binary");
}

TEST(Cast, NestedValuesAreCastInside) {
  EXPECT_EQ(casted(list_of(kInt32), "[1,null]", list_of(decimal(9, 1))), "[1.0,null]");
  const auto from = struct_of({{"a", kInt32, Nullable::Yes}, {"b", kString, Nullable::Yes}});
  EXPECT_EQ(casted(from, R"({"a":1,"b":"2"})", struct_of({{"b", kInt8, Nullable::Yes}})), R"({"b":2})");
  EXPECT_EQ(casted(from, R"({"a":1,"b":"2"})", struct_of({{"c", kInt8, Nullable::Yes}})),
            "struct<a int32, b string> lacks the field that struct<c int8> has: c");
}

TEST(Cast, SameTypeSharesItsBuffers) {
  const auto column = column_of(kString, {"a", "b"});
  EXPECT_EQ(cast(column, kString)->bytes_buffer().data(), column.bytes_buffer().data());
}

TEST(Cast, BatchesAreReorderedByName) {
  const auto schema = std::make_shared<const Schema>(Schema{{{"id", kString}, {"day", kString}}});
  const Batch batch{schema, {column_of(kString, {"1", "2"}), column_of(kString, {"2026-01-01", "NULL"})}, 2};
  const auto wanted = std::make_shared<const Schema>(Schema{{{"day", kDate}, {"id", kInt32, Nullable::No}}});
  const auto result = cast(batch, wanted);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(value_text(result->column(0), 0), "2026-01-01");
  EXPECT_EQ(result->column(1).values<std::int32_t>()[1], 2);

  const auto missing = cast(batch, std::make_shared<const Schema>(Schema{{{"amount", kInt32}}}));
  EXPECT_EQ(missing.error().code(), Code::NotFound);
  EXPECT_EQ(missing.error().text(), "column is missing: amount");
  const auto null = cast(batch, std::make_shared<const Schema>(Schema{{{"day", kDate, Nullable::No}}}));
  EXPECT_EQ(null.error().text(), "row 2: null in a column that takes none: day");
  const auto malformed = cast(batch, std::make_shared<const Schema>(Schema{{{"day", kInt32}}}));
  EXPECT_EQ(malformed.error().text(), "row 1: string value does not fit int32: 2026-01-01 (column day)");
}

}  // namespace
}  // namespace weir::data
