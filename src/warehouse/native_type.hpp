#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weir::warehouse {

// A ClickHouse type as far as the layout of its values in the Native format goes.
struct NativeType {
  enum class Layout : std::uint8_t {
    Fixed,           // `bytes` a value
    String,          // length, bytes
    Nullable,        // a byte a value, then the values
    Array,           // 8-byte ends, then the elements; a Map is an array of tuples
    Tuple,           // its elements one after another
    LowCardinality,  // a dictionary and indexes into it
    Variant,         // a byte a value, then each alternative's values
  };
  Layout layout = Layout::Fixed;
  std::size_t bytes = 0;
  std::vector<NativeType> children;
};

// Unsupported (native 48) for types whose values cannot be told apart without knowing more: aggregate states, Dynamic, JSON.
Result<NativeType> parse_native_type(std::string_view name);

}  // namespace weir::warehouse
