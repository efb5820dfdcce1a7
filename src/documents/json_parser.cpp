#include "documents/json_parser.hpp"

#include <simdjson.h>

#include <cstring>
#include <vector>

#include "data/text.hpp"

namespace weir::documents {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

Error malformed(std::string_view why) {
  return Error{Fault::External, Code::InvalidData, fmt::format("invalid JSON: {}", why)};
}
Error malformed(simdjson::error_code code) { return malformed(simdjson::error_message(code)); }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

// RFC 8259, section 6.
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool leading_zero = at < text.size() && text[at] == '0';
  const auto whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

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

// A value that holds no others, from its text.
struct Scalar {
  Value::Kind kind = Value::Kind::Null;
  bool boolean = false;
  std::string_view text;
};

Result<Scalar> read_scalar(std::string_view token, Unescaped& unescaped) {
  token = trimmed(token);
  if (token == "null") return Scalar{};
  if (token == "true" || token == "false") return Scalar{Value::Kind::Bool, token == "true", token};
  if (!token.starts_with('"')) {
    if (!is_number(token)) return malformed(fmt::format("not a value: {}", token.substr(0, 40)));
    return Scalar{Value::Kind::Number, false, token};
  }
  if (token.size() < 2 || !token.ends_with('"')) return malformed("a string without its end");
  auto text = token.substr(1, token.size() - 2);
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return malformed("a control character in a string");
  }
  if (text.find('\\') != std::string_view::npos) {
    auto& plain = unescaped.next();
    if (!unescape(text, plain)) return malformed(fmt::format("a bad escape in a string: {}", text.substr(0, 40)));
    text = plain;
  }
  return Scalar{Value::Kind::String, false, text};
}

void append_scalar(std::string& out, const Scalar& scalar) {
  switch (scalar.kind) {
    case Value::Kind::Null: out += "null"; break;
    case Value::Kind::String: data::append_json_text(out, scalar.text); break;
    default: out += scalar.text;
  }
}

// A document that is one scalar: simdjson's values are objects, lists and what they hold.
class ScalarDocument final : public Value {
 public:
  explicit ScalarDocument(Scalar scalar) : scalar_(scalar) {}
  Kind kind() const override { return scalar_.kind; }
  bool boolean() const override { return scalar_.boolean; }
  std::string_view text() const override { return scalar_.text; }
  Result<void> members(const TakeMember&) override { return Error::bug("a scalar has no members"); }
  Result<void> elements(const TakeElement&) override { return Error::bug("a scalar has no elements"); }
  Result<void> append_json(std::string& out) override {
    append_scalar(out, scalar_);
    return {};
  }

 private:
  Scalar scalar_;
};

class JsonValue final : public Value {
 public:
  static Result<JsonValue> read(ondemand::value value, Unescaped& unescaped, int depth) {
    ondemand::json_type type{};
    if (const auto code = value.type().get(type)) return malformed(code);
    JsonValue read{value, unescaped, depth};
    if (type == ondemand::json_type::object) {
      read.scalar_.kind = Kind::Object;
    } else if (type == ondemand::json_type::array) {
      read.scalar_.kind = Kind::List;
    } else {
      read.scalar_ = WEIR_TRY(read_scalar(value.raw_json_token(), unescaped));
    }
    return read;
  }

  Kind kind() const override { return scalar_.kind; }
  bool boolean() const override { return scalar_.boolean; }
  std::string_view text() const override { return scalar_.text; }

  Result<void> members(const TakeMember& take) override {
    WEIR_TRY(check_depth());
    ondemand::object object;
    if (const auto code = value_.get_object().get(object)) return malformed(code);
    for (auto entry : object) {
      ondemand::field field;
      if (const auto code = std::move(entry).get(field)) return malformed(code);
      std::string_view name;
      if (const auto code = field.unescaped_key().get(name)) return malformed(code);
      auto value = WEIR_TRY(read(field.value(), unescaped_, depth_ + 1));
      WEIR_TRY(take(name, value));
    }
    return {};
  }

  Result<void> elements(const TakeElement& take) override {
    WEIR_TRY(check_depth());
    ondemand::array array;
    if (const auto code = value_.get_array().get(array)) return malformed(code);
    for (auto entry : array) {
      ondemand::value element;
      if (const auto code = std::move(entry).get(element)) return malformed(code);
      auto value = WEIR_TRY(read(element, unescaped_, depth_ + 1));
      WEIR_TRY(take(value));
    }
    return {};
  }

  Result<void> append_json(std::string& out) override {
    if (scalar_.kind != Kind::Object && scalar_.kind != Kind::List) {
      append_scalar(out, scalar_);
      return {};
    }
    const bool is_object = scalar_.kind == Kind::Object;
    out += is_object ? '{' : '[';
    bool first = true;
    const auto separate = [&] {
      if (!first) out += ',';
      first = false;
    };
    if (is_object) {
      WEIR_TRY(members([&](std::string_view name, Value& value) {
        separate();
        data::append_json_text(out, name);
        out += ':';
        return value.append_json(out);
      }));
    } else {
      WEIR_TRY(elements([&](Value& value) {
        separate();
        return value.append_json(out);
      }));
    }
    out += is_object ? '}' : ']';
    return {};
  }

 private:
  JsonValue(ondemand::value value, Unescaped& unescaped, int depth)
      : value_(value), unescaped_(unescaped), depth_(depth) {}

  Result<void> check_depth() const {
    if (depth_ < kJsonDepthMax) return {};
    return malformed(fmt::format("nested deeper than {} levels", kJsonDepthMax));
  }

  ondemand::value value_;
  Unescaped& unescaped_;
  int depth_;
  Scalar scalar_;
};

}  // namespace

struct JsonParser::State {
  ondemand::parser parser;
  Unescaped unescaped;
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

Result<void> JsonParser::parse(std::string_view text, const TakeElement& take) {
  state_->unescaped.clear();
  const auto token = trimmed(text);
  if (token.empty()) return malformed("an empty text");
  if (token.front() != '{' && token.front() != '[') {
    if (!simdjson::validate_utf8(token.data(), token.size())) return malformed("text that is not UTF-8");
    ScalarDocument scalar{WEIR_TRY(read_scalar(token, state_->unescaped))};
    return take(scalar);
  }
  ondemand::document document;
  const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + kJsonPadding);
  if (const auto code = state_->parser.iterate(padded).get(document)) return malformed(code);
  ondemand::value root;
  if (const auto code = document.get_value().get(root)) return malformed(code);
  auto value = WEIR_TRY(JsonValue::read(root, state_->unescaped, 0));
  return take(value);
}

}  // namespace weir::documents
