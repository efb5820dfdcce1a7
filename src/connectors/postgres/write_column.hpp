#pragma once

#include <cstdint>
#include <string>

#include "connectors/postgres/wire.hpp"

namespace weir::postgres {

// One column of a table that is written, and the wire form in which its values are sent.
struct WriteColumn {
  std::string name;
  std::string native_type;  // as PostgreSQL writes it: "numeric(12,2)"
  Wire wire = Wire::Text;
  Wire element = Wire::Text;      // Array
  std::uint32_t element_oid = 0;  // Array
  int scale_max = -1;             // Numeric: digits after the point that the column keeps; -1: all
  int second_digits = 6;          // Time, Timestamp, Interval: digits of a second that the column keeps
  // When the server has to read the value from text: the staging column's type, text or text[]; the value is cast to
  // native_type on the way into the table. Empty: the value is sent as it is.
  std::string staged_type;
};

}  // namespace weir::postgres
