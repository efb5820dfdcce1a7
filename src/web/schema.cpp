#include "web/schema.hpp"

#include <algorithm>

#include "base/clock.hpp"

namespace weir::web {
namespace {

constexpr std::string_view kComponents = "#/components/schemas/";

Schema documented(Schema schema, std::string_view doc) {
  if (!doc.empty()) schema["description"] = doc;
  return schema;
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return type == "null" && value.is_null();
}

std::string_view article(std::string_view type) {
  return type == "integer" || type == "array" || type == "object" ? "an" : "a";
}

class Comparison {
 public:
  explicit Comparison(const Json& components) : components_(components) {}

  std::optional<std::string> compare(const Json& value, const Schema& schema, const std::string& path) const {
    if (const auto found = schema.find("$ref"); found != schema.end()) {
      const auto name = found->get<std::string>().substr(kComponents.size());
      const auto component = components_.find(name);
      if (component == components_.end()) return at(path, "there is no schema " + name);
      return compare(value, *component, path);
    }
    if (const auto found = schema.find("anyOf"); found != schema.end()) return compare_any(value, *found, path);
    if (const auto found = schema.find("enum"); found != schema.end()) return compare_choice(value, *found, path);
    const auto type = schema.value("type", std::string{});
    if (type.empty()) return std::nullopt;
    if (!has_type(value, type)) return at(path, fmt::format("not {} {}", article(type), type));
    if (schema.value("format", "") == "date-time" && !parse_instant(value.get_ref<const std::string&>()))
      return at(path, "not an instant such as 2026-03-01T12:45:00Z");
    if (type == "array") return compare_elements(value, schema.at("items"), path);
    if (type == "object") return compare_members(value, schema, path);
    return std::nullopt;
  }

 private:
  static std::string at(const std::string& path, const std::string& what) {
    return path.empty() ? what : path + ": " + what;
  }

  std::optional<std::string> compare_any(const Json& value, const Json& schemas, const std::string& path) const {
    std::optional<std::string> first;
    for (const auto& schema : schemas) {
      auto difference = compare(value, schema, path);
      if (!difference) return std::nullopt;
      if (!first) first = std::move(difference);
    }
    return first;
  }

  static std::optional<std::string> compare_choice(const Json& value, const Json& choices, const std::string& path) {
    if (std::ranges::find(choices, value) != choices.end()) return std::nullopt;
    std::string known;
    for (const auto& choice : choices) known += (known.empty() ? "" : ", ") + choice.get<std::string>();
    return at(path, "not one of: " + known);
  }

  std::optional<std::string> compare_elements(const Json& list, const Schema& schema, const std::string& path) const {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (auto difference = compare(list[i], schema, fmt::format("{}[{}]", path, i))) return difference;
    }
    return std::nullopt;
  }

  std::optional<std::string> compare_members(const Json& value, const Schema& schema, const std::string& path) const {
    const auto within = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    const auto members = schema.value("properties", Json::object());
    for (const auto& required : schema.value("required", Json::array())) {
      const auto name = required.get<std::string>();
      if (!value.contains(name)) return at(within(name), "missing");
    }
    const auto others = schema.find("additionalProperties");
    for (const auto& [name, member] : value.items()) {
      std::optional<std::string> difference;
      if (const auto known = members.find(name); known != members.end()) {
        difference = compare(member, *known, within(name));
      } else if (others != schema.end() && others->is_object()) {
        difference = compare(member, *others, within(name));
      } else {
        difference = at(within(name), "no such key");
      }
      if (difference) return difference;
    }
    return std::nullopt;
  }

  const Json& components_;
};

}  // namespace

Schema text(std::string_view doc) { return documented({{"type", "string"}}, doc); }
Schema instant(std::string_view doc) { return documented({{"type", "string"}, {"format", "date-time"}}, doc); }
Schema integer(std::string_view doc) { return documented({{"type", "integer"}}, doc); }
Schema number(std::string_view doc) { return documented({{"type", "number"}}, doc); }
Schema flag(std::string_view doc) { return documented({{"type", "boolean"}}, doc); }
Schema anything(std::string_view doc) { return documented(Json::object(), doc); }
Schema one_of(const std::vector<std::string>& choices, std::string_view doc) {
  return documented({{"enum", choices}}, doc);
}
Schema list_of(Schema element, std::string_view doc) {
  return documented({{"type", "array"}, {"items", std::move(element)}}, doc);
}
Schema map_of(Schema element, std::string_view doc) {
  return documented({{"type", "object"}, {"additionalProperties", std::move(element)}}, doc);
}

Schema object(const std::vector<Member>& members, std::string_view doc) {
  Schema schema{{"type", "object"}, {"properties", Json::object()}};
  auto required = Json::array();
  for (const auto& member : members) {
    schema["properties"][member.name] = member.schema;
    if (member.need == Need::Required) required.push_back(member.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return documented(std::move(schema), doc);
}

Schema reference(std::string_view component) { return {{"$ref", fmt::format("{}{}", kComponents, component)}}; }

Schema or_null(Schema schema) {
  // What is said of the value is said of both.
  const auto doc = schema.value("description", std::string{});
  schema.erase("description");
  return documented({{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}}, doc);
}

Schema page_of(Schema element) {
  return object({{"items", list_of(std::move(element))},
                 {"next_cursor", or_null(text("What `cursor` takes for the next page; null at the end"))}});
}

std::optional<std::string> mismatch(const Json& value, const Schema& schema, const Json& components) {
  return Comparison{components}.compare(value, schema, "");
}

}  // namespace weir::web
