#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::data {

enum class Kind : std::uint8_t {
  Bool,
  Int8,
  Int16,
  Int32,
  Int64,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
  Float32,
  Float64,
  Decimal,    // precision 1..76, scale 0..precision
  Date,       // days since 1970-01-01, proleptic Gregorian
  Time,       // since midnight, in `unit`; 24:00 is allowed, as in PostgreSQL
  Timestamp,  // since 1970-01-01T00:00, in `unit`; an instant when `zone` is set, else a wall clock's reading
  Interval,   // months, days and nanoseconds, which do not convert into each other
  String,     // UTF-8
  Binary,
  Uuid,
  Json,  // one JSON text, as it was written
  List,
  Struct,
};

enum class TimeUnit : std::uint8_t { Second, Milli, Micro, Nano };

struct Field;

// The type of a column. Plain data: compare with ==, print with text(). The factory functions make valid types only.
struct Type {
  Kind kind = Kind::String;
  std::uint8_t precision = 0;       // Decimal
  std::uint8_t scale = 0;           // Decimal
  TimeUnit unit = TimeUnit::Micro;  // Time, Timestamp
  std::string zone;                 // Timestamp: "" is without zone, else an IANA name; values stay UTC
  std::shared_ptr<const std::vector<Field>> children;  // List: exactly one; Struct: its fields

  bool operator==(const Type& other) const;
  // "decimal(18,2)", "timestamp(us, UTC)", "list<int32>"; parse_type reads it back.
  std::string text() const;
};

enum class Nullable : bool { No, Yes };

struct Field {
  std::string name;
  Type type;
  Nullable nullable = Nullable::Yes;

  bool operator==(const Field&) const = default;
};

Type type_of(Kind kind);  // any kind without parameters
Type decimal(int precision, int scale);
Type time_of(TimeUnit unit);
Type timestamp(TimeUnit unit, std::string zone = {});
Type list_of(Type element, Nullable nullable = Nullable::Yes);
Type struct_of(std::vector<Field> fields);

std::optional<Type> parse_type(std::string_view text);

// Bytes of one value in the values buffer; 0 for Bool (one bit), String, Binary, Json, List, Struct.
// Decimals take 4, 8, 16 or 32 bytes by precision (to 9, 18, 38, 76), two's complement, little endian.
int value_width(const Type& type);
bool is_text_like(Kind kind);  // String, Binary, Json: offsets and bytes
bool is_integer(Kind kind);
int digits(TimeUnit unit);  // 0, 3, 6, 9

struct Schema {
  std::vector<Field> fields;

  bool operator==(const Schema&) const = default;
  // Names are compared byte for byte.
  std::optional<std::size_t> find(std::string_view name) const;
  // "sale_id int64 not null, region string"
  std::string text() const;
};

using SchemaPtr = std::shared_ptr<const Schema>;

}  // namespace weir::data
