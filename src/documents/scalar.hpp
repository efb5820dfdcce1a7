#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/column.hpp"
#include "documents/value.hpp"

namespace weir::documents {

// A value that is neither an object nor a list, on its way into a column.
struct Scalar {
  Value::Kind kind = Value::Kind::Null;
  std::string_view text;  // as Value::text says; of Other, and of all that goes into a json column, JSON
  std::int64_t integer = 0;
  double real = 0;
};

// Its text lives as long as the value, or as long as the value says.
Scalar scalar_of(const Value& value);
// What of a value goes into a column: a nested one, one that no type holds, and what a json column does not take as it is
// become JSON in `json`. `form` Json: a json column; JsonText: a text column that holds JSON, such as a key of several types.
enum class ColumnForm { Plain, Json, JsonText };
bool becomes_json(Value::Kind kind, ColumnForm form);
Result<Scalar> scalar_for(Value& value, ColumnForm form, std::string& json);
// As data::append_parsed reads it.
std::string plain_text(const Scalar& scalar);
// Appends a scalar that is not null. TypeMismatch when the column's type does not hold it.
Result<void> append_scalar(data::ColumnBuilder& builder, const Scalar& scalar);

}  // namespace weir::documents
