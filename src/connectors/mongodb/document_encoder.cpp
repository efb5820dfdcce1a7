#include "connectors/mongodb/document_encoder.hpp"

#include <bson/bson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <numeric>

#include "connectors/mongodb/bson_type.hpp"
#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::mongodb {
namespace {

using data::Column;
using data::Kind;

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof value];  // BSON is little endian, and so is every machine that Weir is built for
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <typename T>
void put_at(std::string& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

void head(std::string& out, BsonType type, std::string_view name) {
  out += static_cast<char>(type);
  out += name;
  out += '\0';
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::int32_t>(text.size() + 1));
  out += text;
  out += '\0';
}

void put_binary(std::string& out, BinarySubtype subtype, std::string_view bytes) {
  put(out, static_cast<std::int32_t>(bytes.size()));
  out += static_cast<char>(subtype);
  out += bytes;
}

// Opens a document or an array; close() writes its length.
std::size_t open(std::string& out) {
  put(out, std::int32_t{0});
  return out.size() - sizeof(std::int32_t);
}

void close(std::string& out, std::size_t begin) {
  out += '\0';
  put_at(out, begin, static_cast<std::int32_t>(out.size() - begin));
}

Error misfit(std::string_view why, const Column& column, std::size_t row) {
  return Error{Fault::External, Code::TypeMismatch,
               fmt::format("MongoDB {}: {}", why, data::value_text(column, row).substr(0, 100))};
}

bool is_object_id(std::string_view text) {
  return text.size() == 24 && bson_oid_is_valid(std::string{text}.c_str(), text.size());
}

// Writes a named value: the type depends on it, so the name comes with it.
class ValueWriter {
 public:
  ValueWriter(const EncodeRules& rules, std::string& out) : rules_(rules), out_(out) {}

  Result<void> write(std::string_view name, std::string& path, const Column& column, std::size_t row) {
    if (column.is_null(row)) {
      head(out_, BsonType::Null, name);
      return {};
    }
    switch (column.type().kind) {
      case Kind::Bool:
        head(out_, BsonType::Bool, name);
        out_ += column.bit(row) ? '\1' : '\0';
        return {};
      case Kind::Int8: return number(name, column.values<std::int8_t>()[row]);
      case Kind::Int16: return number(name, column.values<std::int16_t>()[row]);
      case Kind::Int32: return number(name, column.values<std::int32_t>()[row]);
      case Kind::UInt8: return number(name, column.values<std::uint8_t>()[row]);
      case Kind::UInt16: return number(name, column.values<std::uint16_t>()[row]);
      case Kind::Int64: return large(name, column.values<std::int64_t>()[row]);
      case Kind::UInt32: return large(name, column.values<std::uint32_t>()[row]);
      case Kind::UInt64: return unsigned_number(name, column, row);
      case Kind::Float32: return real(name, static_cast<double>(column.values<float>()[row]));
      case Kind::Float64: return real(name, column.values<double>()[row]);
      case Kind::Decimal: return decimal(name, column, row);
      case Kind::Date: return time(name, std::int64_t{column.values<std::int32_t>()[row]} * 86'400'000);
      case Kind::Timestamp: return timestamp(name, column, row);
      case Kind::Binary:
        head(out_, BsonType::Binary, name);
        put_binary(out_, BinarySubtype::Generic, column.text(row));
        return {};
      case Kind::Uuid: {
        head(out_, BsonType::Binary, name);
        const auto& uuid = column.values<data::UuidValue>()[row];
        put_binary(out_, BinarySubtype::Uuid, {reinterpret_cast<const char*>(uuid.bytes), sizeof uuid.bytes});
        return {};
      }
      case Kind::String: return text(name, path, column.text(row));
      case Kind::Time:
      case Kind::Interval: return text(name, path, data::value_text(column, row));
      case Kind::Json: return json(name, column.text(row));
      case Kind::List: return list(name, path, column, row);
      case Kind::Struct: return structure(name, path, column, row);
    }
    return {};
  }

 private:
  Result<void> number(std::string_view name, std::int32_t value) {
    head(out_, BsonType::Int32, name);
    put(out_, value);
    return {};
  }

  Result<void> large(std::string_view name, std::int64_t value) {
    head(out_, BsonType::Int64, name);
    put(out_, value);
    return {};
  }

