#pragma once

#include "base/result.hpp"
#include "data/batch.hpp"

namespace weir::data {

// The same values in another type: integers and decimals that fit, timestamps in another unit, text to and from anything.
// Never loses silently: the first value that does not fit is TypeMismatch and names its row, value and both types.
// A cast to the column's own type shares its buffers.
Result<Column> cast(const Column& column, const Type& type);

// Casts and reorders the batch's columns to the schema: by name, NotFound when one is missing.
Result<Batch> cast(const Batch& batch, const SchemaPtr& schema);

}  // namespace weir::data
