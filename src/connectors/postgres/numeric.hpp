#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/buffer.hpp"
#include "data/decimal.hpp"

// numeric on the wire (numeric_send in src/backend/utils/adt/numeric.c): uint16 group count, int16 weight of the first
// group, uint16 sign, uint16 digits after the point to show, then groups of four decimal digits as int16.
namespace weir::postgres {

enum class NumericSign : std::uint16_t {
  Positive = 0x0000,
  Negative = 0x4000,
  NaN = 0xC000,
  Infinity = 0xD000,
  MinusInfinity = 0xF000,
};

// A view of one well-formed value.
class NumericView {
 public:
  // Nothing when the bytes are not a numeric.
  static std::optional<NumericView> parse(std::span<const std::byte> bytes);

  NumericSign sign() const { return sign_; }
  bool finite() const { return sign_ == NumericSign::Positive || sign_ == NumericSign::Negative; }
  // All digits, as numeric_out writes them: "-12.50", "NaN", "Infinity".
  void append_text(std::string& out) const;
  // The unscaled value in a type that holds `precision` digits (std::int64_t to 18, data::Int128 to 38); nothing when
  // the value has more digits before or after the point.
  template <typename T>
  std::optional<T> unscaled(int precision, int scale) const;

 private:
  int group(int index) const;

  const std::byte* groups_ = nullptr;
  int count_ = 0;
  int weight_ = 0;
  int shown_scale_ = 0;
  NumericSign sign_ = NumericSign::Positive;
};

// Appends the wire form of unscaled / 10^scale, without the length in front.
void append_numeric(data::BufferBuilder& out, std::int64_t unscaled, int scale);
void append_numeric(data::BufferBuilder& out, const data::Int256& unscaled, int scale);

}  // namespace weir::postgres
