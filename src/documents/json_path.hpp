#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace weir::documents {

// A path into a JSON document: the part of JSONPath (RFC 9535) that names one place, written with or without its "$.":
//   data.items        $.data.items        $['odd name'].items        results[0].id        data.items[*]
// "[*]" may stand at the end, where it says what is meant anyway: the elements of a list.
struct JsonPath {
  struct Step {
    std::string name;
    std::optional<std::size_t> index;  // instead of a name
    bool operator==(const Step&) const = default;
  };
  std::vector<Step> steps;

  // Names only, joined by dots; nothing when there is an index.
  std::optional<std::vector<std::string>> names() const;
};

// InvalidProject with a hint when it is not of that part.
Result<JsonPath> parse_json_path(std::string_view text);

// The value at the path; null when there is none.
const Json* find(const Json& json, const JsonPath& path);
// Sets the value at the path, making the objects on the way.
void assign(Json& json, const JsonPath& path, Json value);

}  // namespace weir::documents
