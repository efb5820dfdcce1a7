#include "connectors/clickhouse/column_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

namespace weir::clickhouse {
namespace {

using data::Kind;
using data::Nullable;

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// Reads type texts as ClickHouse's IDataType::getName writes them.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<ColumnType> whole() {
    auto type = one();
    skip_spaces();
    return rest_.empty() ? type : std::nullopt;
  }

 private:
  std::optional<ColumnType> one() {
    skip_spaces();
    const auto begin = rest_;
    ColumnType type;
    type.name = take_word();
    if (type.name.empty()) return std::nullopt;
    skip_spaces();
    if (!rest_.empty() && rest_.front() == '(' && !arguments(type)) return std::nullopt;
    type.text = begin.substr(0, begin.size() - rest_.size());
    if (type.name.starts_with("Decimal")) type.precision = decimal_precision(type);
    return type;
  }

  bool arguments(ColumnType& type) {
    const auto& name = type.name;
    if (name == "Nullable" || name == "LowCardinality" || name == "Array" || name == "Map") {
      return take('(') && types(type);
    }
    if (name == "Tuple" || name == "Nested") return take('(') && fields(type);
    if (name == "Enum8" || name == "Enum16") return take('(') && enum_values(type);
    if (name == "DateTime") return take('(') && quoted(type.zone) && take(')');
    if (name == "DateTime64") {
      return take('(') && number(type.precision) && (take(')') || (take(',') && quoted(type.zone) && take(')')));
    }
    if (name == "Time64" || name == "FixedString") return take('(') && number(type.precision) && take(')');
    if (name == "Decimal") {
      return take('(') && number(type.precision) && take(',') && number(type.scale) && take(')');
    }
    if (name.starts_with("Decimal")) return take('(') && number(type.scale) && take(')');
    if (name == "SimpleAggregateFunction") {
      take('(');
      take_word();
      if (!rest_.empty() && rest_.front() == '(' && !skip_parentheses()) return false;
      return take(',') && types(type);
    }
    return skip_parentheses();
  }

  bool types(ColumnType& type) {
    do {
      auto child = one();
      if (!child) return false;
      type.children.push_back(std::move(*child));
    } while (take(','));
    return take(')');
  }

  bool fields(ColumnType& type) {
    if (take(')')) return true;
    do {
      skip_spaces();
      auto label = std::to_string(type.children.size() + 1);
      const auto before = rest_;
      if (!rest_.empty() && (rest_.front() == '`' || rest_.front() == '"')) {
        if (!quoted(label)) return false;
      } else {
        const auto word = take_word();
        if (!rest_.empty() && rest_.front() == ' ') {
          label = word;
        } else {
          rest_ = before;  // the word was the type itself
        }
      }
      auto child = one();
      if (!child) return false;
      type.labels.push_back(std::move(label));
      type.children.push_back(std::move(*child));
    } while (take(','));
    return take(')');
  }

  bool enum_values(ColumnType& type) {
    do {
      std::string label;
      int value = 0;
      if (!quoted(label) || !take('=') || !number(value)) return false;
      type.values.emplace_back(value, std::move(label));
    } while (take(','));
    return take(')');
  }

  static int decimal_precision(const ColumnType& type) {
    if (type.name == "Decimal32") return 9;
    if (type.name == "Decimal64") return 18;
    if (type.name == "Decimal128") return 38;
    if (type.name == "Decimal256") return 76;
    return type.precision;
  }

  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }

  bool take(char expected) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view take_word() {
    skip_spaces();
    std::size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    const auto word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

  bool number(int& value) {
    skip_spaces();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  bool quoted(std::string& text) {
    skip_spaces();
    if (rest_.empty()) return false;
    const char quote = rest_.front();
    text.clear();
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        ++i;
        text += rest_[i] == 'n' ? '\n' : rest_[i] == 't' ? '\t' : rest_[i] == '0' ? '\0' : rest_[i];
      } else {
        text += rest_[i];
      }
    }
    return false;
  }

  bool skip_parentheses() {
    int depth = 0;
    std::string ignored;
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '\'' || c == '`') {
        if (!quoted(ignored)) return false;
        continue;
      }
      rest_.remove_prefix(1);
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) return true;
    }
    return false;
  }

  std::string_view rest_;
};

