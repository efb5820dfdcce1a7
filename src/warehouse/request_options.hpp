#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/http_server.hpp"
#include "warehouse/chdb.hpp"
#include "warehouse/content_coding.hpp"
#include "warehouse/engine.hpp"
#include "warehouse/sessions.hpp"

namespace weir::warehouse {

// What a request says beside its statement: in the URL's parameters and in its headers.
struct RequestOptions {
  std::string query;  // from the URL; the body follows it
  std::string query_id;
  std::string database;
  std::string default_format;
  Parameters parameters;                                      // param_x
  std::vector<std::pair<std::string, std::string>> settings;  // everything that is a setting of the engine
  std::string session_id;
  std::chrono::seconds session_timeout{60};
  Sessions::Check session_check = Sessions::Check::MayBeNew;
  bool compress = false;                         // the answer in ClickHouse's frames
  bool decompress = false;                       // the body in ClickHouse's frames
  bool read_only = false;                        // GET, or readonly=1 and 2
  int protocol_version = 0;                      // client_protocol_version: changes the Native format
  std::optional<ContentCoding> accepted_coding;  // what the answer is encoded with
  std::optional<ContentCoding> body_coding;      // what the body is encoded with
};

// Unknown settings are refused (native 115): the engine would ignore them. Also the limits of session_timeout.
Result<RequestOptions> parse_request_options(const net::IncomingRequest& request, const EngineFacts& facts);

struct Credentials {
  std::string user;
  std::string password;
};

// From X-ClickHouse-User and -Key, Basic authentication or ?user=&password=, in that order; nothing when there are none.
std::optional<Credentials> find_credentials(const net::IncomingRequest& request);

}  // namespace weir::warehouse
