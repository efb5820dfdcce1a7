#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "data/batch.hpp"

// Values as text, one form a type, the form that PostgreSQL and ClickHouse both read (docs/types.md lists them):
//   bool true/false · floats shortest that reads back, nan, inf, -inf · decimal with all digits of its scale ·
//   date 2026-03-01 (before year 0: -0043-03-15, as ISO 8601 counts years) · time 12:45:00.250000 ·
//   timestamp 2026-03-01 12:45:00.250000, with zone: UTC and a Z · interval ISO 8601 (P1Y2M3DT4H5M6.5S) ·
//   binary \x0102 · uuid lower case · list and struct as JSON
namespace weir::data {

// Appends the text of a value that is not null.
void append_text(std::string& out, const Column& column, std::size_t row);
std::string value_text(const Column& column, std::size_t row);

// Appends the value that the text says, or TypeMismatch ("not a date: 2026-02-30"). Reads what append_text writes, and
// for timestamps also T, Z, offsets and fewer digits: text with an offset means that instant, text without one is UTC.
// Never rounds: a value with too many digits does not fit. After an error a builder of a list or struct is spoilt.
Result<void> append_parsed(ColumnBuilder& builder, std::string_view text);

// Appends text as a JSON string.
void append_json_text(std::string& out, std::string_view text);

// Appends a value as JSON: numbers stay numbers while they are exact in a double, else strings.
void append_json(std::string& out, const Column& column, std::size_t row);

}  // namespace weir::data
