#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::documents {

class Value;
using TakeMember = std::function<Result<void>(std::string_view name, Value& value)>;
using TakeElement = std::function<Result<void>(Value& value)>;

// One value of a document, whatever its format. It lives as long as the call that handed it over, and its inside is read at
// most once: by members(), elements() or append_json(). A value that nobody reads is skipped.
class Value {
 public:
  enum class Kind { Null, Bool, Number, String, Object, List };

  virtual ~Value() = default;
  virtual Kind kind() const = 0;
  virtual bool boolean() const = 0;
  // A number as it was written, a string's characters. Valid until the document has been read.
  virtual std::string_view text() const = 0;
  // InvalidData where the inside is malformed or nested too deep; an error of `take` is passed on.
  virtual Result<void> members(const TakeMember& take) = 0;
  virtual Result<void> elements(const TakeElement& take) = 0;
  // Appends the value as JSON on one line, without spaces; its inside is validated on the way.
  virtual Result<void> append_json(std::string& out) = 0;
};

}  // namespace weir::documents
