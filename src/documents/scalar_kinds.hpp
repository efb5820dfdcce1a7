#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "data/type.hpp"
#include "documents/rules.hpp"
#include "documents/value.hpp"

namespace weir::documents {

// Which kinds of values were seen at a place: a set that only grows, and the type that holds them all.
class ScalarKinds {
 public:
  static constexpr std::uint32_t kNull = 1U << 0;
  static constexpr std::uint32_t kBool = 1U << 1;
  static constexpr std::uint32_t kInteger = 1U << 2;
  static constexpr std::uint32_t kLargeInteger = 1U << 3;  // within int64, not exact in float64
  static constexpr std::uint32_t kWideInteger = 1U << 4;   // beyond int64, to 38 digits
  static constexpr std::uint32_t kWiderInteger = 1U << 5;  // to 76 digits
  static constexpr std::uint32_t kFloat = 1U << 6;
  static constexpr std::uint32_t kHugeNumber = 1U << 7;  // no type holds it
  static constexpr std::uint32_t kText = 1U << 8;
  static constexpr std::uint32_t kDate = 1U << 9;  // text that is one
  static constexpr std::uint32_t kInstant = 1U << 10;
  static constexpr std::uint32_t kNested = 1U << 11;  // an object or a list that is kept as json
  static constexpr std::uint32_t kMoment = 1U << 12;  // Instant
  static constexpr std::uint32_t kObjectId = 1U << 13;
  static constexpr std::uint32_t kBinary = 1U << 14;
  static constexpr std::uint32_t kUuid = 1U << 15;
  static constexpr std::uint32_t kDecimal = 1U << 16;  // with the most digits of any, before and behind the point
  static constexpr std::uint32_t kOther = 1U << 17;

  ScalarKinds() = default;
  explicit ScalarKinds(std::uint32_t bits, int digits_before = 0, int digits_behind = 0)
      : bits_(bits), digits_before_(digits_before), digits_behind_(digits_behind) {}
  // Of one value; objects and lists are kNested.
  static ScalarKinds of(const Value& value, Times times) {
    if (value.kind() == Value::Kind::String && times == Times::Text) return ScalarKinds{kText};
    // None of so few characters is large, or huge.
    if (value.kind() == Value::Kind::Number && value.digits() != Value::Digits::Unknown)
      return ScalarKinds{value.digits() == Value::Digits::Whole ? kInteger : kFloat};
    return of_any(value, times);
  }

  ScalarKinds operator|(ScalarKinds other) const {
    return ScalarKinds{bits_ | other.bits_, std::max(digits_before_, other.digits_before_),
                       std::max(digits_behind_, other.digits_behind_)};
  }
  void add(ScalarKinds other) {
    if ((bits_ | other.bits_) == bits_ && other.digits_before_ <= digits_before_ &&
        other.digits_behind_ <= digits_behind_)
      return;
    *this = *this | other;
  }
  bool empty() const { return bits_ == 0; }
  bool only_null() const { return (bits_ & ~kNull) == 0; }
  std::uint32_t bits() const { return bits_; }
  int digits_before() const { return digits_before_; }
  int digits_behind() const { return digits_behind_; }
  data::Type type() const;
  bool operator==(const ScalarKinds&) const = default;

 private:
  static ScalarKinds of_any(const Value& value, Times times);
  data::Type decimal_type() const;

  std::uint32_t bits_ = 0;
  int digits_before_ = 0;  // of decimals
  int digits_behind_ = 0;
};

}  // namespace weir::documents
