#pragma once

#include <string_view>

#include "data/type.hpp"

namespace weir::files {

// Finds the narrowest type that fits every text that it was shown: bool, int64, float64, date, timestamp, else string.
// Numbers with leading zeros are codes, not numbers; numbers that a float64 would not keep stay text.
class TypeInference {
 public:
  void observe(std::string_view text);
  // Nothing observed: string.
  data::Type type() const;

 private:
  bool seen_ = false;
  bool can_be_bool_ = true;
  bool can_be_integer_ = true;
  bool can_be_float_ = true;
  bool can_be_date_ = true;
  bool can_be_timestamp_ = true;
};

}  // namespace weir::files
