#include <map>
#include <utility>

#include "project/file_settings.hpp"
#include "project/project.hpp"

// JSON Schema 2020-12 (https://json-schema.org/draft/2020-12) from the settings that validate the files.
namespace weir::project {
namespace {

constexpr auto kTemplate = R"(\{\{|\{%)";

// Schemas of files whose keys are read before any run take no templates for numbers, flags and the like.
enum class Templates { Taken, Refused };

Json schema_of(const Setting& setting, Templates templates);

Json or_template(Json schema, Templates templates) {
  if (templates == Templates::Refused) return schema;
  return {{"anyOf", Json::array({std::move(schema), {{"type", "string"}, {"pattern", kTemplate}}})}};
}

Json group_schema(const std::vector<Setting>& settings, Templates templates) {
  Json schema{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  auto required = Json::array();
  for (const auto& setting : settings) {
    schema["properties"][setting.name] = schema_of(setting, templates);
    if (setting.need == Need::Required) required.push_back(setting.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json element_schema(const Setting& setting, Templates templates) {
  return setting.fields.empty() ? Json::object() : schema_of(setting.fields.front(), templates);
}

// Any scalar is a text: YAML gives 5 and true other types than "5" and "true".
Json text_schema() { return {{"type", Json::array({"string", "number", "boolean"})}}; }

// A choice that YAML takes for a number or a flag, such as `true`, may be written so too.
Json choice_schema(const std::vector<std::string>& choices) {
  auto all = Json::array();
  for (const auto& choice : choices) {
    all.push_back(choice);
    const auto scalar = parse_json(choice);
    if (scalar.ok() && (scalar->is_boolean() || scalar->is_number())) all.push_back(*scalar);
  }
  return {{"enum", std::move(all)}};
}

Json type_schema(const Setting& setting, Templates templates) {
  const bool shorthand = setting.shorthand == Setting::Shorthand::Allowed;
  switch (setting.type) {
    case SettingType::Text: return text_schema();
    case SettingType::Integer: return or_template({{"type", "integer"}}, templates);
    case SettingType::Number: return or_template({{"type", "number"}}, templates);
    case SettingType::Flag: return or_template({{"type", "boolean"}}, templates);
    case SettingType::Duration:
      return or_template({{"type", "string"}, {"pattern", R"(^[0-9]*\.?[0-9]+(ms|s|m|h|d)$)"}}, templates);
    case SettingType::Bytes:
      return or_template(
          {{"anyOf",
            Json::array({{{"type", "integer"}, {"minimum", 0}},
                         {{"type", "string"}, {"pattern", R"(^[0-9]*\.?[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)?$)"}}})}},
          templates);
    case SettingType::Choice: return or_template(choice_schema(setting.choices), templates);
    case SettingType::List: {
      const auto element = element_schema(setting, templates);
      Json list{{"type", "array"}, {"items", element}};
      if (!shorthand) return list;
      return {{"anyOf", Json::array({std::move(list), element})}};
    }
    case SettingType::Map: return {{"type", "object"}, {"additionalProperties", element_schema(setting, templates)}};
    case SettingType::Group: {
      auto group = group_schema(setting.fields, templates);
      if (!shorthand || setting.fields.empty()) return group;
      return {{"anyOf", Json::array({std::move(group), schema_of(setting.fields.front(), templates)})}};
    }
    case SettingType::Any: break;
  }
  return Json::object();
}

Json schema_of(const Setting& setting, Templates templates) {
  auto schema = type_schema(setting, templates);
  if (!setting.doc.empty()) schema["description"] = setting.doc;
  if (!setting.default_value.is_null()) schema["default"] = setting.default_value;
  return schema;
}

// One kind of connection: `type` names it, and a managed one needs nothing else.
Json connection_schema(const KindDescription& kind) {
  auto schema = group_schema(kind.settings, Templates::Taken);
  auto needed = schema.value("required", Json::array());
  for (const auto& common : connection_settings()) {
    if (!schema["properties"].contains(common.name))
      schema["properties"][common.name] = schema_of(common, Templates::Refused);
  }
  schema["properties"]["type"] = {{"const", kind.name}, {"description", kind.summary}};
  if (!kind.manageable) schema["properties"].erase("managed");
  schema["required"] = Json::array({"type"});
  if (needed.empty()) return schema;
  if (!kind.manageable) {
    schema["required"].insert(schema["required"].end(), needed.begin(), needed.end());
    return schema;
  }
  const Json managed{{"properties", {{"managed", {{"const", true}}}}}, {"required", {"managed"}}};
  schema["anyOf"] = Json::array({managed, {{"required", std::move(needed)}}});
  return schema;
}

Json connections_schema(const Vocabulary& vocabulary, std::string_view description) {
  auto kinds = Json::array();
  for (const auto& kind : vocabulary.connections) kinds.push_back(connection_schema(kind));
  return {{"type", "object"}, {"description", description}, {"additionalProperties", {{"oneOf", std::move(kinds)}}}};
}

Json weir_schema(const Vocabulary& vocabulary) {
  auto schema = group_schema(weir_settings(), Templates::Refused);
  schema["properties"]["connections"] = connections_schema(vocabulary, weir_settings()[2].doc);
  auto environment = group_schema(environment_settings(), Templates::Refused);
  // An environment's connection may leave the type to the one that it replaces.
  auto connections = connections_schema(vocabulary, environment_settings()[0].doc);
  connections["additionalProperties"] = {
      {"anyOf", Json::array({connections["additionalProperties"],
                             {{"type", "object"}, {"not", {{"required", Json::array({"type"})}}}}})}};
  environment["properties"]["connections"] = std::move(connections);
  schema["properties"]["environments"]["additionalProperties"] = std::move(environment);
  // A dbt_project.yml beside it may give the name.
  schema.erase("required");
  return schema;
}

Json pipeline_schema(const Vocabulary& vocabulary) {
  auto schema = group_schema(pipeline_settings(), Templates::Refused);
  auto task = group_schema(task_settings(), Templates::Refused);
  task["oneOf"] = Json::array();
  for (const auto& kind : vocabulary.tasks) {
    task["properties"][kind.name] = schema_of({.name = kind.name,
                                               .type = SettingType::Group,
                                               .doc = kind.summary,
                                               .fields = kind.settings,
                                               .shorthand = Setting::Shorthand::Allowed},
                                              Templates::Taken);
    task["oneOf"].push_back({{"required", Json::array({kind.name})}});
  }
  schema["properties"]["tasks"]["additionalProperties"] = std::move(task);
  schema["properties"]["tasks"]["minProperties"] = 1;
  return schema;
}

// Schemas that stand within another one more than once, as columns within columns do, become definitions that are referred to.
class SharedSchemas {
 public:
  explicit SharedSchemas(const Json& schema) { count(schema); }

  Json with_definitions(Json schema) {
    share_inside(schema);
    if (!definitions_.empty()) schema["$defs"] = std::move(definitions_);
    return schema;
  }

 private:
  static constexpr std::size_t kBytesMin = 200;

  // Hands over every schema that stands directly in this one.
  template <typename Schema, typename Take>
  static void inner_schemas(Schema& schema, Take take) {
    for (const auto* key : {"properties", "anyOf", "oneOf"}) {
      if (!schema.contains(key)) continue;
      for (auto& inner : schema.at(key)) take(inner);
    }
    for (const auto* key : {"items", "additionalProperties"}) {
      if (schema.contains(key) && schema.at(key).is_object()) take(schema.at(key));
    }
  }

  void count(const Json& schema) {
    // What is inside of a schema that was seen before was counted with it.
    if (++seen_[schema.dump()] == 1) inner_schemas(schema, [&](const Json& inner) { count(inner); });
  }

  void share(Json& schema) {
    const auto text = schema.dump();
    if (text.size() < kBytesMin || seen_[text] < 2) return share_inside(schema);
    const auto [name, is_new] = names_.try_emplace(text, fmt::format("shared{}", names_.size() + 1));
    if (is_new) {
      share_inside(schema);
      definitions_[name->second] = std::move(schema);
    }
    schema = {{"$ref", "#/$defs/" + name->second}};
  }

  void share_inside(Json& schema) {
    inner_schemas(schema, [&](Json& inner) { share(inner); });
  }

  std::map<std::string, int> seen_;
  std::map<std::string, std::string> names_;
  Json definitions_ = Json::object();
};

}  // namespace

Json json_schema(std::string_view file_kind, const Vocabulary& vocabulary) {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"}};
  const auto add = [&](std::string_view title, const Json& content) {
    schema["title"] = title;
    schema.update(content);
  };
  if (file_kind == "weir") add("A Weir project (weir.yml)", weir_schema(vocabulary));
  if (file_kind == "pipeline") add("A Weir pipeline (pipelines/*.yml)", pipeline_schema(vocabulary));
  if (file_kind == "generator") {
    add("A Weir generator (generators/*.yml)", vocabulary.generators.empty()
                                                   ? Json{{"type", "object"}}
                                                   : group_schema(vocabulary.generators, Templates::Taken));
    return SharedSchemas{schema}.with_definitions(schema);
  }
  if (file_kind == "properties") {
    add("Properties of models, as in dbt (models/**/*.yml)", group_schema(properties_settings(), Templates::Taken));
  }
  return schema;
}

}  // namespace weir::project
