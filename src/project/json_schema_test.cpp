#include <gtest/gtest.h>

#include "project/project.hpp"

namespace weir::project {
namespace {

Setting group(std::string name, std::vector<Setting> fields) {
  return {.name = std::move(name), .type = SettingType::Group, .fields = std::move(fields)};
}

TEST(JsonSchema, WhatStandsInAGeneratorTwiceIsDefinedOnce) {
  const auto kind = group("integer", {{.name = "from", .type = SettingType::Integer, .doc = std::string(200, 'x')},
                                      {.name = "to", .type = SettingType::Integer}});
  Vocabulary vocabulary;
  vocabulary.generators = {kind, group("list", {kind, group("deeper", {kind})}), {.name = "name", .doc = "Short"}};
  const auto schema = json_schema("generator", vocabulary);
  ASSERT_EQ(schema["$defs"].size(), 1U) << schema.dump(1);
  const auto& definition = schema["$defs"]["shared1"];
  EXPECT_EQ(definition["properties"]["from"]["description"], std::string(200, 'x'));
  EXPECT_EQ(definition["additionalProperties"], false);
  const Json reference{{"$ref", "#/$defs/shared1"}};
  const auto& properties = schema["properties"];
  EXPECT_EQ(properties["integer"], reference);
  EXPECT_EQ(properties["list"]["properties"]["integer"], reference);
  EXPECT_EQ(properties["list"]["properties"]["deeper"]["properties"]["integer"], reference);
  EXPECT_EQ(properties["name"]["description"], "Short");
}

}  // namespace
}  // namespace weir::project
