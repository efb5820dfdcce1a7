#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::files {

// What a member of a JSON object holds.
struct JsonValue {
  enum class Kind { Null, Bool, Number, String, Nested };

  Kind kind = Kind::Null;
  std::string_view text;  // a string's characters, else the value as it was written; valid during the call
};

// Calls `take(name, value)` for every member of the object that a line holds, in their order. Numbers and nested values
// are not converted, so that none loses a digit. InvalidData with the position in the line when it is not one JSON object
// (RFC 8259); an error of `take` is passed on.
Result<void> scan_json_object(std::string_view line,
                              const std::function<Result<void>(std::string_view name, const JsonValue& value)>& take);

}  // namespace weir::files