  Result<void> real(std::string_view name, double value) {
    head(out_, BsonType::Double, name);
    put(out_, value);
    return {};
  }

  Result<void> time(std::string_view name, std::int64_t milliseconds) {
    head(out_, BsonType::DateTime, name);
    put(out_, milliseconds);
    return {};
  }

  Result<void> unsigned_number(std::string_view name, const Column& column, std::size_t row) {
    const auto value = column.values<std::uint64_t>()[row];
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return value <= kMax ? large(name, static_cast<std::int64_t>(value)) : decimal(name, column, row);
  }

  // Decimal128 has 34 digits.
  Result<void> decimal(std::string_view name, const Column& column, std::size_t row) {
    bson_decimal128_t value;
    const auto digits = data::value_text(column, row);
    if (!bson_decimal128_from_string_w_len(digits.data(), static_cast<int>(digits.size()), &value))
      return misfit("holds decimals of 34 digits", column, row);
    head(out_, BsonType::Decimal128, name);
    put(out_, value.low);
    put(out_, value.high);
    return {};
  }

  Result<void> timestamp(std::string_view name, const Column& column, std::size_t row) {
    const auto value = column.values<std::int64_t>()[row];
    const auto digits = data::digits(column.type().unit);
    if (digits == 0) return time(name, value * 1'000);
    const std::int64_t per_millisecond = digits == 3 ? 1 : digits == 6 ? 1'000 : 1'000'000;
    auto milliseconds = value / per_millisecond;
    if (const auto rest = value % per_millisecond; rest != 0) {
      if (rules_.fractions == EncodeRules::Fractions::Refused)
        return misfit("keeps times to the millisecond (fractions: drop cuts the rest off)", column, row);
      if (rest < 0) --milliseconds;
    }
    return time(name, milliseconds);
  }

  Result<void> text(std::string_view name, std::string_view path, std::string_view value) {
    if (!rules_.object_ids.empty() && rules_.object_ids.contains(path)) {
      if (!is_object_id(value))
        return Error{Fault::External, Code::TypeMismatch,
                     fmt::format("an ObjectId has 24 hexadecimal digits: {}", value.substr(0, 100))};
      bson_oid_t id;
      bson_oid_init_from_string(&id, std::string{value}.c_str());
      head(out_, BsonType::ObjectId, name);
      out_.append(reinterpret_cast<const char*>(id.bytes), sizeof id.bytes);
      return {};
    }
    head(out_, BsonType::String, name);
    put_text(out_, value);
    return {};
  }

  // Extended JSON, so that what was read from a MongoDB goes back as it was.
  Result<void> json(std::string_view name, std::string_view value) {
    const auto wrapped = fmt::format("{{\"v\":{}}}", value);
    bson_t parsed;
    bson_error_t error;
    if (!bson_init_from_json(&parsed, wrapped.data(), static_cast<ssize_t>(wrapped.size()), &error))
      return Error{Fault::External, Code::TypeMismatch,
                   fmt::format("not JSON that BSON can hold ({}): {}", error.message, value.substr(0, 100))};
    // The only element: its type, "v", NUL, and the value.
    const auto* bytes = reinterpret_cast<const char*>(bson_get_data(&parsed));
    head(out_, static_cast<BsonType>(bytes[4]), name);
    out_.append(bytes + 7, parsed.len - 8);
    bson_destroy(&parsed);
    return {};
  }

  Result<void> list(std::string_view name, std::string& path, const Column& column, std::size_t row) {
    head(out_, BsonType::Array, name);
    const auto begin = open(out_);
    const auto first = column.offsets()[row];
    const auto last = column.offsets()[row + 1];
    for (auto i = first; i < last; ++i) {
      std::array<char, 12> key{};
      const auto [end, failed] = std::to_chars(key.data(), key.data() + key.size(), i - first);
      WEIR_TRY(write({key.data(), end}, path, column.children().front(), static_cast<std::size_t>(i)));
    }
    close(out_, begin);
    return {};
  }

  Result<void> structure(std::string_view name, std::string& path, const Column& column, std::size_t row) {
    head(out_, BsonType::Document, name);
    const auto begin = open(out_);
    const auto path_size = path.size();
    for (std::size_t i = 0; i < column.children().size(); ++i) {
      const auto& child = column.children()[i];
      if (child.is_null(row) && rules_.nulls == EncodeRules::Nulls::LeftOut) continue;
      const auto& field = (*column.type().children)[i].name;
      path += '.';
      path += field;
      WEIR_TRY(write(field, path, child, row).while_doing(fmt::format("field {}", field)));
      path.resize(path_size);
    }
    close(out_, begin);
    return {};
  }

  const EncodeRules& rules_;
  std::string& out_;
};

Result<void> check_name(std::string_view name) {
  if (!name.empty() && name.find('\0') == std::string_view::npos && !name.starts_with('$')) return {};
  return Error::user(Code::Unsupported, "MongoDB takes no field of this name: \"{}\"", name)
      .hint("field names are not empty and do not begin with $");
}

}  // namespace