data::TimeUnit unit_of(int digits) { return static_cast<data::TimeUnit>((std::clamp(digits, 0, 9) + 2) / 3); }

const std::unordered_map<std::string_view, Kind>& plain_kinds() {
  static const std::unordered_map<std::string_view, Kind> kKinds{
      {"Bool", Kind::Bool},          {"Int8", Kind::Int8},       {"Int16", Kind::Int16},     {"Int32", Kind::Int32},
      {"Int64", Kind::Int64},        {"UInt8", Kind::UInt8},     {"UInt16", Kind::UInt16},   {"UInt32", Kind::UInt32},
      {"UInt64", Kind::UInt64},      {"Float32", Kind::Float32}, {"Float64", Kind::Float64}, {"String", Kind::String},
      {"FixedString", Kind::String}, {"Date", Kind::Date},       {"Date32", Kind::Date},     {"UUID", Kind::Uuid},
      {"Enum8", Kind::String},       {"Enum16", Kind::String},   {"IPv4", Kind::String},     {"IPv6", Kind::String},
      {"JSON", Kind::Json},          {"Nothing", Kind::String},
  };
  return kKinds;
}

std::optional<data::Type> timestamp_type(const ColumnType& type, std::string_view server_zone) {
  const auto unit = type.name == "DateTime" ? data::TimeUnit::Second : unit_of(type.precision);
  if (type.zone.empty() && is_utc(server_zone)) return data::timestamp(unit);
  return data::timestamp(unit, type.zone.empty() ? std::string{server_zone} : type.zone);
}

std::optional<data::Type> struct_type(const ColumnType& type, const std::vector<std::string>& labels,
                                      std::string_view server_zone) {
  if (type.children.empty()) return std::nullopt;  // Tuple() has no columns to keep rows in
  std::vector<data::Field> fields;
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    auto mapped = weir_type(type.children[i], server_zone);
    if (!mapped) return std::nullopt;
    fields.push_back({labels[i], std::move(mapped->type), mapped->nullable});
  }
  return data::struct_of(std::move(fields));
}

std::optional<data::Type> value_type(const ColumnType& type, std::string_view server_zone) {
  const auto& name = type.name;
  if (const auto plain = plain_kinds().find(name); plain != plain_kinds().end()) return data::type_of(plain->second);
  if (name.starts_with("Decimal")) return data::decimal(type.precision, type.scale);
  if (name == "Int128" || name == "UInt128") return data::decimal(39, 0);
  if (name == "DateTime" || name == "DateTime64") return timestamp_type(type, server_zone);
  if (name == "Time") return data::time_of(data::TimeUnit::Second);
  if (name == "Time64") return data::time_of(unit_of(type.precision));
  if (name.starts_with("Interval")) return data::type_of(Kind::Interval);
  if (name == "Tuple") return struct_type(type, type.labels, server_zone);
  if (name == "Map" || name == "Nested") {
    auto entry = struct_type(type, name == "Map" ? std::vector<std::string>{"key", "value"} : type.labels, server_zone);
    if (!entry) return std::nullopt;
    return data::list_of(std::move(*entry), Nullable::No);
  }
  if (name == "Array") {
    auto element = weir_type(type.children.at(0), server_zone);
    if (!element) return std::nullopt;
    return data::list_of(std::move(element->type), element->nullable);
  }
  return std::nullopt;
}

