#pragma once

#include <curl/curl.h>

#include <string_view>

#include "base/result.hpp"
#include "net/http_client.hpp"

// What both users of libcurl in this folder share.
namespace weir::net {

// Initialises the library, once.
void start_curl();
// What went wrong with a transfer to `where`; `detail` is curl's own text, if any.
Error transport_error(CURLcode code, std::string_view where, std::string_view detail);
// Without the spaces and line breaks around it.
std::string_view trim_header(std::string_view text);
// A line break in a header would begin another header.
Result<void> check_headers(const Headers& headers);

}  // namespace weir::net
