#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/column.hpp"

namespace weir::data {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

// 256 bits, two's complement, least significant word first: the widest decimal's unscaled value.
struct Int256 {
  std::array<std::uint64_t, 4> words{};

  static Int256 from(Int128 value);
  bool negative() const { return (words[3] >> 63) != 0; }
  bool operator==(const Int256&) const = default;
};

// An unscaled value with its scale: 1.50 is {150, 2}.
struct DecimalValue {
  Int256 unscaled;
  int scale = 0;
};

// "-1.50": all `scale` digits are written, also trailing zeros.
void append_decimal(std::string& out, const Int256& unscaled, int scale);
void append_decimal(std::string& out, Int128 unscaled, int scale);
// Optional sign, digits, optional point and digits, optional exponent. Nothing when it is malformed or takes more than 76 digits.
std::optional<DecimalValue> parse_decimal(std::string_view text);
// To another scale; nothing when digits other than zero would be lost or the result takes more than `precision` digits.
std::optional<Int256> rescale(const DecimalValue& value, int precision, int scale);

// The unscaled value of a decimal column's row, whatever its width.
Int256 decimal_at(const Column& column, std::size_t row);
// Appends it in the width of the builder's type; it must fit (rescale checks).
void append_decimal_value(ColumnBuilder& builder, const Int256& unscaled);

}  // namespace weir::data
