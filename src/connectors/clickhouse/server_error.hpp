#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace weir::clickhouse {

// "Code: 241. DB::Exception: Memory limit exceeded … (MEMORY_LIMIT_EXCEEDED) (version 26.7.2.1)"
struct ServerException {
  int code = 0;
  std::string message;  // without the code before it and the version behind it
};

// The last exception in a text: an error's body, or the end of a result that broke in the middle.
std::optional<ServerException> find_exception(std::string_view text);

// Who has to act and whether another attempt may help, by ClickHouse's code (src/Common/ErrorCodes.cpp).
Error to_error(const ServerException& exception);

}  // namespace weir::clickhouse
