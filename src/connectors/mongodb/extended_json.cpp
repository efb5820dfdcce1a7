#include <fmt/format.h>

#include <cmath>

#include "connectors/mongodb/bson_reader.hpp"
#include "data/text.hpp"

// Extended JSON, version 2 (https://github.com/mongodb/specifications, source/extended-json).
namespace weir::mongodb {
namespace {

using data::append_json_text;

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const auto count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? kLetters[group >> (18 - 6 * k) & 63] : '=';
  }
}

void append_hexadecimal(std::string& out, const std::uint8_t* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) fmt::format_to(std::back_inserter(out), "{:02x}", bytes[i]);
}

// The shortest digits that read back; always with a point or an exponent, so that it stays a double.
std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  auto text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string_view c_text(const std::uint8_t* at) { return reinterpret_cast<const char*>(at); }

class Writer {
 public:
  Writer(std::string& out, JsonForm form) : out_(out), form_(form) {}

  void value(BsonType type, const std::uint8_t* at) {
    switch (type) {
      case BsonType::Double: return real(read_double(at));
      case BsonType::String: return append_json_text(out_, read_text(at));
      case BsonType::Document: return object(at);
      case BsonType::Array: return list(at);
      case BsonType::Binary: return binary(at);
      case BsonType::Undefined: out_ += R"({"$undefined":true})"; return;
      case BsonType::ObjectId: return object_id(at);
      case BsonType::Bool: out_ += *at != 0 ? "true" : "false"; return;
      case BsonType::DateTime: return instant(read_int64(at));
      case BsonType::Null: out_ += "null"; return;
      case BsonType::Regex: return regex(at);
      case BsonType::DbPointer: return pointer(at);
      case BsonType::Code: return wrapped("$code", read_text(at));
      case BsonType::Symbol: return wrapped("$symbol", read_text(at));
      case BsonType::CodeWithScope: return code_with_scope(at);
      case BsonType::Int32: return integer("$numberInt", read_int32(at));
      case BsonType::Timestamp: return timestamp(at);
      case BsonType::Int64: return integer("$numberLong", read_int64(at));
      case BsonType::Decimal128: return wrapped("$numberDecimal", decimal_text(at));
      case BsonType::MaxKey: out_ += R"({"$maxKey":1})"; return;
      case BsonType::MinKey: out_ += R"({"$minKey":1})"; return;
    }
  }

 private:
  void wrapped(std::string_view name, std::string_view text) {
    fmt::format_to(std::back_inserter(out_), R"({{"{}":)", name);
    append_json_text(out_, text);
    out_ += '}';
  }

  void integer(std::string_view name, std::int64_t number) {
    if (form_ == JsonForm::Canonical) return wrapped(name, std::to_string(number));
    out_ += std::to_string(number);
  }

  void real(double number) {
    if (form_ == JsonForm::Canonical || !std::isfinite(number)) return wrapped("$numberDouble", double_text(number));
    out_ += double_text(number);
  }

  // Relaxed: ISO 8601 between 1970 and 9999, to the millisecond where there are any.
  void instant(std::int64_t milliseconds) {
    constexpr std::int64_t kYear10000 = 253'402'300'800'000;
    if (form_ == JsonForm::Canonical || milliseconds < 0 || milliseconds >= kYear10000) {
      fmt::format_to(std::back_inserter(out_), R"({{"$date":{{"$numberLong":"{}"}}}})", milliseconds);
      return;
    }
    data::ColumnBuilder builder{data::timestamp(data::TimeUnit::Milli, "UTC")};
    builder.append(milliseconds);
    auto text = data::value_text(builder.finish(), 0);
    text[10] = 'T';
    if (milliseconds % 1'000 != 0 && text.find('.') != std::string::npos) {
      while (text.size() < 24) text.insert(text.size() - 1, "0");
    } else {
      text = text.substr(0, 19) + "Z";
    }
    fmt::format_to(std::back_inserter(out_), R"({{"$date":"{}"}})", text);
  }

  void object_id(const std::uint8_t* at) {
    out_ += R"({"$oid":")";
    append_hexadecimal(out_, at, 12);
    out_ += R"("})";
  }

  void binary(const std::uint8_t* at) {
    const std::string_view bytes{reinterpret_cast<const char*>(at + 5), static_cast<std::size_t>(read_int32(at))};
    out_ += R"({"$binary":{"base64":")";
    append_base64(out_, bytes);
    fmt::format_to(std::back_inserter(out_), R"(","subType":"{:02x}"}}}})", at[4]);
  }

  void regex(const std::uint8_t* at) {
    const auto pattern = c_text(at);
    out_ += R"({"$regularExpression":{"pattern":)";
    append_json_text(out_, pattern);
    out_ += R"(,"options":)";
    append_json_text(out_, c_text(at + pattern.size() + 1));
    out_ += "}}";
  }

  void pointer(const std::uint8_t* at) {
    const auto space = read_text(at);
    out_ += R"({"$dbPointer":{"$ref":)";
    append_json_text(out_, space);
    out_ += R"(,"$id":)";
    object_id(at + 4 + space.size() + 1);
    out_ += "}}";
  }

  void code_with_scope(const std::uint8_t* at) {
    const auto code = read_text(at + 4);
    out_ += R"({"$code":)";
    append_json_text(out_, code);
    out_ += R"(,"$scope":)";
    object(at + 8 + code.size() + 1);
    out_ += '}';
  }

  // The increment first, then the seconds.
  void timestamp(const std::uint8_t* at) {
    fmt::format_to(std::back_inserter(out_), R"({{"$timestamp":{{"t":{},"i":{}}}}})",
                   static_cast<std::uint32_t>(read_int32(at + 4)), static_cast<std::uint32_t>(read_int32(at)));
  }

  void object(const std::uint8_t* at) {
    out_ += '{';
    Elements elements{at};
    bool first = true;
    for (Element element; elements.next(element); first = false) {
      if (!first) out_ += ',';
      append_json_text(out_, element.name);
      out_ += ':';
      value(element.type, element.value);
    }
    out_ += '}';
  }

  void list(const std::uint8_t* at) {
    out_ += '[';
    Elements elements{at};
    bool first = true;
    for (Element element; elements.next(element); first = false) {
      if (!first) out_ += ',';
      value(element.type, element.value);
    }
    out_ += ']';
  }

  std::string& out_;
  JsonForm form_;
};

}  // namespace

void append_extended_json(std::string& out, BsonType type, const std::uint8_t* value, JsonForm form) {
  Writer{out, form}.value(type, value);
}

}  // namespace weir::mongodb
