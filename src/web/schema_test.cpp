#include "web/schema.hpp"

#include <gtest/gtest.h>

namespace weir::web {
namespace {

const Json kComponents{{"Point", object({{"x", integer()}, {"y", number()}})}};

std::string difference(const char* json, const Schema& schema) {
  return mismatch(*parse_json(json), schema, kComponents).value_or("");
}

TEST(Schema, ComparesScalars) {
  EXPECT_EQ(difference("\"a\"", text()), "");
  EXPECT_EQ(difference("1", text()), "not a string");
  EXPECT_EQ(difference("1", integer()), "");
  EXPECT_EQ(difference("1.5", integer()), "not an integer");
  EXPECT_EQ(difference("1", number()), "");
  EXPECT_EQ(difference("true", flag()), "");
  EXPECT_EQ(difference("null", flag()), "not a boolean");
  EXPECT_EQ(difference("null", or_null(flag())), "");
  EXPECT_EQ(difference("[1, {}]", anything()), "");
  EXPECT_EQ(difference("\"2026-03-01T12:45:00.250000Z\"", instant()), "");
  EXPECT_EQ(difference("\"yesterday\"", instant()), "not an instant such as 2026-03-01T12:45:00Z");
  EXPECT_EQ(difference("\"b\"", one_of({"a", "b"})), "");
  EXPECT_EQ(difference("\"c\"", one_of({"a", "b"})), "not one of: a, b");
}

TEST(Schema, NamesThePlaceOfADifference) {
  const auto shape =
      object({{"name", text()}, {"points", list_of(reference("Point"))}, {"more", map_of(integer()), Need::Optional}});
  EXPECT_EQ(difference(R"({"name": "a", "points": [{"x": 1, "y": 2.5}]})", shape), "");
  EXPECT_EQ(difference(R"({"points": []})", shape), "name: missing");
  EXPECT_EQ(difference(R"({"name": "a", "points": [{"x": 1, "y": 2}, {"x": "1", "y": 2}]})", shape),
            "points[1].x: not an integer");
  EXPECT_EQ(difference(R"({"name": "a", "points": [], "colour": 1})", shape), "colour: no such key");
  EXPECT_EQ(difference(R"({"name": "a", "points": [], "more": {"b": "c"}})", shape), "more.b: not an integer");
}

TEST(Schema, SaysWhatAReferenceLacks) { EXPECT_EQ(difference("1", reference("Line")), "there is no schema Line"); }

}  // namespace
}  // namespace weir::web
