#include "documents/json_parser.hpp"

#include <simdjson.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "data/text.hpp"
#include "documents/json_scan.hpp"

namespace weir::documents {
namespace {

static_assert(kJsonPadding >= 64);  // what NestingScan may read

Error malformed(std::string_view why) {
  return Error{Fault::External, Code::InvalidData, fmt::format("invalid JSON: {}", why)};
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// The four digits of \uXXXX at `at`; -1 when they are none.
std::int32_t read_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  std::int32_t unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// The characters behind the escapes (RFC 8259, section 7); false when one is malformed.
bool unescape(std::string_view text, std::string& out) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    if (++at == text.size()) return false;
    switch (text[at]) {
      case '"':
      case '\\':
      case '/': out += text[at]; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': {
        const auto unit = read_unit(text, at + 1);
        if (unit < 0) return false;
        at += 4;
        auto code = static_cast<std::uint32_t>(unit);
        if (code >= 0xD800 && code < 0xE000) {
          const bool has_second = code < 0xDC00 && text.substr(at + 1).starts_with("\\u");
          const auto second = has_second ? read_unit(text, at + 3) : -1;
          if (second >= 0xDC00 && second < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<std::uint32_t>(second) - 0xDC00);
            at += 6;
          } else {
            code = kReplacement;
          }
        }
        append_utf8(out, code);
        break;
      }
      default: return false;
    }
  }
  return true;
}

// Characters that a string's escapes stand for, for as long as its document is read.
class Unescaped {
 public:
  void clear() { used_ = 0; }
  std::string& next() {
    if (used_ == texts_.size()) texts_.push_back(std::make_unique<std::string>());
    auto& text = *texts_[used_++];
    text.clear();
    return text;
  }

 private:
  std::vector<std::unique_ptr<std::string>> texts_;
  std::size_t used_ = 0;
};

// A text while it is read. What fails says why, and leaves the rest unread.
class Reader {
 public:
  void begin(std::string_view text) {
    at_ = text.data();
    end_ = text.data() + text.size();
    unescaped_.clear();
  }

  void skip_spaces() {
    while (at_ < end_ && is_space(*at_)) ++at_;
  }
  // The next character that is no space; 0 at the end.
  char peek() {
    skip_spaces();
    return at_ < end_ ? *at_ : '\0';
  }
  bool at_end() const { return at_ == end_; }
  void skip_one() { ++at_; }
  const char* at() const { return at_; }

  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }
  Error failure() const { return malformed(why_); }
  bool fail_expecting(std::string_view wanted) {
    if (at_ >= end_) return fail("the text is cut off");
    const auto left = static_cast<std::size_t>(end_ - at_);
    return fail(fmt::format("not {}: {}", wanted, std::string_view{at_, std::min<std::size_t>(left, 40)}));
  }

  // From behind the first quote to behind the last.
  bool read_string(std::string_view& text) {
    const auto* begin = at_;
    const auto* at = find_string_special(begin, end_);
    bool has_escapes = false;
    while (at < end_ && *at == '\\') {
      has_escapes = true;
      at = at + 2 < end_ ? find_string_special(at + 2, end_) : end_;
    }
    if (at == end_) return fail("a string without its end");
    if (*at != '"') return fail("a control character in a string");
    at_ = at + 1;
    text = {begin, static_cast<std::size_t>(at - begin)};
    return !has_escapes || unescape_into_kept(text);
  }

  // RFC 8259, section 6.
  bool read_number(std::string_view& text, Value::Digits& digits_kind) {
    constexpr std::ptrdiff_t kShort = 15;
    const auto* begin = at_;
    digits_kind = Value::Digits::Whole;
    if (has('-')) ++at_;
    const auto* whole = at_;
    const auto digits = skip_digits();
    if (digits == 0 || (*whole == '0' && digits > 1)) return fail_at(begin);
    if (has('.')) {
      ++at_;
      digits_kind = Value::Digits::Fraction;
      if (skip_digits() == 0) return fail_at(begin);
    }
    if (has('e') || has('E')) {
      ++at_;
      digits_kind = Value::Digits::Unknown;
      if (has('+') || has('-')) ++at_;
      if (skip_digits() == 0) return fail_at(begin);
    }
    if (at_ - begin > kShort) digits_kind = Value::Digits::Unknown;
    text = {begin, static_cast<std::size_t>(at_ - begin)};
    return true;
  }

  bool read_word(std::string_view word, std::string_view& text) {
    text = {at_, word.size()};
    if (static_cast<std::size_t>(end_ - at_) < word.size() || text != word) return fail_at(at_);
    at_ += word.size();
    return true;
  }

  // From inside of brackets to behind the last of them.
  bool skip_nested() {
    nesting_.begin(1);
    at_ = nesting_.run(at_, end_);
    return nesting_.closed() || fail("the text is cut off");
  }

 private:
  bool has(char c) const { return at_ < end_ && *at_ == c; }
  std::size_t skip_digits() {
    const auto* begin = at_;
    while (at_ < end_ && is_digit(*at_)) ++at_;
    return static_cast<std::size_t>(at_ - begin);
  }
  bool fail_at(const char* begin) {
    const auto left = static_cast<std::size_t>(end_ - begin);
    return fail(fmt::format("not a value: {}", std::string_view{begin, std::min<std::size_t>(left, 40)}));
  }
  bool unescape_into_kept(std::string_view& text) {
    auto& plain = unescaped_.next();
    if (!unescape(text, plain)) return fail(fmt::format("a bad escape in a string: {}", text.substr(0, 40)));
    text = plain;
    return true;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  NestingScan nesting_;
  Unescaped unescaped_;
  std::string why_;
};

