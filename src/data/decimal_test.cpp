#include "data/decimal.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace weir::data {
namespace {

const std::string kNines(76, '9');

std::string text(const Int256& value, int scale) {
  std::string out;
  append_decimal(out, value, scale);
  return out;
}

std::string text(Int128 value, int scale) {
  std::string out;
  append_decimal(out, value, scale);
  return out;
}

std::string reread(std::string_view written) {
  const auto value = parse_decimal(written);
  return value ? text(value->unscaled, value->scale) : "malformed";
}

TEST(Decimal, WritesAllDigitsOfItsScale) {
  EXPECT_EQ(text(Int128{150}, 2), "1.50");
  EXPECT_EQ(text(Int128{-150}, 2), "-1.50");
  EXPECT_EQ(text(Int128{0}, 0), "0");
  EXPECT_EQ(text(Int128{0}, 3), "0.000");
  EXPECT_EQ(text(Int128{-5}, 3), "-0.005");
  EXPECT_EQ(text(Int128{7}, 76), "0." + std::string(75, '0') + "7");
  EXPECT_EQ(text(Int128{std::numeric_limits<std::int64_t>::min()}, 0), "-9223372036854775808");
  const auto min128 = static_cast<Int128>(UInt128{1} << 127);
  EXPECT_EQ(text(min128, 0), "-170141183460469231731687303715884105728");
  EXPECT_EQ(text(Int256::from(min128), 38), "-1.70141183460469231731687303715884105728");
  EXPECT_EQ(text(Int256{{0, 0, 0, std::uint64_t{1} << 63}}, 0),
            "-57896044618658097711785492504343953926634992332820282019728792003956564819968");
  EXPECT_EQ(text(Int256{{0, 1, 0, 0}}, 0), "18446744073709551616");
}

TEST(Decimal, ReadsWhatItWrites) {
  for (const auto& written :
       {std::string{"0"}, std::string{"1.50"}, std::string{"-0.005"}, std::string{"0.000"}, kNines, "-" + kNines,
        "0." + kNines, "-" + kNines.substr(0, 38) + "." + kNines.substr(0, 38), "0." + std::string(75, '0') + "1",
        "1" + std::string(75, '0'), std::string{"10000000000000000000000000000000000000.5"}}) {
    EXPECT_EQ(reread(written), written);
  }
}

TEST(Decimal, ReadsSignsPointsAndExponents) {
  EXPECT_EQ(reread("+1.5"), "1.5");
  EXPECT_EQ(reread(".5"), "0.5");
  EXPECT_EQ(reread("5."), "5");
  EXPECT_EQ(reread("-0"), "0");
  EXPECT_EQ(reread("000123.4500"), "123.4500");
  EXPECT_EQ(reread("1.5e3"), "1500");
  EXPECT_EQ(reread("1.5E-3"), "0.0015");
  EXPECT_EQ(reread("1500e-2"), "15.00");
  EXPECT_EQ(reread("0e999999999999"), "0");
  EXPECT_EQ(reread("1e75"), "1" + std::string(75, '0'));
  EXPECT_EQ(reread("1." + std::string(200, '0')), "1." + std::string(75, '0'));
  EXPECT_EQ(reread(std::string(200, '0') + "7"), "7");
}

TEST(Decimal, RefusesWhatIsMalformedOrTooLong) {
  for (const auto& written :
       {std::string{}, std::string{"-"}, std::string{"."}, std::string{"1..2"}, std::string{"1e"}, std::string{"e5"},
        std::string{" 1"}, std::string{"1 "}, std::string{"1,5"}, std::string{"--1"}, std::string{"nan"},
        std::string{"0x10"}, std::string{"1e+"}, std::string{"1e5x"}, kNines + "9", std::string{"1e76"},
        std::string{"1e-77"}, "0." + kNines + "9", std::string{"1e99999999999"}}) {
    EXPECT_FALSE(parse_decimal(written).has_value()) << written;
  }
}

std::string rescaled(std::string_view written, int precision, int scale) {
  const auto value = rescale(*parse_decimal(written), precision, scale);
  return value ? text(*value, scale) : "does not fit";
}

TEST(Decimal, RescalesWithoutLoss) {
  EXPECT_EQ(rescaled("1.5", 10, 2), "1.50");
  EXPECT_EQ(rescaled("-1.500", 2, 1), "-1.5");
  EXPECT_EQ(rescaled("1.501", 10, 2), "does not fit");
  EXPECT_EQ(rescaled("99.99", 4, 2), "99.99");
  EXPECT_EQ(rescaled("100.00", 4, 2), "does not fit");
  EXPECT_EQ(rescaled(kNines, 76, 0), kNines);
  EXPECT_EQ(rescaled("-" + kNines, 76, 0), "-" + kNines);
  EXPECT_EQ(rescaled(kNines, 75, 0), "does not fit");
  EXPECT_EQ(rescaled(kNines, 76, 1), "does not fit");
  EXPECT_EQ(rescaled("1", 76, 75), "1." + std::string(75, '0'));
  EXPECT_EQ(rescaled("1", 76, 76), "does not fit");
  EXPECT_EQ(rescaled("0", 76, 76), "0." + std::string(76, '0'));
}

TEST(Decimal, KeepsValuesInEveryWidth) {
  for (const int precision : {9, 18, 38, 76}) {
    ColumnBuilder builder{decimal(precision, 0)};
    const std::string most(static_cast<std::size_t>(precision), '9');
    for (const auto& written : {most, "-" + most, std::string{"0"}, std::string{"-1"}}) {
      append_decimal_value(builder, parse_decimal(written)->unscaled);
    }
    const auto column = builder.finish();
    EXPECT_EQ(text(decimal_at(column, 0), 0), most);
    EXPECT_EQ(text(decimal_at(column, 1), 0), "-" + most);
    EXPECT_EQ(text(decimal_at(column, 2), 0), "0");
    EXPECT_EQ(text(decimal_at(column, 3), 0), "-1");
  }
}

}  // namespace
}  // namespace weir::data
