#include "data/text.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "data/calendar.hpp"

namespace weir::data {
namespace {

std::string reread(const Type& type, std::string_view text) {
  ColumnBuilder builder{type};
  const auto parsed = append_parsed(builder, text);
  if (!parsed.ok()) {
    EXPECT_EQ(parsed.error().code(), Code::TypeMismatch);
    return parsed.error().message();
  }
  return value_text(builder.finish(), 0);
}

struct Case {
  Type type;
  std::vector<std::string> same;                                // read and written as they are
  std::vector<std::pair<std::string, std::string>> other = {};  // read, written
  std::vector<std::string> refused = {};
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {type_of(Kind::Bool), {"true", "false"}, {{"t", "true"}, {"0", "false"}, {"TRUE", "true"}}, {"", "yes", "2"}},
      {type_of(Kind::Int8),
       {"-128", "127", "0"},
       {{"+5", "5"}, {"007", "7"}},
       {"128", "-129", "", "+-1", "1.0", " 1", "1 "}},
      {type_of(Kind::Int16), {"-32768", "32767"}, {}, {"32768", "-32769"}},
      {type_of(Kind::Int32), {"-2147483648", "2147483647"}, {}, {"2147483648", "-2147483649"}},
      {type_of(Kind::Int64), {"-9223372036854775808", "9223372036854775807"}, {}, {"9223372036854775808", "1e3"}},
      {type_of(Kind::UInt8), {"0", "255"}, {}, {"-1", "256"}},
      {type_of(Kind::UInt16), {"65535"}, {}, {"65536"}},
      {type_of(Kind::UInt32), {"4294967295"}, {}, {"4294967296"}},
      {type_of(Kind::UInt64), {"18446744073709551615"}, {}, {"18446744073709551616"}},
      {type_of(Kind::Float32),
       {"3.4028235e+38", "-0", "nan", "inf", "-inf", "0.1", "1e-45"},
       {{"1.0", "1"}, {"NaN", "nan"}, {"-nan", "nan"}, {"Infinity", "inf"}},
       {"1e39", "", "1,5", "0x1p3"}},
      {type_of(Kind::Float64),
       {"1.7976931348623157e+308", "-0", "nan", "inf", "-inf", "5e-324", "0.1", "123456.789"},
       {{"+1.5", "1.5"}, {"1e3", "1000"}},
       {"1e309", "-1e309", "1.5x", "+-1"}},
      {decimal(9, 2),
       {"9999999.99", "-9999999.99", "0.00"},
       {{"1.5", "1.50"}, {"1e3", "1000.00"}, {"1.500", "1.50"}},
       {"10000000", "1.505", "", "-", "1.2.3", "abc"}},
      {decimal(18, 18), {"0.999999999999999999", "-0.000000000000000001"}, {{"0", "0.000000000000000000"}}, {"1"}},
      {decimal(38, 10), {"-9999999999999999999999999999.9999999999"}, {}, {"10000000000000000000000000000"}},
      {decimal(76, 0), {std::string(76, '9'), "-" + std::string(76, '9')}, {}, {std::string(77, '9')}},
      {type_of(Kind::Date),
       {"0001-01-01", "9999-12-31", "1969-12-31", "2000-02-29", "2024-02-29", "0000-01-01", "-0043-03-15",
        "10000-01-01"},
       {},
       {"2026-02-29", "1900-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "2026-1-1", "26-01-01", "01/02/2026",
        "2026-01-01 ", "2026-01-01x", "9999999-01-01", ""}},
      {time_of(TimeUnit::Micro),
       {"00:00:00.000000", "23:59:59.999999", "24:00:00.000000"},
       {{"12:45", "12:45:00.000000"}, {"12:45:00.25", "12:45:00.250000"}, {"12:45:00.250000000", "12:45:00.250000"}},
       {"24:00:01", "12:60", "12:45:60", "12:45:00.0000001", "12:45:00.", "1:00", "12"}},
      {time_of(TimeUnit::Second), {"24:00:00"}, {{"01:02:03.000", "01:02:03"}}, {"01:02:03.5"}},
      {time_of(TimeUnit::Nano), {"23:59:59.999999999"}},
      {timestamp(TimeUnit::Micro),
       {"0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999",
        "-0043-03-15 12:00:00.000000"},
       {{"2026-03-01", "2026-03-01 00:00:00.000000"},
        {"2026-03-01T12:45", "2026-03-01 12:45:00.000000"},
        {"2026-03-01 12:45:00.25", "2026-03-01 12:45:00.250000"},
        {"2026-03-01T12:45:00+03:00", "2026-03-01 09:45:00.000000"}},
       {"2026-03-01 25:00", "2026-03-01 12:45:00.1234567", "2026-03-01 12:45:00 CET", "2026-03-01 ",
        "2026-02-29 00:00"}},
      {timestamp(TimeUnit::Milli, "Europe/Moscow"),
       {"2026-03-01 12:45:00.250Z"},
       {{"2026-03-01 12:45:00.25", "2026-03-01 12:45:00.250Z"},
        {"2026-03-01T12:45:00.25z", "2026-03-01 12:45:00.250Z"},
        {"2026-03-01 12:45:00 UTC", "2026-03-01 12:45:00.000Z"},
        {"2026-03-01 00:45:00+0530", "2026-02-28 19:15:00.000Z"},
        {"2026-03-01 12:45:00-03", "2026-03-01 15:45:00.000Z"}},
       {"2026-03-01 12:45:00+24", "2026-03-01 12:45:00+3", "2026-03-01 12:45:00.0001Z"}},
      {timestamp(TimeUnit::Nano),
       {"1677-09-21 00:12:43.145224192", "2262-04-11 23:47:16.854775807"},
       {},
       {"1677-09-21 00:12:43.145224191", "2262-04-11 23:47:16.854775808"}},
      {timestamp(TimeUnit::Second), {"1900-01-01 00:00:00"}},
      {type_of(Kind::Interval),
       {"PT0S", "P1Y2M3DT4H5M6.5S", "P-1Y-2M3DT-4H-5M-6.5S", "PT-0.000000001S", "P2147483647D",
        "PT2562047H47M16.854775807S"},
       {{"P1W", "P7D"},
        {"P14M", "P1Y2M"},
        {"PT90M", "PT1H30M"},
        {"PT-2562047H-47M-16.854775808S", "PT-2562047H-47M-16.854775808S"}},
       {"P", "PT", "1 day", "P1.5D", "P1H", "PT1D", "P2147483648D", "PT9223372036.854775808S1", "P1"}},
      {type_of(Kind::String), {"", "Straße, \"x\"\n"}},
      {type_of(Kind::Binary), {"\\x", "\\x00ff10"}, {{"\\xABCD", "\\xabcd"}}, {"00ff", "\\x0", "\\xzz"}},
      {type_of(Kind::Uuid),
       {"00112233-4455-6677-8899-aabbccddeeff"},
       {{"00112233-4455-6677-8899-AABBCCDDEEFF", "00112233-4455-6677-8899-aabbccddeeff"}},
       {"00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg",
        "00112233-4455-6677-8899+aabbccddeeff"}},
      {type_of(Kind::Json), {"{\"a\": 1.10}", "null", "[1,2]", "\"x\""}, {}, {"", "{a:1}", "[1,"}},
      {list_of(type_of(Kind::Int32)), {"[]", "[1,null,-3]"}, {{"[ 1, 2 ]", "[1,2]"}}, {"{}", "1", "[", "[\"x\"]"}},
      {struct_of({{"n", decimal(20, 2), Nullable::Yes}, {"d", type_of(Kind::Date), Nullable::Yes}}),
       {"{\"n\":1.50,\"d\":\"2026-03-01\"}", "{\"n\":\"123456789012345678.25\",\"d\":null}"},
       {{"{\"d\": \"2026-03-01\"}", "{\"n\":null,\"d\":\"2026-03-01\"}"}},
       {"[]", "{\"d\":\"x\"}"}},
  };
  return all;
}

TEST(Text, ReadsAndWritesEveryType) {
  for (const auto& [type, same, other, refused] : cases()) {
    for (const auto& text : same) EXPECT_EQ(reread(type, text), text) << type.text();
    for (const auto& [text, written] : other) EXPECT_EQ(reread(type, text), written) << type.text() << ' ' << text;
    for (const auto& text : refused) {
      EXPECT_TRUE(reread(type, text).starts_with("not a ")) << type.text() << ' ' << text << ' ' << reread(type, text);
    }
  }
}

TEST(Text, MessagesNameTypeAndValueAndCutLongOnes) {
  EXPECT_EQ(reread(type_of(Kind::Date), "2026-02-30"), "not a date: 2026-02-30");
  EXPECT_EQ(reread(type_of(Kind::Date), std::string(300, 'x')),
            "not a date: " + std::string(100, 'x') + "… (300 bytes)");
}

TEST(Text, FloatsKeepTheirBits) {
  for (const double value : {-0.0, 0.1 + 0.2, std::numeric_limits<double>::denorm_min(), 1e22, 9007199254740993.0}) {
    ColumnBuilder builder{type_of(Kind::Float64)};
    builder.append(value);
    ColumnBuilder back{type_of(Kind::Float64)};
    ASSERT_TRUE(append_parsed(back, value_text(builder.finish(), 0)).ok());
    const auto read = back.finish().values<double>()[0];
    EXPECT_EQ(read, value);
    EXPECT_EQ(std::signbit(read), std::signbit(value));
  }
}

TEST(Text, JsonKeepsNumbersOnlyWhileADoubleDoes) {
  const auto json = [](const Type& type, std::string_view text) {
    ColumnBuilder builder{type};
    EXPECT_TRUE(append_parsed(builder, text).ok()) << text;
    std::string out;
    append_json(out, builder.finish(), 0);
    return out;
  };
  EXPECT_EQ(json(type_of(Kind::Int64), "9007199254740992"), "9007199254740992");
  EXPECT_EQ(json(type_of(Kind::Int64), "-9007199254740993"), "\"-9007199254740993\"");
  EXPECT_EQ(json(decimal(38, 2), "1234567890123.45"), "1234567890123.45");
  EXPECT_EQ(json(decimal(38, 2), "12345678901234.56"), "\"12345678901234.56\"");
  EXPECT_EQ(json(decimal(38, 2), "0"), "0.00");
  EXPECT_EQ(json(type_of(Kind::Float64), "nan"), "\"nan\"");
  EXPECT_EQ(json(type_of(Kind::Float64), "-1e300"), "-1e+300");
  EXPECT_EQ(json(type_of(Kind::String), "a\"\\\n\t\x01é"), "\"a\\\"\\\\\\n\\t\\u0001é\"");
  EXPECT_EQ(json(type_of(Kind::Bool), "t"), "true");
  EXPECT_EQ(json(type_of(Kind::Date), "2026-03-01"), "\"2026-03-01\"");
}

TEST(Calendar, DaysAndDatesConvertBothWays) {
  EXPECT_EQ(days_from_civil({1970, 1, 1}), 0);
  EXPECT_EQ(days_from_civil({1, 1, 1}), -719162);
  EXPECT_EQ(days_from_civil({9999, 12, 31}), 2932896);
  CivilDate expected{1599, 12, 31};
  for (std::int64_t days = days_from_civil(expected); days < 200'000; ++days) {
    ASSERT_EQ(civil_from_days(days), expected);
    ASSERT_EQ(days_from_civil(expected), days);
    ++expected.day;
    if (is_date(expected)) continue;
    expected.day = 1;
    if (++expected.month > 12) {
      expected.month = 1;
      ++expected.year;
    }
  }
}

}  // namespace
}  // namespace weir::data
