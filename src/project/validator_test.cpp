#include "project/validator.hpp"

#include <gtest/gtest.h>

#include <random>

namespace weir::project {
namespace {

using Texts = std::vector<std::string>;

struct Checked {
  Json values;
  Texts mistakes;
  std::map<std::string, Place> places;
};

Checked check(const std::string& text, const std::vector<Setting>& settings,
              TypedTemplates templates = TypedTemplates::Kept) {
  std::vector<Error> mistakes;
  const auto root = parse_yaml("a.yml", text, mistakes);
  Validator validator{"a.yml", text, mistakes, templates};
  Checked checked{validator.group(root, settings, "it"), {}, std::move(validator.places)};
  for (const auto& mistake : mistakes) checked.mistakes.push_back(mistake.text());
  return checked;
}

TEST(Validator, DefaultsAreCheckedLikeWhatUsersWrite) {
  const Setting inner{.name = "inner",
                      .type = SettingType::Group,
                      .default_value = Json::object(),
                      .fields = {{.name = "size", .type = SettingType::Integer, .default_value = 3}}};
  auto absent = inner;
  absent.name = "absent";
  absent.default_value = nullptr;
  const auto checked =
      check("{}", {inner, absent, {.name = "list", .type = SettingType::List, .default_value = {"a"}}});
  EXPECT_EQ(checked.mistakes, Texts{});
  EXPECT_EQ(to_text(checked.values), R"({"inner":{"size":3},"list":["a"]})");
  EXPECT_TRUE(checked.places.empty());
}

TEST(Validator, TypesFollowTheDescriptionNotTheQuotes) {
  const auto checked =
      check("{a: 5, b: '5', c: 0x1, d: null, e: '', f: 'true', g: 1e3}", {{.name = "a"},
                                                                          {.name = "b", .type = SettingType::Integer},
                                                                          {.name = "c"},
                                                                          {.name = "d"},
                                                                          {.name = "e"},
                                                                          {.name = "f", .type = SettingType::Flag},
                                                                          {.name = "g", .type = SettingType::Number}});
  EXPECT_EQ(checked.mistakes, Texts{});
  EXPECT_EQ(to_text(checked.values), R"({"a":"5","b":5,"c":"0x1","e":"","f":true,"g":1000.0})");
}

TEST(Validator, AnyKeepsTheTypesOfYaml) {
  const auto checked = check("{a: [1, 1.5, true, null, x, '1', -2, .5, 1.2.3, 2026-01-01, {b: ~}]}",
                             {{.name = "a", .type = SettingType::Any}});
  EXPECT_EQ(to_text(checked.values), R"({"a":[1,1.5,true,null,"x","1",-2,0.5,"1.2.3","2026-01-01",{"b":null}]})");
  EXPECT_EQ(checked.places.at("a.10.b"), (Place{"a.yml", 1, 65}));
}

TEST(Validator, TemplatesStandForAnyScalarUnlessRefused) {
  const std::vector<Setting> settings{{.name = "n", .type = SettingType::Integer},
                                      {.name = "c", .type = SettingType::Choice, .choices = {"x"}},
                                      {.name = "d", .type = SettingType::Duration}};
  const std::string text = "{n: '{{ a }}', c: '{{ b }}', d: '{{ c }}s'}";
  EXPECT_EQ(check(text, settings).mistakes, Texts{});
  EXPECT_EQ(check(text, settings, TypedTemplates::Refused).mistakes.size(), 3u);
}

TEST(Validator, ManagedMeansThatNothingElseIsRequired) {
  std::vector<Error> mistakes;
  Validator validator{"a.yml", "", mistakes};
  validator.group(Node{}, std::vector<Setting>{{.name = "url", .need = Need::Required}}, "it", "", Missing::Accepted);
  EXPECT_TRUE(mistakes.empty());
}

TEST(Yaml, MergeKeysGiveWhatTheMapLacks) {
  std::vector<Error> mistakes;
  const auto root = parse_yaml("a.yml", "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\n", mistakes);
  EXPECT_TRUE(mistakes.empty());
  EXPECT_EQ(to_text(to_json(*root.find("b"))), R"({"y":3,"x":1})");
  EXPECT_EQ(to_text(to_json(*root.find("c"))), R"({"x":1,"y":2,"z":4})");
}

// Whatever bytes a file holds, reading it ends with a tree or mistakes that have a place.
TEST(Yaml, AnyTextIsReadOrRefused) {
  std::mt19937 random{20260301};
  const std::string alphabet = "ab:- \n\t{}[],&*!|>'\"#%@`?<~1.\xc3\xa9\xff\r";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 32, ' ');
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    std::vector<Error> mistakes;
    const auto root = parse_yaml("a.yml", text, mistakes);
    for (const auto& mistake : mistakes) ASSERT_TRUE(mistake.place().has_value());
    Validator validator{"a.yml", text, mistakes};
    validator.group(root, std::vector<Setting>{{.name = "a", .type = SettingType::Any}}, "it");
  }
}

}  // namespace
}  // namespace weir::project
