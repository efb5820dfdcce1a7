#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/type.hpp"

namespace weir::clickhouse {

// A ClickHouse type's name, taken apart: "Nullable(DateTime64(3, 'Europe/Moscow'))".
struct ColumnType {
  std::string text;  // as the server wrote it
  std::string name;  // before the parenthesis: "Nullable", "DateTime64", "IntervalDay"
  std::vector<ColumnType>
      children;  // Nullable, LowCardinality, Array, Tuple, Map, Nested; SimpleAggregateFunction's type
  std::vector<std::string> labels;  // Tuple, Nested: the elements' names, "1", "2", … when they have none
  std::vector<std::pair<int, std::string>> values;  // Enum8, Enum16
  int precision = 0;                                // Decimal*, DateTime64, Time64: digits; FixedString: bytes
  int scale = 0;                                    // Decimal*
  std::string zone;                                 // DateTime, DateTime64
};

// Nothing when the text is not a type. Types whose arguments are not types (AggregateFunction, Variant, JSON, …) have
// their name and text only.
std::optional<ColumnType> parse_column_type(std::string_view text);

struct MappedType {
  data::Type type;
  data::Nullable nullable = data::Nullable::No;
};

// Which of Weir's types a column of this type is read as (TYPES.md); nothing for types that are read as text by toString.
// A DateTime without a zone is a reading of the server's clock: without zone where that is UTC, else in the server's zone.
std::optional<MappedType> weir_type(const ColumnType& type, std::string_view server_zone);

// The type of a column that holds the Weir type's values without loss (TYPES.md).
std::string clickhouse_type(const data::Type& type, data::Nullable nullable);

// The type in which values of a table's column are sent: its own where values are laid out as Weir's, else that of
// clickhouse_type(), from which the server converts.
std::string wire_type(const ColumnType& table_type, const MappedType& mapped);

bool is_utc(std::string_view zone);

// 'text' with backslashes and quotes escaped, and `name` likewise.
std::string quote_text(std::string_view text);
std::string quote_name(std::string_view name);

}  // namespace weir::clickhouse
