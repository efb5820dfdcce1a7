#include "connectors/mongodb/bson_reader.hpp"

#include <bson/bson.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.hpp"

namespace weir::mongodb {
namespace {

using documents::Value;

constexpr std::size_t kLengthBytes = sizeof(std::int32_t);
constexpr std::size_t kBinaryHead = kLengthBytes + 1;
constexpr std::int32_t kUuidBytes = 16;
constexpr std::size_t kObjectIdBytes = 12;

Value::Kind binary_kind(const std::uint8_t* value) {
  const auto subtype = static_cast<BinarySubtype>(value[kLengthBytes]);
  if (subtype == BinarySubtype::Generic) return Value::Kind::Binary;
  if (subtype == BinarySubtype::Uuid && read_int32(value) == kUuidBytes) return Value::Kind::Uuid;
  return Value::Kind::Other;
}

// Decimal128 keeps its kind in the highest bits: 11110 is infinite, 11111 is NaN (IEEE 754-2008, 3.5.2).
bool is_finite_decimal(const std::uint8_t* value) { return (value[15] & 0x78) != 0x78; }

Value::Kind kind_of(BsonType type, const std::uint8_t* value) {
  switch (type) {
    case BsonType::Double: return Value::Kind::Float;
    case BsonType::String: return Value::Kind::String;
    case BsonType::Document: return Value::Kind::Object;
    case BsonType::Array: return Value::Kind::List;
    case BsonType::Binary: return binary_kind(value);
    case BsonType::ObjectId: return Value::Kind::ObjectId;
    case BsonType::Bool: return Value::Kind::Bool;
    case BsonType::DateTime: return Value::Kind::Instant;
    case BsonType::Null: return Value::Kind::Null;
    case BsonType::Int32:
    case BsonType::Int64: return Value::Kind::Integer;
    case BsonType::Decimal128: return is_finite_decimal(value) ? Value::Kind::Decimal : Value::Kind::Other;
    default: return Value::Kind::Other;
  }
}

std::size_t name_size(const std::uint8_t* at) { return std::strlen(reinterpret_cast<const char*>(at)); }

}  // namespace

bool Elements::next(Element& element) {
  if (*at_ == 0) return false;
  element.type = static_cast<BsonType>(*at_);
  const auto length = name_size(at_ + 1);
  element.name = {reinterpret_cast<const char*>(at_ + 1), length};
  element.value = at_ + 2 + length;
  at_ = element.value + value_size(element.type, element.value);
  return true;
}

KnownName::KnownName(std::string_view name) : bytes_(name) {
  const auto count = std::min(size(), kWord);
  std::memcpy(&head_, bytes_.c_str(), count);
  std::memset(&mask_, 0xff, count);
  if (size() > kWord) std::memcpy(&tail_, bytes_.c_str() + size() - kWord, kWord);
}

std::size_t value_size(BsonType type, const std::uint8_t* value) {
  switch (type) {
    case BsonType::Undefined:
    case BsonType::Null:
    case BsonType::MinKey:
    case BsonType::MaxKey: return 0;
    case BsonType::Bool: return 1;
    case BsonType::Int32: return 4;
    case BsonType::Double:
    case BsonType::DateTime:
    case BsonType::Timestamp:
    case BsonType::Int64: return 8;
    case BsonType::ObjectId: return kObjectIdBytes;
    case BsonType::Decimal128: return 16;
    case BsonType::String:
    case BsonType::Code:
    case BsonType::Symbol: return kLengthBytes + static_cast<std::size_t>(read_int32(value));
    case BsonType::Document:
    case BsonType::Array:
    case BsonType::CodeWithScope: return static_cast<std::size_t>(read_int32(value));
    case BsonType::Binary: return kBinaryHead + static_cast<std::size_t>(read_int32(value));
    case BsonType::DbPointer: return kLengthBytes + static_cast<std::size_t>(read_int32(value)) + kObjectIdBytes;
    case BsonType::Regex: {
      const auto pattern = name_size(value) + 1;
      return pattern + name_size(value + pattern) + 1;
    }
  }
  return 0;
}

std::string_view read_text(const std::uint8_t* at) {
  return {reinterpret_cast<const char*>(at + kLengthBytes), static_cast<std::size_t>(read_int32(at)) - 1};
}

std::string decimal_text(const std::uint8_t* at) {
  bson_decimal128_t value;
  std::memcpy(&value.low, at, sizeof value.low);
  std::memcpy(&value.high, at + sizeof value.low, sizeof value.high);
  char text[BSON_DECIMAL128_STRING];
  bson_decimal128_to_string(&value, text);
  return text;
}

BsonValue::BsonValue(BsonType type, const std::uint8_t* value)
    : documents::Value(kind_of(type, value)), type_(type), value_(value) {}

std::string_view BsonValue::text() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (kind_) {
    case Kind::String: return read_text(value_);
    case Kind::Binary:
    case Kind::Uuid:
      return {reinterpret_cast<const char*>(value_ + kBinaryHead), static_cast<std::size_t>(read_int32(value_))};
    case Kind::ObjectId:
      for (std::size_t i = 0; i < kObjectIdBytes; ++i) {
        text_[2 * i] = kDigits[value_[i] >> 4];
        text_[2 * i + 1] = kDigits[value_[i] & 15];
      }
      return {text_.data(), 2 * kObjectIdBytes};
    case Kind::Decimal: {
      const auto digits = decimal_text(value_);
      WEIR_CHECK(digits.size() <= text_.size());
      std::ranges::copy(digits, text_.begin());
      return {text_.data(), digits.size()};
    }
    default: return {};
  }
}

std::int64_t BsonValue::integer() const { return type_ == BsonType::Int32 ? read_int32(value_) : read_int64(value_); }

Result<void> BsonValue::members(const documents::TakeMember& take) {
  Elements elements{value_};
  for (Element element; elements.next(element);) {
    BsonValue value{element.type, element.value};
    WEIR_TRY(take(element.name, value));
  }
  return {};
}

Result<void> BsonValue::elements(const documents::TakeElement& take) {
  Elements all{value_};
  for (Element element; all.next(element);) {
    BsonValue value{element.type, element.value};
    WEIR_TRY(take(value));
  }
  return {};
}

Result<void> BsonValue::append_json(std::string& out) {
  append_extended_json(out, type_, value_, JsonForm::Relaxed);
  return {};
}

}  // namespace weir::mongodb
