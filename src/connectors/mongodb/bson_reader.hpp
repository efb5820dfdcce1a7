#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "connectors/mongodb/bson_type.hpp"
#include "connectors/mongodb/document.hpp"
#include "documents/value.hpp"

namespace weir::mongodb {

// One element of a document that check_document found whole: nothing is checked again.
struct Element {
  BsonType type = BsonType::Null;
  std::string_view name;
  const std::uint8_t* value = nullptr;
};

// Walks the elements of a document or an array whose bytes begin at `document`.
class Elements {
 public:
  explicit Elements(const std::uint8_t* document) : at_(document + sizeof(std::int32_t)) {}
  // False at the end.
  bool next(Element& element);

 private:
  const std::uint8_t* at_;
};

// A number as BSON has it: of any alignment, least significant byte first, as all machines that Weir is built for.
template <typename Number>
Number read_number(const std::uint8_t* at) {
  Number value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline std::int32_t read_int32(const std::uint8_t* at) { return read_number<std::int32_t>(at); }
inline std::int64_t read_int64(const std::uint8_t* at) { return read_number<std::int64_t>(at); }
inline double read_double(const std::uint8_t* at) { return read_number<double>(at); }

// What follows the name at `at`.
inline const std::uint8_t* behind_name(const std::uint8_t* at) {
  while (*at != 0) ++at;
  return at + 1;
}

// A name that is looked for in many documents: most are short, and are compared in two steps.
class KnownName {
 public:
  explicit KnownName(std::string_view name = {});

  // Bytes with the NUL behind it.
  std::size_t size() const { return bytes_.size() + 1; }
  // Whether it stands at `at`. Nothing is read from `limit` on.
  bool is_at(const std::uint8_t* at, const std::uint8_t* limit) const {
    if (static_cast<std::size_t>(limit - at) < std::max(size(), kWord)) return is_whole_at(at, limit);
    if ((read_number<std::uint64_t>(at) & mask_) != head_) return false;
    if (size() <= kWord) return true;
    return read_number<std::uint64_t>(at + size() - kWord) == tail_ && (size() <= 2 * kWord || is_whole_at(at, limit));
  }

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);
  bool is_whole_at(const std::uint8_t* at, const std::uint8_t* limit) const {
    return static_cast<std::size_t>(limit - at) >= size() && std::memcmp(at, bytes_.c_str(), size()) == 0;
  }

  std::string bytes_;
  std::uint64_t head_ = 0;  // its first bytes
  std::uint64_t mask_ = 0;  // of those that are its own
  std::uint64_t tail_ = 0;  // its last bytes, of a name that has so many
};

// How many bytes a value takes.
std::size_t value_size(BsonType type, const std::uint8_t* value);

// A string's characters.
std::string_view read_text(const std::uint8_t* at);
// "1.50", "NaN", "-Infinity", as the specification of Decimal128 writes it.
std::string decimal_text(const std::uint8_t* at);

// A value of a checked document as documents:: takes it. src/connectors/mongodb/TYPES.md is its table. JSON is relaxed
// Extended JSON, version 2 (https://github.com/mongodb/specifications, extended-json).
class BsonValue final : public documents::Value {
 public:
  BsonValue(BsonType type, const std::uint8_t* value);
  // The document itself.
  static BsonValue root(BsonBytes document) { return {BsonType::Document, document.data()}; }

  bool boolean() const override { return *value_ != 0; }
  std::string_view text() const override;
  std::int64_t integer() const override;
  double real() const override { return read_double(value_); }
  Result<void> members(const documents::TakeMember& take) override;
  Result<void> elements(const documents::TakeElement& take) override;
  Result<void> append_json(std::string& out) override;
  Result<void> validate(std::string&) override { return {}; }

 private:
  BsonType type_;
  const std::uint8_t* value_;
  mutable std::array<char, 48> text_{};  // of an ObjectId or a Decimal128
};

enum class JsonForm { Relaxed, Canonical };
// Appends a value of a checked document as Extended JSON on one line, without spaces.
void append_extended_json(std::string& out, BsonType type, const std::uint8_t* value, JsonForm form);

}  // namespace weir::mongodb