class JsonValue final : public Value {
 public:
  JsonValue(Reader& reader, int depth) : reader_(reader), depth_(depth) {}

  // Reads the value that begins here; of an object or a list only the bracket. False when the reader has failed.
  bool begin() {
    is_open_ = false;
    switch (reader_.peek()) {
      case '{':
      case '[':
        kind_ = *reader_.at() == '{' ? Kind::Object : Kind::List;
        is_open_ = true;
        reader_.skip_one();
        return true;
      case '"':
        kind_ = Kind::String;
        reader_.skip_one();
        return reader_.read_string(text_);
      case 't':
      case 'f':
        kind_ = Kind::Bool;
        boolean_ = *reader_.at() == 't';
        return reader_.read_word(boolean_ ? "true" : "false", text_);
      case 'n': kind_ = Kind::Null; return reader_.read_word("null", text_);
      case '\0': return reader_.fail_expecting("a value");
      default: kind_ = Kind::Number; return reader_.read_number(text_, digits_);
    }
  }
  // Goes behind a value that nobody read. False when the reader has failed.
  bool end() {
    if (!is_open_) return true;
    is_open_ = false;
    return reader_.skip_nested();
  }

  bool boolean() const override { return boolean_; }
  std::string_view text() const override { return text_; }

  Result<void> members(const TakeMember& take) override {
    JsonValue member{reader_, depth_ + 1};
    return inside('}', [&]() -> Result<void> {
      std::string_view name;
      if (!read_name(name) || !member.begin()) return reader_.failure();
      WEIR_TRY(take(name, member));
      return member.end() ? Result<void>{} : reader_.failure();
    });
  }

  Result<void> elements(const TakeElement& take) override {
    JsonValue element{reader_, depth_ + 1};
    return inside(']', [&]() -> Result<void> {
      if (!element.begin()) return reader_.failure();
      WEIR_TRY(take(element));
      return element.end() ? Result<void>{} : reader_.failure();
    });
  }

  Result<void> append_json(std::string& out) override {
    switch (kind_) {
      case Kind::Object: return append_members(out);
      case Kind::List: return append_elements(out);
      case Kind::Null: out += "null"; break;
      case Kind::String: data::append_json_text(out, text_); break;
      default: out += text_;
    }
    return {};
  }

 private:
  // Reads what stands between two brackets, part by part.
  template <typename ReadPart>
  Result<void> inside(char closing, const ReadPart& read_part) {
    WEIR_CHECK(is_open_);
    is_open_ = false;
    if (depth_ >= kJsonDepthMax) return malformed(fmt::format("nested deeper than {} levels", kJsonDepthMax));
    if (reader_.peek() == closing) {
      reader_.skip_one();
      return {};
    }
    while (true) {
      WEIR_TRY(read_part());
      const char behind = reader_.peek();
      if (behind != ',' && behind != closing) {
        reader_.fail_expecting("a comma or the end of what was opened");
        return reader_.failure();
      }
      reader_.skip_one();
      if (behind == closing) return {};
    }
  }

  bool read_name(std::string_view& name) {
    if (reader_.peek() != '"') return reader_.fail_expecting("a name");
    reader_.skip_one();
    if (!reader_.read_string(name)) return false;
    if (reader_.peek() != ':') return reader_.fail_expecting("a colon behind a name");
    reader_.skip_one();
    return true;
  }

  Result<void> append_members(std::string& out) {
    char separator = '{';
    WEIR_TRY(members([&](std::string_view name, Value& value) {
      out += std::exchange(separator, ',');
      data::append_json_text(out, name);
      out += ':';
      return value.append_json(out);
    }));
    out += separator == '{' ? "{}" : "}";
    return {};
  }
  Result<void> append_elements(std::string& out) {
    char separator = '[';
    WEIR_TRY(elements([&](Value& value) {
      out += std::exchange(separator, ',');
      return value.append_json(out);
    }));
    out += separator == '[' ? "[]" : "]";
    return {};
  }

  Reader& reader_;
  const int depth_;
  bool boolean_ = false;
  bool is_open_ = false;  // an object or a list whose inside is unread
  std::string_view text_;
};

}  // namespace

struct JsonParser::State {
  Reader reader;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

Result<void> JsonParser::parse(std::string_view text, const TakeElement& take) {
  const bool is_utf8 =
      is_ascii(text.data(), text.data() + text.size()) || simdjson::validate_utf8(text.data(), text.size());
  if (!is_utf8) return malformed("text that is not UTF-8");
  auto& reader = state_->reader;
  reader.begin(text);
  reader.skip_spaces();
  if (reader.at_end()) return malformed("an empty text");
  JsonValue value{reader, 0};
  if (!value.begin()) return reader.failure();
  WEIR_TRY(take(value));
  if (!value.end()) return reader.failure();
  reader.skip_spaces();
  if (reader.at_end()) return {};
  reader.fail_expecting("the end");
  return reader.failure();
}

}  // namespace weir::documents