std::vector<Setting> encode_settings() {
  return {{.name = "nulls",
           .type = SettingType::Choice,
           .doc = "Whether a NULL is written as null, or the field is left out",
           .default_value = "write",
           .choices = {"write", "omit"}},
          {.name = "fractions",
           .type = SettingType::Choice,
           .doc = "What happens to times finer than MongoDB's milliseconds",
           .default_value = "refuse",
           .choices = {"refuse", "drop"}},
          {.name = "object_ids",
           .type = SettingType::List,
           .doc = "Columns, by path (device.owner_id), whose texts of 24 hexadecimal digits become ObjectIds",
           .fields = {{.name = "path", .type = SettingType::Text}},
           .shorthand = Setting::Shorthand::Allowed}};
}

EncodeRules EncodeRules::from(const Settings& options) {
  EncodeRules rules;
  if (options.text("nulls") == "omit") rules.nulls = Nulls::LeftOut;
  if (options.text("fractions") == "drop") rules.fractions = Fractions::Dropped;
  for (auto& path : options.texts("object_ids")) rules.object_ids.insert(std::move(path));
  return rules;
}

Result<DocumentEncoder> DocumentEncoder::create(const data::SchemaPtr& schema, EncodeRules rules) {
  for (const auto& field : schema->fields) WEIR_TRY(check_name(field.name));
  DocumentEncoder encoder{schema, std::move(rules)};
  encoder.order_.resize(schema->fields.size());
  std::iota(encoder.order_.begin(), encoder.order_.end(), std::size_t{0});
  if (const auto id = schema->find("_id")) {
    encoder.has_id_ = true;
    std::rotate(encoder.order_.begin(), encoder.order_.begin() + static_cast<std::ptrdiff_t>(*id),
                encoder.order_.begin() + static_cast<std::ptrdiff_t>(*id) + 1);
  }
  return encoder;
}

Result<void> DocumentEncoder::append(const data::Batch& batch, std::size_t row, std::string& out) const {
  const auto begin = open(out);
  if (!has_id_) {
    bson_oid_t id;
    bson_oid_init(&id, nullptr);
    head(out, BsonType::ObjectId, "_id");
    out.append(reinterpret_cast<const char*>(id.bytes), sizeof id.bytes);
  }
  ValueWriter writer{rules_, out};
  std::string path;
  for (const auto index : order_) {
    const auto& column = batch.column(index);
    const auto& name = schema_->fields[index].name;
    if (column.is_null(row) && rules_.nulls == EncodeRules::Nulls::LeftOut && name != "_id") continue;
    path = name;
    WEIR_TRY(writer.write(name, path, column, row).while_doing(fmt::format("column {}, row {}", name, row)));
  }
  close(out, begin);
  if (out.size() - begin > kDocumentBytesMax) {
    return Error{Fault::External, Code::TypeMismatch,
                 fmt::format("MongoDB's documents have at most 16 MiB, and a row takes {} bytes", out.size() - begin)};
  }
  return {};
}

Result<void> DocumentEncoder::append_columns(const data::Batch& batch, std::size_t row,
                                             const std::vector<std::size_t>& columns, std::string& out) const {
  const auto begin = open(out);
  ValueWriter writer{rules_, out};
  std::string path;
  for (const auto index : columns) {
    path = schema_->fields[index].name;
    WEIR_TRY(writer.write(schema_->fields[index].name, path, batch.column(index), row)
                 .while_doing(fmt::format("column {}, row {}", schema_->fields[index].name, row)));
  }
  close(out, begin);
  return {};
}

}  // namespace weir::mongodb
