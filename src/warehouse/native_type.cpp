#include "warehouse/native_type.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace weir::warehouse {
namespace {

using Layout = NativeType::Layout;

struct FixedType {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array kFixedTypes = {
    FixedType{"Int8", 1},        FixedType{"UInt8", 1},     FixedType{"Bool", 1},       FixedType{"Enum8", 1},
    FixedType{"Nothing", 1},     FixedType{"Int16", 2},     FixedType{"UInt16", 2},     FixedType{"Enum16", 2},
    FixedType{"Date", 2},        FixedType{"BFloat16", 2},  FixedType{"Int32", 4},      FixedType{"UInt32", 4},
    FixedType{"Float32", 4},     FixedType{"Date32", 4},    FixedType{"DateTime", 4},   FixedType{"Time", 4},
    FixedType{"IPv4", 4},        FixedType{"Decimal32", 4}, FixedType{"Int64", 8},      FixedType{"UInt64", 8},
    FixedType{"Float64", 8},     FixedType{"Decimal64", 8}, FixedType{"DateTime64", 8}, FixedType{"Time64", 8},
    FixedType{"Int128", 16},     FixedType{"UInt128", 16},  FixedType{"UUID", 16},      FixedType{"IPv6", 16},
    FixedType{"Decimal128", 16}, FixedType{"Int256", 32},   FixedType{"UInt256", 32},   FixedType{"Decimal256", 32},
};

// Types that are names for others.
struct Alias {
  std::string_view name;
  std::string_view type;
};
constexpr std::array kAliases = {
    Alias{"Point", "Tuple(Float64, Float64)"}, Alias{"Ring", "Array(Point)"},
    Alias{"LineString", "Array(Point)"},       Alias{"MultiLineString", "Array(LineString)"},
    Alias{"Polygon", "Array(Ring)"},           Alias{"MultiPolygon", "Array(Polygon)"},
};

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Cuts at `separator` where it stands outside of parentheses and quotes.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char byte = text[i];
    if (quote != '\0') {
      if (byte == '\\') ++i;
      if (byte == quote) quote = '\0';
    } else if (byte == '\'' || byte == '`' || byte == '"') {
      quote = byte;
    } else if (byte == '(') {
      ++depth;
    } else if (byte == ')') {
      --depth;
    } else if (byte == separator && depth == 0) {
      parts.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (begin < text.size()) parts.push_back(trim(text.substr(begin)));
  return parts;
}

Error unsupported(std::string_view name) {
  return Error::user(Code::Unsupported,
                     "Type {} cannot be sent in the Native format of this client_protocol_version: cast it or use "
                     "another format. (NOT_IMPLEMENTED)",
                     name)
      .native_code("48");
}

std::optional<std::size_t> decimal_bytes(std::string_view precision) {
  unsigned digits = 0;
  std::from_chars(precision.data(), precision.data() + precision.size(), digits);
  if (digits == 0 || digits > 76) return std::nullopt;
  return digits <= 9 ? 4 : digits <= 18 ? 8 : digits <= 38 ? 16 : 32;
}

Result<std::vector<NativeType>> parse_all(const std::vector<std::string_view>& names) {
  std::vector<NativeType> types;
  for (const auto name : names) types.push_back(WEIR_TRY(parse_native_type(name)));
  return types;
}

// Tuple(a Int32, b String) and Tuple(Int32, String).
Result<NativeType> parse_tuple(const std::vector<std::string_view>& arguments) {
  std::vector<std::string_view> types;
  for (const auto argument : arguments) types.push_back(split(argument, ' ').back());
  // "Decimal(10, 2)" has no blank outside of its parentheses, "a Decimal(10, 2)" one: the type is what stands last.
  return NativeType{Layout::Tuple, 0, WEIR_TRY(parse_all(types))};
}

Result<NativeType> parse_wrapping(Layout layout, std::string_view argument) {
  NativeType type{layout, 0, {}};
  type.children.push_back(WEIR_TRY(parse_native_type(argument)));
  return type;
}

}  // namespace

Result<NativeType> parse_native_type(std::string_view name) {
  const auto open = std::min(name.find('('), name.size());
  const auto base = name.substr(0, open);
  std::vector<std::string_view> arguments;
  if (open < name.size() && name.ends_with(')')) arguments = split(name.substr(open + 1, name.size() - open - 2), ',');
  for (const auto& fixed : kFixedTypes) {
    if (base == fixed.name) return NativeType{Layout::Fixed, fixed.bytes, {}};
  }
  for (const auto& alias : kAliases) {
    if (base == alias.name) return parse_native_type(alias.type);
  }
  if (base.starts_with("Interval")) return NativeType{Layout::Fixed, 8, {}};
  if (base == "String") return NativeType{Layout::String, 0, {}};
  if (arguments.empty()) return unsupported(name);
  if (base == "FixedString") {
    std::size_t bytes = 0;
    std::from_chars(arguments[0].data(), arguments[0].data() + arguments[0].size(), bytes);
    return NativeType{Layout::Fixed, bytes, {}};
  }
  if (base == "Decimal") {
    const auto bytes = decimal_bytes(arguments[0]);
    if (!bytes) return unsupported(name);
    return NativeType{Layout::Fixed, *bytes, {}};
  }
  if (base == "Nullable") return parse_wrapping(Layout::Nullable, arguments[0]);
  if (base == "Array") return parse_wrapping(Layout::Array, arguments[0]);
  if (base == "LowCardinality") return parse_wrapping(Layout::LowCardinality, arguments[0]);
  if (base == "SimpleAggregateFunction") return parse_native_type(arguments.back());
  if (base == "Tuple") return parse_tuple(arguments);
  if (base == "Variant") return NativeType{Layout::Variant, 0, WEIR_TRY(parse_all(arguments))};
  if (base == "Map" || base == "Nested") {
    NativeType type{Layout::Array, 0, {}};
    type.children.push_back(WEIR_TRY(parse_tuple(arguments)));
    return type;
  }
  return unsupported(name);
}

}  // namespace weir::warehouse
