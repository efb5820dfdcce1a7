#pragma once

#include <cstddef>
#include <cstdint>

// The types of bsonspec.org, version 1.1.
namespace weir::mongodb {

enum class BsonType : std::uint8_t {
  Double = 0x01,
  String = 0x02,
  Document = 0x03,
  Array = 0x04,
  Binary = 0x05,
  Undefined = 0x06,
  ObjectId = 0x07,
  Bool = 0x08,
  DateTime = 0x09,
  Null = 0x0a,
  Regex = 0x0b,
  DbPointer = 0x0c,
  Code = 0x0d,
  Symbol = 0x0e,
  CodeWithScope = 0x0f,
  Int32 = 0x10,
  Timestamp = 0x11,
  Int64 = 0x12,
  Decimal128 = 0x13,
  MaxKey = 0x7f,
  MinKey = 0xff,
};

enum class BinarySubtype : std::uint8_t { Generic = 0x00, Uuid = 0x04 };

// MongoDB's own limits (https://www.mongodb.com/docs/manual/reference/limits/).
constexpr std::size_t kDocumentBytesMax = std::size_t{16} << 20;

}  // namespace weir::mongodb
