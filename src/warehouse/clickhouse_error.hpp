#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace weir::warehouse {

// ClickHouse's number for an error: its native_code, else the nearest of ClickHouse's own.
int clickhouse_code(const Error& error);
// The HTTP status that ClickHouse gives an error number (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp).
int http_status_of(int clickhouse_code);
// "Code: 62. DB::Exception: Syntax error: …. (SYNTAX_ERROR) (version 26.7.2.1)\n", which every client parses.
std::string clickhouse_error_text(const Error& error, std::string_view version);

}  // namespace weir::warehouse
