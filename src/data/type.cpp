#include "data/type.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/check.hpp"

namespace weir::data {
namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 22> kNames{{
    {Kind::Bool, "bool"},     {Kind::Int8, "int8"},       {Kind::Int16, "int16"},         {Kind::Int32, "int32"},
    {Kind::Int64, "int64"},   {Kind::UInt8, "uint8"},     {Kind::UInt16, "uint16"},       {Kind::UInt32, "uint32"},
    {Kind::UInt64, "uint64"}, {Kind::Float32, "float32"}, {Kind::Float64, "float64"},     {Kind::Decimal, "decimal"},
    {Kind::Date, "date"},     {Kind::Time, "time"},       {Kind::Timestamp, "timestamp"}, {Kind::Interval, "interval"},
    {Kind::String, "string"}, {Kind::Binary, "binary"},   {Kind::Uuid, "uuid"},           {Kind::Json, "json"},
    {Kind::List, "list"},     {Kind::Struct, "struct"},
}};

constexpr std::array<std::string_view, 4> kUnits{"s", "ms", "us", "ns"};

std::string_view name(Kind kind) { return kNames[static_cast<std::size_t>(kind)].second; }

std::string field_text(const Field& field) {
  return fmt::format("{} {}{}", field.name, field.type.text(), field.nullable == Nullable::No ? " not null" : "");
}

// Reads the text that Type::text writes.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<Type> whole() {
    auto type = one();
    skip_spaces();
    return rest_.empty() ? type : std::nullopt;
  }

 private:
  std::optional<Type> one() {
    const auto word = take_word();
    for (const auto& [kind, name] : kNames) {
      if (name != word) continue;
      switch (kind) {
        case Kind::Decimal: return decimal_parameters();
        case Kind::Time:
        case Kind::Timestamp: return time_parameters(kind);
        case Kind::List: return list_parameters();
        case Kind::Struct: return struct_parameters();
        default: return type_of(kind);
      }
    }
    return std::nullopt;
  }

  std::optional<Type> decimal_parameters() {
    const auto precision = take('(') ? take_number() : std::nullopt;
    const auto scale = precision && take(',') ? take_number() : std::nullopt;
    if (!scale || !take(')') || *precision < 1 || *precision > 76 || *scale > *precision) return std::nullopt;
    return decimal(*precision, *scale);
  }

  std::optional<Type> time_parameters(Kind kind) {
    if (!take('(')) return std::nullopt;
    const auto unit_name = take_word();
    for (std::size_t i = 0; i < kUnits.size(); ++i) {
      if (kUnits[i] != unit_name) continue;
      const auto unit = static_cast<TimeUnit>(i);
      std::string zone;
      if (kind == Kind::Timestamp && take(',')) {
        skip_spaces();
        const auto end = rest_.find(')');
        if (end == std::string_view::npos) return std::nullopt;
        zone = rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
      if (!take(')')) return std::nullopt;
      return kind == Kind::Time ? time_of(unit) : timestamp(unit, std::move(zone));
    }
    return std::nullopt;
  }

  std::optional<Type> list_parameters() {
    if (!take('<')) return std::nullopt;
    auto element = one();
    const auto nullable = take_not_null();
    if (!element || !take('>')) return std::nullopt;
    return list_of(std::move(*element), nullable);
  }

  std::optional<Type> struct_parameters() {
    if (!take('<')) return std::nullopt;
    std::vector<Field> fields;
    do {
      skip_spaces();
      std::string field_name{take_word()};
      auto type = one();
      if (!type || field_name.empty()) return std::nullopt;
      fields.push_back({std::move(field_name), std::move(*type), take_not_null()});
    } while (take(','));
    if (!take('>')) return std::nullopt;
    return struct_of(std::move(fields));
  }

  Nullable take_not_null() {
    skip_spaces();
    constexpr std::string_view kWords = "not null";
    if (!rest_.starts_with(kWords)) return Nullable::Yes;
    rest_.remove_prefix(kWords.size());
    return Nullable::No;
  }

  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  bool take(char expected) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view take_word() {
    skip_spaces();
    const auto end = rest_.find_first_of(" ,()<>");
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(word.size());
    return word;
  }

  std::optional<int> take_number() {
    const auto word = take_word();
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || end != word.data() + word.size() || number < 0) return std::nullopt;
    return number;
  }

  std::string_view rest_;
};

}  // namespace

