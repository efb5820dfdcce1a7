#pragma once

#include <string>

#include "connectors/postgres/wire.hpp"
#include "data/type.hpp"

namespace weir::postgres {

// What a read does with values that Weir's types cannot hold (options of the copy's `from`).
enum class OnInfinity { Error, Null, Clamp };  // infinite dates and timestamps; Clamp: to the years 0001 and 9999
enum class OnNan { Error, Null };              // NaN and Infinity in a numeric that is read as a decimal
enum class ReadArrays { AsLists, AsJson };

// One column of a COPY BINARY stream and the Weir type that it becomes.
struct ReadColumn {
  std::string name;
  data::Type type;
  data::Nullable nullable = data::Nullable::Yes;
  Wire wire = Wire::Text;
  Wire element = Wire::Text;  // Array
  std::string cast;           // what the SELECT wraps around the column: "{}::text"; empty when it is read as it is
  OnInfinity on_infinity = OnInfinity::Error;
  OnNan on_nan = OnNan::Error;
};

}  // namespace weir::postgres
