#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::net {

// "a b/c" → "a%20b%2Fc": everything but RFC 3986's unreserved characters.
std::string encode_percent(std::string_view text);

// A reference as a page gives it ("?page=2", "/v2/items", a whole URL) seen from the page's own URL (RFC 3986, section 5).
// InvalidArgument when it is none, or not http or https.
Result<std::string> resolve_url(const std::string& base, const std::string& reference);

// "https://api.example.com:8443", in lower case, with the port only where it is not the scheme's own: what has to be equal
// for credentials to be sent along. Empty when the text is no URL.
std::string url_origin(const std::string& url);

// The URL with these parameters in its query, each in place of all of its name; in their order, new ones at the end.
std::string with_query(const std::string& url, const std::vector<std::pair<std::string, std::string>>& parameters);

// A date as HTTP headers have it (RFC 9110, section 5.6.7, in all of its three forms).
std::optional<Instant> parse_http_date(const std::string& text);

// The target of the link with this relation in a Link header's value (RFC 8288, section 3).
std::optional<std::string> find_link(std::string_view header, std::string_view relation);

}  // namespace weir::net
