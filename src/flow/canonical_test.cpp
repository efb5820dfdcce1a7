#include "flow/canonical.hpp"

#include <gtest/gtest.h>

#include "data/text.hpp"
#include "flow/dialect_cases.hpp"

namespace weir::flow {
namespace {

data::Column column_of(std::string_view type, std::optional<std::string_view> text) {
  data::ColumnBuilder builder{data::parse_type(type).value()};
  if (text) {
    EXPECT_TRUE(data::append_parsed(builder, *text).ok()) << type << " " << *text;
  } else {
    builder.append_null();
  }
  return builder.finish();
}

TEST(Canonical, ValuesHaveTheTextsThatEveryDatabaseGivesThem) {
  for (const auto& one : kCanonicalCases) {
    const auto column = column_of(one.type, one.canonical ? std::optional{one.value} : std::nullopt);
    const auto text = canonical(column, 0);
    EXPECT_EQ(text, one.canonical ? std::optional<std::string>{*one.canonical} : std::nullopt)
        << one.type << " " << one.value;
  }
}

TEST(Canonical, JsonIsWrittenAsPostgresqlWritesJsonb) {
  for (const auto& one : kJsonCases) {
    data::ColumnBuilder builder{data::type_of(data::Kind::Json)};
    builder.append_text(one.json);
    const auto column = builder.finish();
    EXPECT_EQ(canonical(column, 0), std::string{one.canonical});
    EXPECT_EQ(canonical(column, 0, JsonForm::Text), std::string{one.json});
  }
}

TEST(Canonical, NestedValuesAndNanoseconds) {
  EXPECT_EQ(canonical(column_of("list<int32>", R"([1,null,23])"), 0), "[1:1N2:23]");
  EXPECT_EQ(canonical(column_of("struct<a decimal(9,2), b string>", R"({"a":1.50,"b":null})"), 0), "(3:1.5N)");
  EXPECT_EQ(canonical(column_of("timestamp(ns)", "1970-01-01 00:00:00.000001500"), 0), "1.5");
  EXPECT_EQ(canonical(column_of("timestamp(ms, UTC)", "1970-01-01 00:00:00.250Z"), 0), "250000");
  EXPECT_EQ(canonical(column_of("time(s)", "00:00:10"), 0), "10000000");
}

TEST(Canonical, DigestsAndBucketsAreThoseOfTheDatabases) {
  for (const auto& one : digest_cases()) {
    std::string measured;
    for (const auto& text : one.canonical) append_measured(measured, column_of("string", text), 0);
    EXPECT_EQ(digest_of(measured), one.digest) << measured;
  }
  for (const auto& one : kBucketCases) EXPECT_EQ(bucket_of(one.digest, one.count), one.bucket);
}

}  // namespace
}  // namespace weir::flow
