#include "connectors/postgres/types.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "connectors/postgres/copy_encoder.hpp"

namespace weir::postgres {
namespace {

using data::Kind;

// Numbers of pg_type.dat: they are part of PostgreSQL's protocol and never change.
namespace oid {
constexpr Oid kBool = 16, kBytea = 17, kChar = 18, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25,
              kOid = 26, kJson = 114, kFloat4 = 700, kFloat8 = 701, kMoney = 790, kBpchar = 1042, kVarchar = 1043,
              kDate = 1082, kTime = 1083, kTimestamp = 1114, kTimestamptz = 1184, kInterval = 1186, kNumeric = 1700,
              kRecord = 2249, kUuid = 2950, kJsonb = 3802;
}  // namespace oid

struct Scalar {
  Oid oid;
  Wire wire;
  Kind kind;
};

constexpr auto kScalars = std::to_array<Scalar>({
    {oid::kBool, Wire::Bool, Kind::Bool},
    {oid::kBytea, Wire::Bytea, Kind::Binary},
    {oid::kChar, Wire::Char, Kind::String},
    {oid::kName, Wire::Text, Kind::String},
    {oid::kInt8, Wire::Int8, Kind::Int64},
    {oid::kInt2, Wire::Int2, Kind::Int16},
    {oid::kInt4, Wire::Int4, Kind::Int32},
    {oid::kText, Wire::Text, Kind::String},
    {oid::kOid, Wire::Oid, Kind::UInt32},
    {oid::kJson, Wire::Text, Kind::Json},
    {oid::kFloat4, Wire::Float4, Kind::Float32},
    {oid::kFloat8, Wire::Float8, Kind::Float64},
    {oid::kBpchar, Wire::Text, Kind::String},
    {oid::kVarchar, Wire::Text, Kind::String},
    {oid::kDate, Wire::Date, Kind::Date},
    {oid::kTime, Wire::Time, Kind::Time},
    {oid::kTimestamp, Wire::Timestamp, Kind::Timestamp},
    {oid::kTimestamptz, Wire::Timestamp, Kind::Timestamp},
    {oid::kInterval, Wire::Interval, Kind::Interval},
    {oid::kNumeric, Wire::Numeric, Kind::Decimal},
    {oid::kUuid, Wire::Uuid, Kind::Uuid},
    {oid::kJsonb, Wire::Jsonb, Kind::Json},
});

const Scalar* find_scalar(Oid oid) {
  const auto* found = std::ranges::find(kScalars, oid, &Scalar::oid);
  return found == kScalars.end() ? nullptr : found;
}

constexpr int kMoneyPrecision = 19;
constexpr int kMoneyScale = 2;

// numeric's modifier (numeric.c, make_numeric_typmod): precision in the upper 16 bits, an 11-bit signed scale below, plus 4.
struct NumericModifier {
  int precision;
  int scale;
};

std::optional<NumericModifier> numeric_modifier(std::int32_t modifier) {
  constexpr std::int32_t kHeader = 4;
  if (modifier < kHeader) return std::nullopt;
  const auto packed = modifier - kHeader;
  return NumericModifier{packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024};
}

std::optional<data::Type> decimal_type(std::int32_t modifier) {
  const auto numeric = numeric_modifier(modifier);
  if (!numeric) return std::nullopt;
  // numeric(3,-2) holds five digits before the point; numeric(2,4) four after it.
  const auto precision =
      numeric->scale < 0 ? numeric->precision - numeric->scale : std::max(numeric->precision, numeric->scale);
  const auto scale = std::max(numeric->scale, 0);
  if (precision > 76) return std::nullopt;
  return data::decimal(precision, scale);
}

data::Type scalar_type(const Scalar& scalar, std::int32_t modifier, const ReadRules& rules) {
  switch (scalar.oid) {
    case oid::kNumeric: {
      if (auto type = decimal_type(modifier)) return *type;
      return rules.numeric.value_or(data::type_of(Kind::String));
    }
    case oid::kTime: return data::time_of(data::TimeUnit::Micro);
    case oid::kTimestamp: return data::timestamp(data::TimeUnit::Micro);
    case oid::kTimestamptz: return data::timestamp(data::TimeUnit::Micro, "UTC");
    default: return data::type_of(scalar.kind);
  }
}

TypeCatalog::Entry entry_from(const Rows& rows, int row) {
  TypeCatalog::Entry entry;
  const auto kind = rows.text(row, 1);
  const auto is_array = rows.text(row, 2) == "A" && rows.integer(row, 3) == -1 && rows.integer(row, 4) != 0;
  if (kind == "d") {
    entry.domain = true;
    entry.base = {static_cast<Oid>(rows.integer(row, 5)), static_cast<std::int32_t>(rows.integer(row, 6))};
  } else if (kind == "e") {
    entry.shape = TypeCatalog::Shape::Enum;
  } else if (kind == "c") {
    entry.shape = TypeCatalog::Shape::Composite;
  } else if (kind == "b" && is_array) {
    entry.shape = TypeCatalog::Shape::Array;
    entry.element = static_cast<Oid>(rows.integer(row, 4));
  }
  return entry;
}

void read_as_json(ReadColumn& column) {
  column.cast = "to_json({})::text";
  column.wire = Wire::Text;
  column.type = data::type_of(Kind::Json);
}

void read_as_text(ReadColumn& column) {
  column.cast = "({})::text";
  column.wire = Wire::Text;
  column.type = data::type_of(Kind::String);
}

void read_scalar(ReadColumn& column, const Scalar& scalar, std::int32_t modifier, const ReadRules& rules) {
  column.wire = scalar.wire;
  column.type = scalar_type(scalar, modifier, rules);
}

void read_array(ReadColumn& column, TypeRef array, const TypeCatalog& types, const ReadRules& rules) {
  const auto element = types.resolve({types.entry(array.oid).element, array.modifier});
  const auto shape = types.entry(element.oid).shape;
  if (rules.arrays == ReadArrays::AsJson || shape == TypeCatalog::Shape::Composite) return read_as_json(column);
  if (const auto* scalar = find_scalar(element.oid)) {
    read_scalar(column, *scalar, element.modifier, rules);
  } else {
    column.type = data::type_of(Kind::String);
    column.wire = Wire::Text;
    if (shape != TypeCatalog::Shape::Enum) column.cast = "({})::text[]";
  }
  column.element = column.wire;
  column.wire = Wire::Array;
  column.type = data::list_of(column.type);
}

int second_digits(Oid oid, std::int32_t modifier) {
  if (modifier < 0) return 6;
  // interval keeps its range of fields in the upper half; 0xffff below means that the digits are not limited.
  const auto digits = oid == oid::kInterval ? modifier & 0xffff : modifier;
  return std::min(digits, 6);
}

// Strings go anywhere that the server can read them into, and money has no other way. A column that rounds what it reads
// gets nothing this way: a loss would go unseen.
std::optional<WriteColumn> staged_as_text(WriteColumn column, const data::Type& type, TypeCatalog::Shape shape) {
  if (column.scale_max >= 0 || column.second_digits < 6) return std::nullopt;
  const auto is_list = type.kind == Kind::List && type.children->front().type.kind == Kind::String;
  if (is_list && shape == TypeCatalog::Shape::Array) {
    column.wire = Wire::Array;
    column.element = Wire::Text;
    column.element_oid = oid::kText;
    column.staged_type = "text[]";
    return column;
  }
  const auto is_money = type.kind == Kind::Decimal && column.native_type == "money";
  if (type.kind != Kind::String && type.kind != Kind::Json && !is_money) return std::nullopt;
  column.wire = Wire::Text;
  column.staged_type = "text";
  return column;
}

// Which of the two timestamps a value may go to.
bool zones_agree(const data::Type& type, Oid native) {
  if (type.kind != Kind::Timestamp) return true;
  return type.zone.empty() == (native == oid::kTimestamp);
}

}  // namespace

Result<void> TypeCatalog::learn(Connection& connection, std::vector<Oid> oids, std::stop_token stop) {
  while (true) {
    std::set<Oid> unknown;
    for (const auto oid : oids) {
      if (find_scalar(oid) == nullptr && !entries_.contains(oid)) unknown.insert(oid);
    }
    if (unknown.empty()) return {};
    const auto rows =
        WEIR_TRY(connection.query("SELECT oid, typtype, typcategory, typlen, typelem, typbasetype, typtypmod FROM "
                                  "pg_catalog.pg_type WHERE oid = ANY ($1::oid[])",
                                  {fmt::format("{{{}}}", fmt::join(unknown, ","))}, stop));
    for (const auto oid : unknown) entries_[oid] = {};
    oids.clear();
    for (int row = 0; row < rows.rows(); ++row) {
      const auto entry = entry_from(rows, row);
      if (entry.domain) oids.push_back(entry.base.oid);
      if (entry.shape == Shape::Array) oids.push_back(entry.element);
      entries_[static_cast<Oid>(rows.integer(row, 0))] = entry;
    }
  }
}

TypeRef TypeCatalog::resolve(TypeRef type) const {
  while (true) {
    const auto& known = entry(type.oid);
    if (!known.domain) return type;
    type = known.base;
  }
}

const TypeCatalog::Entry& TypeCatalog::entry(Oid oid) const {
  static const Entry kScalar{.shape = Shape::Scalar, .domain = false, .base = {}, .element = 0};
  const auto found = entries_.find(oid);
  return found == entries_.end() ? kScalar : found->second;
}

std::vector<Setting> read_rule_settings() {
  return {
      {.name = "numeric",
       .doc = "How numeric without a precision is read: string (exact text) or a type such as decimal(38,10)",
       .default_value = "string"},
      {.name = "infinity",
       .type = SettingType::Choice,
       .doc = "What an infinite date or timestamp becomes; clamp: the years 0001 and 9999",
       .default_value = "error",
       .choices = {"error", "null", "clamp"}},
      {.name = "nan",
       .type = SettingType::Choice,
       .doc = "What NaN or Infinity in a numeric that is read as a decimal becomes",
       .default_value = "error",
       .choices = {"error", "null"}},
      {.name = "arrays",
       .type = SettingType::Choice,
       .doc = "How arrays are read; those of several dimensions only fit json",
       .default_value = "list",
       .choices = {"list", "json"}},
  };
}

Result<ReadRules> ReadRules::from(const Settings& options) {
  ReadRules rules;
  const auto numeric = options.text("numeric");
  if (!numeric.empty() && numeric != "string") {
    rules.numeric = data::parse_type(numeric);
    if (!rules.numeric || rules.numeric->kind != Kind::Decimal) {
      return Error::user(Code::InvalidProject, "the read option numeric is neither string nor a decimal: {}", numeric)
          .hint("write numeric: decimal(38,10)");
    }
  }
  const auto infinity = options.text("infinity");
  if (infinity == "null") rules.on_infinity = OnInfinity::Null;
  if (infinity == "clamp") rules.on_infinity = OnInfinity::Clamp;
  if (options.text("nan") == "null") rules.on_nan = OnNan::Null;
  if (options.text("arrays") == "json") rules.arrays = ReadArrays::AsJson;
  return rules;
}

ReadColumn read_column(std::string name, TypeRef type, const TypeCatalog& types, const ReadRules& rules) {
  ReadColumn column;
  column.name = std::move(name);
  column.on_infinity = rules.on_infinity;
  column.on_nan = rules.on_nan;
  const auto base = types.resolve(type);
  const auto shape = types.entry(base.oid).shape;
  if (const auto* scalar = find_scalar(base.oid)) {
    read_scalar(column, *scalar, base.modifier, rules);
  } else if (base.oid == oid::kMoney) {
    // Its binary form means another amount in every locale; the server knows which.
    column.cast = "({})::numeric";
    column.wire = Wire::Numeric;
    column.type = data::decimal(kMoneyPrecision, kMoneyScale);
  } else if (shape == TypeCatalog::Shape::Array) {
    read_array(column, base, types, rules);
  } else if (shape == TypeCatalog::Shape::Composite || base.oid == oid::kRecord) {
    read_as_json(column);
  } else if (shape == TypeCatalog::Shape::Enum) {
    column.wire = Wire::Text;  // an enum is sent as its label
    column.type = data::type_of(Kind::String);
  } else {
    read_as_text(column);
  }
  return column;
}

std::optional<WriteColumn> write_column(std::string name, TypeRef native, std::string native_name,
                                        const TypeCatalog& types, const data::Type& type) {
  WriteColumn column;
  column.name = std::move(name);
  column.native_type = std::move(native_name);
  const auto base = types.resolve(native);
  const auto* scalar = find_scalar(base.oid);
  auto sent_as_it_is = scalar != nullptr;
  if (scalar != nullptr) {
    column.wire = scalar->wire;
    column.second_digits = second_digits(base.oid, base.modifier);
    if (const auto numeric = numeric_modifier(base.modifier); scalar->oid == oid::kNumeric && numeric) {
      column.scale_max = std::max(numeric->scale, 0);
      sent_as_it_is = numeric->scale >= 0;
    }
    if (!zones_agree(type, base.oid)) sent_as_it_is = false;
  } else if (types.entry(base.oid).shape == TypeCatalog::Shape::Enum) {
    column.wire = Wire::Text;
    sent_as_it_is = true;
  } else if (types.entry(base.oid).shape == TypeCatalog::Shape::Array) {
    const auto element = types.entry(base.oid).element;
    const auto* element_scalar = find_scalar(types.resolve({element, base.modifier}).oid);
    if (element_scalar != nullptr) {
      column.wire = Wire::Array;
      column.element = element_scalar->wire;
      column.element_oid = element;
      sent_as_it_is = type.kind != Kind::List || zones_agree(type.children->front().type, element_scalar->oid);
    }
  }
  if (sent_as_it_is && make_encoder(type, column) != nullptr) return column;
  return staged_as_text(std::move(column), type, types.entry(base.oid).shape);
}

std::string native_type_name(const data::Type& type) {
  switch (type.kind) {
    case Kind::Bool: return "boolean";
    case Kind::Int8:
    case Kind::UInt8:
    case Kind::Int16: return "smallint";
    case Kind::UInt16:
    case Kind::Int32: return "integer";
    case Kind::UInt32:
    case Kind::Int64: return "bigint";
    case Kind::UInt64: return "numeric(20,0)";
    case Kind::Float32: return "real";
    case Kind::Float64: return "double precision";
    case Kind::Decimal: return fmt::format("numeric({},{})", type.precision, type.scale);
    case Kind::Date: return "date";
    case Kind::Time: return "time";
    case Kind::Timestamp: return type.zone.empty() ? "timestamp" : "timestamptz";
    case Kind::Interval: return "interval";
    case Kind::String: return "text";
    case Kind::Binary: return "bytea";
    case Kind::Uuid: return "uuid";
    case Kind::Json:
    case Kind::Struct: return "jsonb";
    case Kind::List: {
      const auto& element = type.children->front().type;
      if (element.kind == Kind::List || element.kind == Kind::Struct) return "jsonb";
      return native_type_name(element) + "[]";
    }
  }
  return "text";
}

namespace {

// The built-in type that native_type_name names, as a reference without a modifier: values of the Weir type always fit.
Oid new_oid(const data::Type& type) {
  switch (type.kind) {
    case Kind::Bool: return oid::kBool;
    case Kind::Int8:
    case Kind::UInt8:
    case Kind::Int16: return oid::kInt2;
    case Kind::UInt16:
    case Kind::Int32: return oid::kInt4;
    case Kind::UInt32:
    case Kind::Int64: return oid::kInt8;
    case Kind::UInt64:
    case Kind::Decimal: return oid::kNumeric;
    case Kind::Float32: return oid::kFloat4;
    case Kind::Float64: return oid::kFloat8;
    case Kind::Date: return oid::kDate;
    case Kind::Time: return oid::kTime;
    case Kind::Timestamp: return type.zone.empty() ? oid::kTimestamp : oid::kTimestamptz;
    case Kind::Interval: return oid::kInterval;
    case Kind::String: return oid::kText;
    case Kind::Binary: return oid::kBytea;
    case Kind::Uuid: return oid::kUuid;
    case Kind::Json:
    case Kind::List:
    case Kind::Struct: return oid::kJsonb;
  }
  return oid::kText;
}

}  // namespace

WriteColumn new_column(std::string name, const data::Type& type) {
  WriteColumn column;
  column.name = std::move(name);
  column.native_type = native_type_name(type);
  column.wire = find_scalar(new_oid(type))->wire;
  if (column.native_type.ends_with("[]")) {
    column.element_oid = new_oid(type.children->front().type);
    column.element = find_scalar(column.element_oid)->wire;
    column.wire = Wire::Array;
  }
  return column;
}

}  // namespace weir::postgres
