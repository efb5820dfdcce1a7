#include "connectors/mongodb/bson_check.hpp"

#include <bson/bson.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>
#include <vector>

#include "connectors/mongodb/bson_reader.hpp"

namespace weir::mongodb {
namespace {

constexpr int kLevelsMax = 200;
constexpr std::size_t kFewNames = 24;
constexpr std::int64_t kYear1 = -62'135'596'800'000;
constexpr std::int64_t kYear10000 = 253'402'300'800'000;
constexpr std::size_t kDocumentBytesMin = 5;

enum class Text { Plain, NotUtf8, HasNul };

// Eight bytes at a time while they are ASCII other than NUL, as nearly all are.
Text look_at(std::string_view text) {
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    // A byte is zero where taking one away from it sets its high bit.
    if (((word | (word - kOnes)) & kHigh) != 0) break;
  }
  const auto rest = text.substr(at);
  if (std::ranges::all_of(rest, [](char c) { return c > 0; })) return Text::Plain;
  if (!bson_utf8_validate(rest.data(), rest.size(), true)) return Text::NotUtf8;
  return rest.find('\0') == std::string_view::npos ? Text::Plain : Text::HasNul;
}

class Checker {
 public:
  explicit Checker(NulText nul) : nul_(nul) {}

  bool document(const std::uint8_t* at, const std::uint8_t* limit, bool is_list, int level) {
    if (level > kLevelsMax) return fail(fmt::format("nested deeper than {} levels", kLevelsMax));
    const auto size = sized(at, limit, kDocumentBytesMin);
    if (size == 0 || at[size - 1] != 0) return fail("bytes that are no BSON document");
    const auto* end = at + size - 1;
    std::array<std::string_view, kFewNames> names;
    std::size_t count = 0;
    std::unordered_set<std::string_view> many;
    at += sizeof(std::int32_t);
    while (at < end) {
      const auto type = static_cast<BsonType>(*at);
      const auto* name_end =
          static_cast<const std::uint8_t*>(std::memchr(at + 1, 0, static_cast<std::size_t>(end - at - 1)));
      if (*at == 0 || name_end == nullptr) return fail("bytes that are no BSON document");
      const std::string_view name{reinterpret_cast<const char*>(at + 1), static_cast<std::size_t>(name_end - at - 1)};
      path_.push_back(name);
      if (!is_list) {
        if (look_at(name) == Text::NotUtf8) return fail("a name that is not UTF-8");
        const bool repeated = count < kFewNames
                                  ? std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count),
                                              name) != names.begin() + static_cast<std::ptrdiff_t>(count)
                                  : !many.insert(name).second;
        if (repeated) return fail("a name that its object has twice");
        if (count < kFewNames) {
          names[count++] = name;
          if (count == kFewNames) many.insert(names.begin(), names.end());
        }
      }
      at = value(type, name_end + 1, end, level);
      if (at == nullptr) return false;
      path_.pop_back();
    }
    return at == end || fail("bytes that are no BSON document");
  }

  std::optional<std::string> reason() && { return std::move(reason_); }

 private:
  bool fail(std::string_view what) {
    if (reason_) return false;
    std::string path;
    for (const auto name : path_) {
      path += path.empty() ? "" : ".";
      path += name.substr(0, 100);
    }
    // A name may be what is wrong.
    if (!bson_utf8_validate(path.data(), path.size(), false)) path = "(a name that is not UTF-8)";
    reason_ = path.empty() ? std::string{what} : fmt::format("{}: {}", path, what);
    return false;
  }
  const std::uint8_t* lost(std::string_view what) {
    fail(what);
    return nullptr;
  }
  const std::uint8_t* malformed() { return lost("bytes that are no BSON document"); }

  // A length that stands in front of what it counts; 0 where it cannot be true.
  static std::size_t sized(const std::uint8_t* at, const std::uint8_t* limit, std::size_t least) {
    if (limit - at < static_cast<std::ptrdiff_t>(sizeof(std::int32_t))) return 0;
    const auto size = read_int32(at);
    if (size < static_cast<std::int32_t>(least) || size > limit - at) return 0;
    return static_cast<std::size_t>(size);
  }

  const std::uint8_t* fixed(const std::uint8_t* at, const std::uint8_t* limit, std::ptrdiff_t size) {
    return limit - at < size ? malformed() : at + size;
  }

  const std::uint8_t* text(const std::uint8_t* at, const std::uint8_t* limit) {
    const auto* begin = at + sizeof(std::int32_t);
    const auto size = begin > limit ? 0 : read_int32(at);
    if (size < 1 || size > limit - begin || begin[size - 1] != 0) return malformed();
    const auto looks = look_at({reinterpret_cast<const char*>(begin), static_cast<std::size_t>(size - 1)});
    if (looks == Text::NotUtf8) return lost("a text that is not UTF-8");
    if (looks == Text::HasNul && nul_ == NulText::Rejected) return lost("a text with the character U+0000");
    return begin + size;
  }

  const std::uint8_t* c_text(const std::uint8_t* at, const std::uint8_t* limit) {
    const auto* end = static_cast<const std::uint8_t*>(std::memchr(at, 0, static_cast<std::size_t>(limit - at)));
    if (end == nullptr) return malformed();
    const std::string_view found{reinterpret_cast<const char*>(at), static_cast<std::size_t>(end - at)};
    return look_at(found) == Text::NotUtf8 ? lost("a text that is not UTF-8") : end + 1;
  }

  const std::uint8_t* binary(const std::uint8_t* at, const std::uint8_t* limit) {
    constexpr std::ptrdiff_t kHead = 5;
    if (limit - at < kHead) return malformed();
    const auto size = read_int32(at);
    return size < 0 || size > limit - at - kHead ? malformed() : at + kHead + size;
  }

  const std::uint8_t* code_with_scope(const std::uint8_t* at, const std::uint8_t* limit, int level) {
    const auto size = sized(at, limit, 14);
    if (size == 0) return malformed();
    const auto* end = at + size;
    const auto* scope = text(at + sizeof(std::int32_t), end);
    if (scope == nullptr || !document(scope, end, false, level + 1)) return nullptr;
    return scope + read_int32(scope) == end ? end : malformed();
  }

  const std::uint8_t* value(BsonType type, const std::uint8_t* at, const std::uint8_t* limit, int level) {
    switch (type) {
      case BsonType::String:
      case BsonType::Code:
      case BsonType::Symbol: return text(at, limit);
      case BsonType::Document:
      case BsonType::Array:
        return document(at, limit, type == BsonType::Array, level + 1) ? at + read_int32(at) : nullptr;
      case BsonType::Binary: return binary(at, limit);
      case BsonType::DateTime: {
        const auto* end = fixed(at, limit, 8);
        if (end == nullptr) return nullptr;
        return is_sound_date(read_int64(at)) ? end : lost("a date outside of the years 1 to 9999");
      }
      case BsonType::Regex: {
        const auto* options = c_text(at, limit);
        return options == nullptr ? nullptr : c_text(options, limit);
      }
      case BsonType::DbPointer: {
        const auto* id = text(at, limit);
        return id == nullptr ? nullptr : fixed(id, limit, 12);
      }
      case BsonType::CodeWithScope: return code_with_scope(at, limit, level);
      case BsonType::Undefined:
      case BsonType::Null:
      case BsonType::MinKey:
      case BsonType::MaxKey: return at;
      case BsonType::Bool: return fixed(at, limit, 1);
      case BsonType::Int32: return fixed(at, limit, 4);
      case BsonType::Double:
      case BsonType::Timestamp:
      case BsonType::Int64: return fixed(at, limit, 8);
      case BsonType::ObjectId: return fixed(at, limit, 12);
      case BsonType::Decimal128: return fixed(at, limit, 16);
    }
    return lost(fmt::format("a value of an unknown type {}", static_cast<int>(type)));
  }

  const NulText nul_;
  std::vector<std::string_view> path_;
  std::optional<std::string> reason_;
};

}  // namespace

std::optional<std::string> check_document(BsonBytes document, NulText nul) {
  Checker checker{nul};
  const auto* begin = document.data();
  if (document.size() < kDocumentBytesMin || read_int32(begin) != static_cast<std::int32_t>(document.size()))
    return "bytes that are no BSON document";
  checker.document(begin, begin + document.size(), false, 0);
  return std::move(checker).reason();
}

bool is_sound(Inner kind, const std::uint8_t* at, const std::uint8_t* limit, int level, NulText nul) {
  return Checker{nul}.document(at, limit, kind == Inner::Array, level);
}

bool is_sound(std::string_view text, NulText nul) {
  const auto looks = look_at(text);
  return looks == Text::Plain || (looks == Text::HasNul && nul == NulText::Kept);
}

bool is_sound_date(std::int64_t milliseconds) { return milliseconds >= kYear1 && milliseconds < kYear10000; }

}  // namespace weir::mongodb
