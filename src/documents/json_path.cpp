#include "documents/json_path.hpp"

#include <algorithm>
#include <charconv>

namespace weir::documents {

std::optional<std::vector<std::string>> JsonPath::names() const {
  std::vector<std::string> names;
  for (const auto& step : steps) {
    if (step.index) return std::nullopt;
    names.push_back(step.name);
  }
  return names;
}

Result<JsonPath> parse_json_path(std::string_view text) {
  const auto wrong = [text] {
    return Error::user(Code::InvalidProject, "not a path into JSON that Weir reads: {}", text)
        .hint("write names joined by dots, such as $.data.items; odd names as ['a name'], a list's element as [0]");
  };
  JsonPath path;
  auto rest = text;
  if (rest.starts_with('$')) rest.remove_prefix(1);
  if (rest.starts_with("..")) return wrong();
  if (rest.starts_with('.')) rest.remove_prefix(1);
  while (!rest.empty()) {
    if (rest == "[*]" || rest == "*") break;
    if (rest.starts_with("['") || rest.starts_with("[\"")) {
      const auto end = rest.find(std::string{rest[1]} + "]", 2);
      if (end == std::string_view::npos) return wrong();
      path.steps.push_back({std::string{rest.substr(2, end - 2)}, std::nullopt});
      rest.remove_prefix(end + 2);
    } else if (rest.starts_with('[')) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), index);
      if (error != std::errc{} || end == rest.data() + rest.size() || *end != ']') return wrong();
      path.steps.push_back({{}, index});
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
    } else {
      const auto end = std::min(rest.find_first_of(".["), rest.size());
      const auto name = rest.substr(0, end);
      if (name.empty() || name.find_first_of("*?()@'\"") == 0) return wrong();
      path.steps.push_back({std::string{name}, std::nullopt});
      rest.remove_prefix(end);
    }
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      if (rest.empty() || rest.starts_with('.') || rest.starts_with('[')) return wrong();
    }
  }
  return path;
}

const Json* find(const Json& json, const JsonPath& path) {
  const Json* value = &json;
  for (const auto& step : path.steps) {
    if (step.index) {
      if (!value->is_array() || *step.index >= value->size()) return nullptr;
      value = &(*value)[*step.index];
    } else {
      if (!value->is_object()) return nullptr;
      const auto found = value->find(step.name);
      if (found == value->end()) return nullptr;
      value = &*found;
    }
  }
  return value;
}

void assign(Json& json, const JsonPath& path, Json value) {
  auto* place = &json;
  for (const auto& step : path.steps) {
    if (step.index) {
      if (!place->is_array()) *place = Json::array();
      while (place->size() <= *step.index) place->push_back(nullptr);
      place = &(*place)[*step.index];
    } else {
      if (!place->is_object()) *place = Json::object();
      place = &(*place)[step.name];
    }
  }
  *place = std::move(value);
}

}  // namespace weir::documents