bool Type::operator==(const Type& other) const {
  if (kind != other.kind) return false;
  switch (kind) {
    case Kind::Decimal: return precision == other.precision && scale == other.scale;
    case Kind::Time: return unit == other.unit;
    case Kind::Timestamp: return unit == other.unit && zone == other.zone;
    case Kind::List:
    case Kind::Struct: return *children == *other.children;
    default: return true;
  }
}

std::string Type::text() const {
  switch (kind) {
    case Kind::Decimal: return fmt::format("decimal({},{})", precision, scale);
    case Kind::Time: return fmt::format("time({})", kUnits[static_cast<std::size_t>(unit)]);
    case Kind::Timestamp: {
      const auto unit_name = kUnits[static_cast<std::size_t>(unit)];
      return zone.empty() ? fmt::format("timestamp({})", unit_name) : fmt::format("timestamp({}, {})", unit_name, zone);
    }
    case Kind::List:
      return fmt::format("list<{}{}>", children->front().type.text(),
                         children->front().nullable == Nullable::No ? " not null" : "");
    case Kind::Struct: {
      std::string text = "struct<";
      for (const auto& field : *children) {
        if (text.back() != '<') text += ", ";
        text += field_text(field);
      }
      return text + ">";
    }
    default: return std::string{name(kind)};
  }
}

Type type_of(Kind kind) {
  WEIR_CHECK(kind != Kind::Decimal && kind != Kind::List && kind != Kind::Struct);
  Type type;
  type.kind = kind;
  return type;
}

Type decimal(int precision, int scale) {
  WEIR_CHECK(precision >= 1 && precision <= 76 && scale >= 0 && scale <= precision);
  Type type;
  type.kind = Kind::Decimal;
  type.precision = static_cast<std::uint8_t>(precision);
  type.scale = static_cast<std::uint8_t>(scale);
  return type;
}

Type time_of(TimeUnit unit) {
  Type type;
  type.kind = Kind::Time;
  type.unit = unit;
  return type;
}

Type timestamp(TimeUnit unit, std::string zone) {
  Type type;
  type.kind = Kind::Timestamp;
  type.unit = unit;
  type.zone = std::move(zone);
  return type;
}

Type list_of(Type element, Nullable nullable) {
  Type type;
  type.kind = Kind::List;
  type.children = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{Field{.name = "item", .type = std::move(element), .nullable = nullable}});
  return type;
}

Type struct_of(std::vector<Field> fields) {
  Type type;
  type.kind = Kind::Struct;
  type.children = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

std::optional<Type> parse_type(std::string_view text) { return Parser{text}.whole(); }

int value_width(const Type& type) {
  switch (type.kind) {
    case Kind::Int8:
    case Kind::UInt8: return 1;
    case Kind::Int16:
    case Kind::UInt16: return 2;
    case Kind::Int32:
    case Kind::UInt32:
    case Kind::Float32:
    case Kind::Date: return 4;
    case Kind::Int64:
    case Kind::UInt64:
    case Kind::Float64:
    case Kind::Time:
    case Kind::Timestamp: return 8;
    case Kind::Interval:
    case Kind::Uuid: return 16;
    case Kind::Decimal:
      if (type.precision <= 9) return 4;
      if (type.precision <= 18) return 8;
      return type.precision <= 38 ? 16 : 32;
    default: return 0;
  }
}

bool is_text_like(Kind kind) { return kind == Kind::String || kind == Kind::Binary || kind == Kind::Json; }

bool is_integer(Kind kind) { return kind >= Kind::Int8 && kind <= Kind::UInt64; }

int digits(TimeUnit unit) { return static_cast<int>(unit) * 3; }

std::optional<std::size_t> Schema::find(std::string_view name) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
  }
  return std::nullopt;
}

std::string Schema::text() const {
  std::string text;
  for (const auto& field : fields) {
    if (!text.empty()) text += ", ";
    text += field_text(field);
  }
  return text;
}

}  // namespace weir::data
