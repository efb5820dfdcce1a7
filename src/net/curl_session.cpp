#include "net/curl_session.hpp"

namespace weir::net {

void start_curl() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  WEIR_CHECK(kStarted == CURLE_OK);
}

Error transport_error(CURLcode code, std::string_view where, std::string_view detail) {
  const auto why = detail.empty() ? std::string_view{curl_easy_strerror(code)} : detail;
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error::user(Code::InvalidArgument, "not a URL that can be requested: {}: {}", where, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Error::external(Code::Unavailable, "certificate of {} is not trusted: {}", where, why)
          .retry(Retry::Never)
          .hint("name the certificate authority's file in the connection's ca_file");
    case CURLE_OPERATION_TIMEDOUT:
      return Error::external(Code::TimedOut, "no connection to {} in time: {}", where, why).retry(Retry::Reconnect);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return Error::external(Code::Unavailable, "cannot connect to {}: {}", where, why)
          .retry(Retry::Reconnect)
          .hint("check that the server runs and that the address is right");
    default:
      return Error::external(Code::Unavailable, "connection to {} broke: {}", where, why).retry(Retry::Reconnect);
  }
}

std::string_view trim_header(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

Result<void> check_headers(const Headers& headers) {
  for (const auto& [name, value] : headers.entries()) {
    if (name.find_first_of("\r\n:") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) {
      return Error::user(Code::InvalidArgument, "a line break in the request header {}", name);
    }
  }
  return {};
}

}  // namespace weir::net
