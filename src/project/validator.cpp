#include "project/validator.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "project/nearest.hpp"
#include "sql/template.hpp"

namespace weir::project {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_null(const Node& node) { return node.kind == Node::Kind::Null || to_json(node).is_null(); }

std::string found(const Node& node) {
  if (node.kind != Node::Kind::Scalar) return std::string{describe(node)};
  return fmt::format("{}: {}", describe(node), node.text);
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string{key} : fmt::format("{}.{}", path, key);
}

void Validator::mistake(const Node& node, std::string message, std::string hint) {
  mistakes_.push_back(Error{Fault::User, Code::InvalidProject, std::move(message)}
                          .hint(std::move(hint))
                          .at({file_, node.line, node.column}));
}

Json Validator::group(const Node& node, std::span<const Setting> settings, std::string_view what,
                      const std::string& path, Missing missing) {
  auto values = Json::object();
  if (node.kind != Node::Kind::Map && node.kind != Node::Kind::Null) {
    mistake(node, fmt::format("{} takes a map, not {}", what, found(node)), "write its keys below it, one a line");
    return values;
  }
  for (const auto& key : node.keys) {
    if (key.kind != Node::Kind::Scalar) continue;
    if (std::ranges::find(settings, key.text, &Setting::name) == settings.end()) {
      mistake(key, fmt::format("unknown key in {}: {}", what, key.text), suggestion(key.text, names_of(settings)));
    }
  }
  // In the order of the description, so that equal settings print equal.
  for (const auto& setting : settings) {
    const auto* given = node.find(setting.name);
    const bool elsewhere = path.empty() && std::ranges::find(read_elsewhere, setting.name) != read_elsewhere.end();
    if (elsewhere && given != nullptr && !is_null(*given)) {
      if (given->kind != Node::Kind::Map) {
        mistake(*given, fmt::format("{} takes a map, not {}", setting.name, found(*given)), "write it as name: value");
      }
    } else if (given != nullptr && !is_null(*given)) {
      values[setting.name] = value(*given, setting, join_path(path, setting.name));
    } else if (setting.need == Need::Required && missing == Missing::Refused) {
      mistake(given == nullptr ? node : *given, fmt::format("{} lacks the key {}", what, setting.name), setting.doc);
    } else {
      fill_default(values, setting, join_path(path, setting.name));
    }
  }
  return values;
}

void Validator::fill_default(Json& values, const Setting& setting, const std::string& path) {
  if (setting.default_value.is_null()) return;
  // A default is written as a user would write it; the keys inside it have defaults too.
  values[setting.name] = value(from_json(setting.default_value), setting, path);
  std::erase_if(places, [&](const auto& place) { return place.second.line == 0; });
}

Json Validator::value(const Node& node, const Setting& setting, const std::string& path) {
  places[path] = {file_, node.line, node.column};
  switch (setting.type) {
    case SettingType::List: return list(node, setting, path);
    case SettingType::Map: return map(node, setting, path);
    case SettingType::Any: return any(node, path);
    case SettingType::Group: break;
    default: return scalar(node, setting);
  }
  const bool one_value = node.kind != Node::Kind::Map && setting.shorthand == Setting::Shorthand::Allowed;
  if (one_value && !setting.fields.empty()) return shorthand(node, setting, path);
  return group(node, setting.fields, setting.name, path);
}

// A group as the value of its first key; messages name the group, since the user did not write that key.
Json Validator::shorthand(const Node& node, const Setting& setting, const std::string& path) {
  auto first = setting.fields.front();
  const auto key = std::exchange(first.name, setting.name);
  Node others;
  others.kind = Node::Kind::Map;
  others.line = node.line;
  others.column = node.column;
  auto values = Json::object();
  values[key] = value(node, first, join_path(path, key));
  values.update(group(others, std::span{setting.fields}.subspan(1), setting.name, path));
  return values;
}

Json Validator::list(const Node& node, const Setting& setting, const std::string& path) {
  static const Setting kAnything{.name = "", .type = SettingType::Any};
  auto element = setting.fields.empty() ? kAnything : setting.fields.front();
  if (element.name.empty() || element.type != SettingType::Group) element.name = setting.name;
  auto values = Json::array();
  if (node.kind != Node::Kind::List) {
    if (setting.shorthand == Setting::Shorthand::Allowed) {
      values.push_back(value(node, element, join_path(path, "0")));
    } else {
      mistake(node, fmt::format("{} takes a list, not {}", setting.name, found(node)),
              fmt::format("write {}: [ … ], or one line with - for each", setting.name));
    }
    return values;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (is_null(node.items[i]) && element.type != SettingType::Any) {
      mistake(node.items[i], fmt::format("{} holds an empty element", setting.name), "remove it, or give it a value");
      continue;
    }
    values.push_back(value(node.items[i], element, join_path(path, std::to_string(i))));
  }
  return values;
}

Json Validator::map(const Node& node, const Setting& setting, const std::string& path) {
  auto values = Json::object();
  if (node.kind != Node::Kind::Map) {
    mistake(node, fmt::format("{} takes a map, not {}", setting.name, found(node)), "write it as name: value");
    return values;
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const auto& key = node.keys[i];
    if (key.kind != Node::Kind::Scalar) continue;
    auto element = setting.fields.empty() ? Setting{.name = {}, .type = SettingType::Any} : setting.fields.front();
    element.name = key.text;
    values[key.text] = value(node.items[i], element, join_path(path, key.text));
  }
  return values;
}

Json Validator::any(const Node& node, const std::string& path) {
  places[path] = {file_, node.line, node.column};
  if (node.kind == Node::Kind::Scalar) check_template(node);
  if (node.kind == Node::Kind::List) {
    auto values = Json::array();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      values.push_back(any(node.items[i], join_path(path, std::to_string(i))));
    }
    return values;
  }
  if (node.kind == Node::Kind::Map) {
    auto values = Json::object();
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      values[node.keys[i].text] = any(node.items[i], join_path(path, node.keys[i].text));
    }
    return values;
  }
  return to_json(node);
}

