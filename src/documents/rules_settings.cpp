#include "documents/rules_settings.hpp"

#include <array>
#include <utility>

namespace weir::documents {
namespace {

using enum SettingType;

constexpr std::array<std::pair<std::string_view, Treatment>, 4> kTreatments{{{"columns", Treatment::Columns},
                                                                             {"table", Treatment::Table},
                                                                             {"json", Treatment::Json},
                                                                             {"skip", Treatment::Skip}}};
constexpr std::array<std::pair<std::string_view, Contract>, 4> kContracts{{{"evolve", Contract::Evolve},
                                                                           {"freeze", Contract::Freeze},
                                                                           {"discard_row", Contract::DiscardRow},
                                                                           {"discard_value", Contract::DiscardValue}}};

template <typename Pairs>
std::vector<std::string> names_of(const Pairs& pairs) {
  std::vector<std::string> names;
  for (const auto& [name, meaning] : pairs) names.emplace_back(name);
  return names;
}

Setting choice(std::string name, std::string doc, std::vector<std::string> choices, Json value = nullptr) {
  return {.name = std::move(name),
          .type = Choice,
          .doc = std::move(doc),
          .default_value = std::move(value),
          .choices = std::move(choices)};
}

Setting nested() {
  return {.name = "nested",
          .type = Group,
          .doc = "What objects and lists inside documents become",
          .default_value = Json::object(),
          .fields = {choice("objects", "columns, or one json column each", {"columns", "json"}, "columns"),
                     choice("lists", "tables of their own, or one json column each", {"tables", "json"}, "tables"),
                     {.name = "levels", .type = Integer, .doc = "Deeper ones are json", .default_value = 12},
                     {.name = "paths",
                      .type = Map,
                      .doc = "Instead of these, by path (device.os)",
                      .fields = {choice("value", "", names_of(kTreatments))}},
                     choice("times", "Whether columns whose whole text is dates or instants get those types",
                            {"text", "detect"}, "text")}};
}

Setting contract() {
  const auto names = names_of(kContracts);
  return {
      .name = "contract",
      .type = Group,
      .doc = "What happens to documents that would change the tables: evolve, freeze, discard_row or discard_value",
      .default_value = Json::object(),
      .fields = {choice("all", "Of tables, columns and types", names, "evolve"), choice("tables", "New lists", names),
                 choice("columns", "New names", names), choice("types", "Values of other types", names)},
      .shorthand = Setting::Shorthand::Allowed};
}

template <typename Pairs>
auto meaning_of(const Pairs& pairs, std::string_view text) {
  for (const auto& [name, meaning] : pairs) {
    if (name == text) return meaning;
  }
  return pairs.front().second;
}

Contract contract_of(const Settings& settings, std::string_view name) {
  return meaning_of(kContracts, settings.has(name) ? settings.text(name) : settings.text("all"));
}

}  // namespace

std::vector<Setting> rules_settings() {
  return {nested(),
          {.name = "columns",
           .type = Map,
           .doc = "The types of columns, by path: types of docs/types.md",
           .fields = {{.name = "value", .type = Text}}},
          contract()};
}

Result<Rules> read_rules(const Settings& settings) {
  Rules rules;
  const auto how = settings.group("nested");
  if (how.text("objects") == "json") rules.objects = Treatment::Json;
  if (how.text("lists") == "json") rules.lists = Treatment::Json;
  if (how.text("times") == "detect") rules.times = Times::Detect;
  if (how.has("levels")) rules.levels_max = static_cast<int>(how.integer("levels"));
  for (const auto& [path, treatment] : how.json("paths").items())
    rules.paths[path] = meaning_of(kTreatments, treatment.get<std::string>());
  for (const auto& [path, type] : settings.json("columns").items()) {
    const auto parsed = data::parse_type(type.get<std::string>());
    if (!parsed) {
      return Error::user(Code::InvalidProject, "no such type: {}", type.get<std::string>())
          .hint("docs/types.md lists the types");
    }
    rules.types[path] = *parsed;
  }
  const auto contracts = settings.group("contract");
  rules.contracts = {contract_of(contracts, "tables"), contract_of(contracts, "columns"),
                     contract_of(contracts, "types")};
  return rules;
}

}  // namespace weir::documents
