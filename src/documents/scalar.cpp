#include "documents/scalar.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "data/text.hpp"

namespace weir::documents {
namespace {

using data::Kind;

template <typename Number>
bool append_number(data::ColumnBuilder& builder, std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  builder.append(value);
  return true;
}

bool is_exact_in_double(std::int64_t integer) {
  constexpr std::int64_t kMax = std::int64_t{1} << 53;
  return integer >= -kMax && integer <= kMax;
}

// The pairs of a value's kind and a column's that are common: no text is made on the way.
bool append_fast(data::ColumnBuilder& builder, const Scalar& scalar) {
  const auto& type = builder.type();
  switch (scalar.kind) {
    case Value::Kind::Number:
      if (type.kind == Kind::Int64) return append_number<std::int64_t>(builder, scalar.text);
      return type.kind == Kind::Float64 && append_number<double>(builder, scalar.text);
    case Value::Kind::Integer:
      if (type.kind == Kind::Int64) {
        builder.append(scalar.integer);
        return true;
      }
      if (type.kind != Kind::Float64 || !is_exact_in_double(scalar.integer)) return false;
      builder.append(static_cast<double>(scalar.integer));
      return true;
    case Value::Kind::Float:
      if (type.kind != Kind::Float64) return false;
      builder.append(scalar.real);
      return true;
    case Value::Kind::Bool:
      if (type.kind != Kind::Bool) return false;
      builder.append_bool(scalar.text == "true");
      return true;
    case Value::Kind::Instant:
      if (type.kind != Kind::Timestamp || type.unit != data::TimeUnit::Milli) return false;
      builder.append(scalar.integer);
      return true;
    case Value::Kind::Uuid: {
      if (type.kind != Kind::Uuid) return false;
      data::UuidValue uuid;
      std::memcpy(uuid.bytes, scalar.text.data(), sizeof uuid.bytes);
      builder.append(uuid);
      return true;
    }
    case Value::Kind::String:
    case Value::Kind::ObjectId:
      if (type.kind != Kind::String) return false;
      builder.append_text(scalar.text);
      return true;
    case Value::Kind::Binary:
      if (type.kind != Kind::Binary) return false;
      builder.append_text(scalar.text);
      return true;
    default: return false;
  }
}

void append_json(data::ColumnBuilder& builder, const Scalar& scalar) {
  if (scalar.kind != Value::Kind::String) {
    builder.append_text(scalar.text);
    return;
  }
  std::string quoted;
  data::append_json_text(quoted, scalar.text);
  builder.append_text(quoted);
}

template <typename Value>
std::string text_as(Kind kind, const data::Type& type, const Value& value) {
  WEIR_CHECK(type.kind == kind);
  data::ColumnBuilder builder{type};
  builder.append(value);
  return data::value_text(builder.finish(), 0);
}

}  // namespace

Scalar scalar_of(const Value& value) {
  Scalar scalar;
  scalar.kind = value.kind();
  switch (scalar.kind) {
    case Value::Kind::Null: break;
    case Value::Kind::Integer:
    case Value::Kind::Instant: scalar.integer = value.integer(); break;
    case Value::Kind::Float: scalar.real = value.real(); break;
    case Value::Kind::Bool: scalar.text = value.boolean() ? "true" : "false"; break;
    case Value::Kind::Other:
    case Value::Kind::Object:
    case Value::Kind::List: break;
    default: scalar.text = value.text();
  }
  return scalar;
}

// What goes into a json column is JSON from here on, except text, which is quoted at the end.
bool becomes_json(Value::Kind kind, ColumnForm form) {
  const bool has_json_kind = kind == Value::Kind::Null || kind == Value::Kind::Bool || kind == Value::Kind::Number ||
                             kind == Value::Kind::String;
  return is_nested(kind) || kind == Value::Kind::Other || (form != ColumnForm::Plain && !has_json_kind) ||
         (form == ColumnForm::JsonText && kind != Value::Kind::Null);
}

Result<Scalar> scalar_for(Value& value, ColumnForm form, std::string& json) {
  if (!becomes_json(value.kind(), form)) return scalar_of(value);
  json.clear();
  WEIR_TRY(value.append_json(json));
  return Scalar{.kind = Value::Kind::Other, .text = json};
}

std::string plain_text(const Scalar& scalar) {
  switch (scalar.kind) {
    case Value::Kind::Integer: return std::to_string(scalar.integer);
    case Value::Kind::Float: return text_as(Kind::Float64, data::type_of(Kind::Float64), scalar.real);
    case Value::Kind::Instant:
      return text_as(Kind::Timestamp, data::timestamp(data::TimeUnit::Milli, "UTC"), scalar.integer);
    case Value::Kind::Uuid: {
      data::UuidValue uuid;
      std::memcpy(uuid.bytes, scalar.text.data(), sizeof uuid.bytes);
      return text_as(Kind::Uuid, data::type_of(Kind::Uuid), uuid);
    }
    case Value::Kind::Binary: {
      data::ColumnBuilder builder{data::type_of(Kind::Binary)};
      builder.append_text(scalar.text);
      return data::value_text(builder.finish(), 0);
    }
    default: return std::string{scalar.text};
  }
}

Result<void> append_scalar(data::ColumnBuilder& builder, const Scalar& scalar) {
  if (builder.type().kind == Kind::Json) {
    append_json(builder, scalar);
    return {};
  }
  if (append_fast(builder, scalar)) return {};
  if (builder.type().kind == Kind::String) {
    builder.append_text(plain_text(scalar));
    return {};
  }
  return data::append_parsed(builder, plain_text(scalar));
}

}  // namespace weir::documents