// Laid out on the wire as the Weir type that they are read as, or by a conversion that the encoder checks.
bool is_encodable(std::string_view name) {
  constexpr std::array<std::string_view, 25> kNames{
      "Bool",    "Int8",      "Int16",     "Int32",      "Int64",      "UInt8", "UInt16",   "UInt32",     "UInt64",
      "Float32", "Float64",   "String",    "Date",       "Date32",     "UUID",  "DateTime", "DateTime64", "Time64",
      "Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256", "Array", "Tuple"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool all_encodable(const ColumnType& type) {
  if (type.name == "Nullable") return all_encodable(type.children[0]);
  return is_encodable(type.name) && std::all_of(type.children.begin(), type.children.end(), all_encodable);
}

std::string bare_type(const data::Type& type) {
  switch (type.kind) {
    case Kind::Bool: return "Bool";
    case Kind::Int8: return "Int8";
    case Kind::Int16: return "Int16";
    case Kind::Int32: return "Int32";
    case Kind::Int64: return "Int64";
    case Kind::UInt8: return "UInt8";
    case Kind::UInt16: return "UInt16";
    case Kind::UInt32: return "UInt32";
    case Kind::UInt64: return "UInt64";
    case Kind::Float32: return "Float32";
    case Kind::Float64: return "Float64";
    case Kind::Decimal: return fmt::format("Decimal({}, {})", type.precision, type.scale);
    case Kind::Date: return "Date32";
    case Kind::Time: return fmt::format("Time64({})", data::digits(type.unit));
    case Kind::Timestamp:
      if (type.zone.empty()) return fmt::format("DateTime64({})", data::digits(type.unit));
      return fmt::format("DateTime64({}, {})", data::digits(type.unit), quote_text(type.zone));
    case Kind::Uuid: return "UUID";
    case Kind::Interval:
    case Kind::String:
    case Kind::Binary:
    case Kind::Json: return "String";
    case Kind::List: {
      const auto& element = type.children->front();
      return fmt::format("Array({})", clickhouse_type(element.type, element.nullable));
    }
    case Kind::Struct: {
      std::string text = "Tuple(";
      for (const auto& field : *type.children) {
        if (text.back() != '(') text += ", ";
        text += fmt::format("{} {}", quote_name(field.name), clickhouse_type(field.type, field.nullable));
      }
      return text + ")";
    }
  }
  return "String";
}

std::string quoted_with(std::string_view text, char quote) {
  std::string out{quote};
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\0') {
      out += "\\0";
    } else {
      out += c;
    }
  }
  return out += quote;
}

}  // namespace

std::optional<ColumnType> parse_column_type(std::string_view text) { return Parser{text}.whole(); }

std::optional<MappedType> weir_type(const ColumnType& type, std::string_view server_zone) {
  if (type.name == "Nullable" || type.name == "LowCardinality" || type.name == "SimpleAggregateFunction") {
    auto inner = weir_type(type.children.at(0), server_zone);
    if (inner && type.name == "Nullable") inner->nullable = Nullable::Yes;
    return inner;
  }
  auto value = value_type(type, server_zone);
  if (!value) return std::nullopt;
  return MappedType{std::move(*value), Nullable::No};
}

std::string clickhouse_type(const data::Type& type, Nullable nullable) {
  // Neither Array nor Tuple can be NULL in ClickHouse.
  const bool can_be_null = type.kind != Kind::List && type.kind != Kind::Struct;
  return nullable == Nullable::Yes && can_be_null ? fmt::format("Nullable({})", bare_type(type)) : bare_type(type);
}

std::string wire_type(const ColumnType& table_type, const MappedType& mapped) {
  return all_encodable(table_type) ? table_type.text : clickhouse_type(mapped.type, mapped.nullable);
}

bool is_utc(std::string_view zone) {
  constexpr std::array<std::string_view, 7> kNames{"", "UTC", "Etc/UTC", "Etc/UCT", "UCT", "GMT", "Etc/GMT"};
  return std::find(kNames.begin(), kNames.end(), zone) != kNames.end();
}

std::string quote_text(std::string_view text) { return quoted_with(text, '\''); }
std::string quote_name(std::string_view name) { return quoted_with(name, '`'); }

}  // namespace weir::clickhouse
