#pragma once

#include <string>
#include <string_view>

#include "net/http_server.hpp"
#include "web/schema.hpp"

namespace weir::web {

// The HTTP status that says what an Error says (RFC 9110, section 15).
int status_of(const Error& error);
// {"error": {code, message, hint, place}}
Json error_json(const Error& error);

// Answers with JSON, gzipped where it pays and the client takes it.
Result<void> send_json(const net::IncomingRequest& request, net::ResponseWriter& response, int status,
                       const std::string& text, net::Headers headers = {});
// 204 without a body.
Result<void> send_nothing(net::ResponseWriter& response, net::Headers headers = {});

// Whether an Accept-Encoding header takes gzip (RFC 9110, section 12.5.3).
bool takes_gzip(const net::Headers& headers);
// RFC 1952.
std::string gzip(std::string_view text);
// InvalidData for what gzip() did not write.
Result<std::string> gunzip(std::string_view bytes);

// What every answer carries: no guessing of types, no framing, no referrer; and for pages the content security policy.
void add_security_headers(net::Headers& headers);
std::string_view content_security_policy();

}  // namespace weir::web