Json Validator::scalar(const Node& node, const Setting& setting) {
  const auto wrong = [&](std::string_view expected, std::string hint) {
    mistake(node, fmt::format("{} takes {}, not {}", setting.name, expected, found(node)), std::move(hint));
    return Json(nullptr);
  };
  if (node.kind == Node::Kind::Null) return nullptr;
  if (node.kind != Node::Kind::Scalar) {
    const bool braces =
        node.kind == Node::Kind::Map && node.keys.size() == 1 && node.keys.front().kind != Node::Kind::Scalar;
    return wrong("one value", braces ? "quote a text that starts with a template: \"{{ … }}\"" : setting.doc);
  }
  if (sql::has_template(node.text)) {
    check_template(node);
    if (setting.type != SettingType::Text && templates_ == TypedTemplates::Refused) {
      mistake(node, fmt::format("{} cannot hold a template: {}", setting.name, node.text), "it is read before any run");
      return nullptr;
    }
    return node.text;
  }
  const auto& text = node.text;
  switch (setting.type) {
    case SettingType::Integer:
      if (const auto number = parse_number<std::int64_t>(text)) return *number;
      return wrong("a whole number", setting.doc);
    case SettingType::Number:
      if (const auto number = parse_number<double>(text)) return *number;
      return wrong("a number", setting.doc);
    case SettingType::Flag:
      if (auto json = to_json(node); json.is_boolean()) return json;
      if (text == "true" || text == "false") return text == "true";
      return wrong("true or false", setting.doc);
    case SettingType::Duration:
      if (parse_duration(text)) return text;
      return wrong("a duration", "a number and its unit: 250ms, 5s, 2m, 1h or 7d");
    case SettingType::Bytes:
      if (parse_bytes(text)) return text;
      return wrong("a size in bytes", "a number and its unit: 1048576, 64MiB, 1GB");
    case SettingType::Choice: {
      if (std::ranges::find(setting.choices, text) != setting.choices.end()) return text;
      const std::vector<std::string_view> choices(setting.choices.begin(), setting.choices.end());
      mistake(node, fmt::format("{} cannot be {}", setting.name, text), suggestion(text, choices, setting.doc));
      return nullptr;
    }
    default: return text;
  }
}

void Validator::check_templates(const Node& node) {
  if (node.kind == Node::Kind::Scalar) check_template(node);
  for (const auto& item : node.items) check_templates(item);
}

}  // namespace weir::project
