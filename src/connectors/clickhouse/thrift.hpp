#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// Thrift's compact protocol (apache/thrift doc/specs/thrift-compact-protocol.md), as far as Parquet's footers use it: any
// structure is read into a tree, changed, and written back.
namespace weir::clickhouse {

enum class ThriftType : std::uint8_t {
  Stop = 0,
  True = 1,
  False = 2,
  I8 = 3,
  I16 = 4,
  I32 = 5,
  I64 = 6,
  Double = 7,
  Binary = 8,
  List = 9,
  Set = 10,
  Map = 11,
  Struct = 12,
};

struct ThriftField;

// A value of any type. Fields keep their order, which is that of their ids.
struct ThriftValue {
  ThriftType type = ThriftType::Struct;
  std::int64_t number = 0;                    // integers
  std::string bytes;                          // Binary, Double; a structure that was left unread
  ThriftType item_type = ThriftType::Struct;  // List, Set; of a Map's values
  ThriftType key_type = ThriftType::Struct;   // Map
  std::vector<ThriftValue> items;             // List, Set; of a Map keys and values in turn
  std::vector<ThriftField> fields;            // Struct

  // Null when the structure has no such field.
  const ThriftValue* find(int id) const;
  ThriftValue* find(int id);
  std::int64_t number_at(int id, std::int64_t otherwise) const;
  void set(int id, ThriftValue value);
  void erase(int id);

  static ThriftValue flag(bool value);
  static ThriftValue i32(std::int64_t value);
  static ThriftValue structure(std::vector<ThriftField> fields);
};

struct ThriftField {
  int id = 0;
  ThriftValue value;
};

// One structure, which begins with the text and may end before it. The structures in the list of the field `unread` are
// kept as their bytes. InvalidData for anything else.
Result<ThriftValue> parse_thrift(std::string_view text, int unread = -1);
void append_thrift(std::string& out, const ThriftValue& structure);

}  // namespace weir::clickhouse
