#pragma once

#include <string>
#include <string_view>

namespace weir::flow {

// Appends a JSON text as PostgreSQL writes the same value as jsonb (datatype-json, 8.14.1; src/backend/utils/adt/jsonb.c of
// PostgreSQL 15): an object's keys once each (the last value stands), shorter ones first and then by their bytes; numbers
// without an exponent, their zeros kept; one space behind ":" and ",". What jsonb cannot hold (U+0000, half a surrogate pair)
// and what is not JSON is appended as it is.
void append_canonical_json(std::string& out, std::string_view json);

}  // namespace weir::flow
