#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/secret.hpp"
#include "base/setting.hpp"
#include "documents/json_path.hpp"
#include "documents/rules.hpp"
#include "net/http_transfers.hpp"

// What a connection of type http says, as plain data.
namespace weir::http {

using documents::JsonPath;

struct Auth {
  enum class Kind { None, Bearer, ApiKey, Basic, ClientCredentials, RefreshToken } kind = Kind::None;
  Secret token;                                     // Bearer; ApiKey
  std::string name = "X-API-Key";                   // ApiKey: of the header or the parameter
  enum class In { Header, Query } in = In::Header;  // ApiKey
  std::string user;                                 // Basic
  Secret password;
  std::string token_url;  // OAuth 2
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;
  std::string scope;
  std::string audience;
};

struct RetryPolicy {
  int attempts = 6;  // of one request, the first included
  std::chrono::milliseconds delay{1'000};
  std::chrono::milliseconds max_delay{60'000};
  double jitter = 0.25;  // a delay is scaled by a random factor in [1 - jitter, 1 + jitter]
  std::chrono::milliseconds retry_after_max{900'000};  // a server that asks for a longer wait fails the attempt
};

enum class Redirects { SameHost, Any, None };

// Where a page's parameter goes.
enum class ParameterPlace { Query, Body };

struct Pagination {
  enum class Kind { Auto, Single, NextLink, LinkHeader, HeaderCursor, Offset, Page, Cursor } kind = Kind::Auto;
  ParameterPlace in = ParameterPlace::Query;
  std::string param;        // of the offset, the page or the cursor; a JSON path in the body
  std::string limit_param;  // "" is not sent
  std::int64_t limit = 100;
  std::int64_t first = 0;            // Page: the first page's number
  std::optional<JsonPath> next;      // NextLink, Cursor: where it stands in the answer
  std::optional<JsonPath> total;     // Offset, Page: the number of all items, or of all pages
  std::optional<JsonPath> has_more;  // whether another page follows
  std::string header;                // HeaderCursor
  std::int64_t pages_max = 1'000'000;
};

struct CursorRule {
  JsonPath path;
  Json start;  // null: everything
  Json end;    // exclusive; null: no end
  std::string lag;
  std::string param;  // "" sends none: `{cursor.from}` may stand in path, query and body
  std::string end_param;
  ParameterPlace in = ParameterPlace::Query;
  enum class Order { None, Ascending, Descending } order = Order::None;
  enum class Missing { Fail, Skip, Load } missing = Missing::Fail;
};

enum class Format { Json, JsonLines, File };

struct Resource {
  std::string name;
  std::string path;
  std::string method;
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  Json body;  // null: none
  JsonPath select;
  std::vector<std::string> key;
  Pagination pagination;
  std::optional<CursorRule> cursor;
  std::string parent;                                     // "" is none
  std::map<std::string, JsonPath> parent_fields;          // {parent.x} in path, query and body
  std::vector<std::pair<std::string, JsonPath>> include;  // columns from the parent's item
  Format format = Format::Json;
  std::string file_format;  // File: as the files connector calls it
  Json file_options = Json::object();
  std::vector<int> empty_statuses;  // answers that mean "nothing there"
  documents::Rules rules;
};

struct Api {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, Secret>> secret_headers;
  std::vector<std::pair<std::string, std::string>> query;
  Auth auth;
  RetryPolicy retry;
  std::string rate_limit;                 // as it was written; "" is none
  std::chrono::microseconds interval{0};  // between the starts of two requests to a host: the rate limit
  int concurrency = 8;                    // requests at once to a host
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds first_byte_timeout{};
  std::chrono::milliseconds whole_timeout{};
  Secret proxy;
  std::string ca_file;
  net::Transfer::Protocol protocol = net::Transfer::Protocol::Negotiate;
  net::Cookies cookies = net::Cookies::Kept;
  Redirects redirects = Redirects::SameHost;
  std::uint64_t response_bytes_max = 0;
  enum class Conditional { No, Yes } conditional = Conditional::No;
  std::string replay;  // a recording's folder, relative to the project; "" is none
  std::vector<Resource> resources;

  const Resource* find(std::string_view name) const;
};

// The keys of a connection.
std::vector<Setting> api_settings();
// InvalidProject with the resource's name for what the descriptions cannot say (paths, types, unknown parents, cycles).
Result<Api> read_api(const Settings& given);

// "{parent.id}", "{cursor.from}": replaced where the text is used. Unknown braces stay as they are.
std::string fill_placeholders(std::string_view text, const std::map<std::string, std::string>& values);
// Within every text of a JSON value. A text that is one placeholder becomes the value's own JSON where that is a number.
Json fill_json(const Json& json, const std::map<std::string, std::string>& values);

}  // namespace weir::http
