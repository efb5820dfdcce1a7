#include "connectors/files/json_lines_scanner.hpp"

#include "base/json.hpp"

namespace weir::files {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

class LineScanner {
 public:
  explicit LineScanner(std::string_view line) : line_(line) {}

  Result<void> object(const std::function<Result<void>(std::string_view, const JsonValue&)>& take) {
    skip_spaces();
    if (!take_char('{')) return malformed("an object begins with {");
    skip_spaces();
    if (!take_char('}')) {
      do {
        skip_spaces();
        WEIR_TRY(string(name_));
        skip_spaces();
        if (!take_char(':')) return malformed("a : follows a name");
        skip_spaces();
        const auto read = WEIR_TRY(value());
        WEIR_TRY(take(name_, read));
        skip_spaces();
      } while (take_char(','));
      if (!take_char('}')) return malformed("a , or } follows a value");
    }
    skip_spaces();
    if (at_ != line_.size()) return malformed("nothing follows the object");
    return {};
  }

 private:
  char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }
  bool take_char(char expected) {
    if (at_ == line_.size() || line_[at_] != expected) return false;
    ++at_;
    return true;
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
  }
  Error malformed(std::string_view expected) const {
    return Error{Fault::External, Code::InvalidData, fmt::format("malformed JSON at byte {}: {}", at_ + 1, expected)};
  }

  Result<JsonValue> value() {
    const auto begin = at_;
    switch (peek()) {
      case '"': WEIR_TRY(string(string_)); return JsonValue{JsonValue::Kind::String, string_};
      case '{':
      case '[': WEIR_TRY(nested()); return JsonValue{JsonValue::Kind::Nested, line_.substr(begin, at_ - begin)};
      case 't':
      case 'f':
      case 'n':
        for (const std::string_view word : {"true", "false", "null"}) {
          if (!line_.substr(at_).starts_with(word)) continue;
          at_ += word.size();
          return JsonValue{word == "null" ? JsonValue::Kind::Null : JsonValue::Kind::Bool, word};
        }
        return malformed("a value is expected");
      default: WEIR_TRY(number()); return JsonValue{JsonValue::Kind::Number, line_.substr(begin, at_ - begin)};
    }
  }

  Result<void> number() {
    take_char('-');
    if (!take_char('0')) WEIR_TRY(digits());
    if (take_char('.')) WEIR_TRY(digits());
    if (take_char('e') || take_char('E')) {
      if (!take_char('-')) take_char('+');
      WEIR_TRY(digits());
    }
    return {};
  }

  Result<void> digits() {
    if (!is_digit(peek())) return malformed("a value is expected");
    while (is_digit(peek())) ++at_;
    return {};
  }

  Result<void> string(std::string& out) {
    if (!take_char('"')) return malformed("a \" begins a name");
    out.clear();
    for (;;) {
      const auto plain = line_.find_first_of("\"\\", at_);
      if (plain == std::string_view::npos) return malformed("a string is never closed");
      for (auto i = at_; i < plain; ++i) {
        if (static_cast<unsigned char>(line_[i]) < 0x20)
          return malformed("a control character in a string is written \\u00xx");
      }
      out.append(line_, at_, plain - at_);
      at_ = plain + 1;
      if (line_[plain] == '"') return {};
      WEIR_TRY(escape(out));
    }
  }

  Result<void> escape(std::string& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/': out += c; return {};
      case 'b': out += '\b'; return {};
      case 'f': out += '\f'; return {};
      case 'n': out += '\n'; return {};
      case 'r': out += '\r'; return {};
      case 't': out += '\t'; return {};
      case 'u': break;
      default: return malformed("unknown escape in a string");
    }
    auto point = WEIR_TRY(hex4());
    if (point >= 0xd800 && point < 0xdc00 && take_char('\\') && take_char('u')) {
      const auto low = WEIR_TRY(hex4());
      if (low < 0xdc00 || low > 0xdfff) return malformed("half a surrogate pair in a string");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xd800 && point < 0xe000) {
      return malformed("half a surrogate pair in a string");
    }
    if (point == 0) return malformed("a NUL character in a string");
    append_utf8(out, point);
    return {};
  }

  Result<std::uint32_t> hex4() {
    std::uint32_t point = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      if (is_digit(c)) {
        point = point << 4 | static_cast<std::uint32_t>(c - '0');
      } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
        point = point << 4 | static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
      } else {
        return malformed("four hexadecimal digits follow \\u");
      }
    }
    return point;
  }

  // An object or array as a whole: its end is where its brackets close, its inside is judged by the JSON library.
  Result<void> nested() {
    const auto begin = at_;
    int depth = 0;
    bool in_string = false;
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (in_string) {
        if (c == '\\') {
          ++at_;
        } else if (c == '"') {
          in_string = false;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        ++at_;
        if (Json::accept(line_.substr(begin, at_ - begin))) return {};
        at_ = begin;
        return malformed("a nested value is not JSON");
      }
    }
    at_ = begin;
    return malformed("a nested value is never closed");
  }

  std::string_view line_;
  std::size_t at_ = 0;
  std::string name_;
  std::string string_;
};

}  // namespace

Result<void> scan_json_object(std::string_view line,
                              const std::function<Result<void>(std::string_view name, const JsonValue& value)>& take) {
  return LineScanner{line}.object(take);
}

}  // namespace weir::files
