#include "connectors/http/api.hpp"
#include "documents/rules_settings.hpp"

namespace weir::http {
namespace {

using enum SettingType;

Setting text(std::string name, std::string doc, Json value = nullptr) {
  return {.name = std::move(name), .type = Text, .doc = std::move(doc), .default_value = std::move(value)};
}
Setting secret(std::string name, std::string doc) {
  return {.name = std::move(name), .type = Text, .doc = std::move(doc), .secrecy = Secrecy::Secret};
}
Setting choice(std::string name, std::string doc, std::vector<std::string> choices, Json value = nullptr) {
  return {.name = std::move(name),
          .type = Choice,
          .doc = std::move(doc),
          .default_value = std::move(value),
          .choices = std::move(choices)};
}
Setting integer(std::string name, std::string doc, Json value = nullptr) {
  return {.name = std::move(name), .type = Integer, .doc = std::move(doc), .default_value = std::move(value)};
}
Setting duration(std::string name, std::string doc, Json value) {
  return {.name = std::move(name), .type = Duration, .doc = std::move(doc), .default_value = std::move(value)};
}
Setting map_of(std::string name, std::string doc, Setting value) {
  value.name = "value";
  return {.name = std::move(name), .type = Map, .doc = std::move(doc), .fields = {std::move(value)}};
}
Setting group(std::string name, std::string doc, std::vector<Setting> fields) {
  return {.name = std::move(name), .type = Group, .doc = std::move(doc), .fields = std::move(fields)};
}
Setting with_defaults(Setting setting) {
  setting.default_value = Json::object();
  return setting;
}
Setting any_value() { return {.name = "value", .type = Any}; }

Setting auth() {
  return group("auth", "How requests prove who sends them",
               {{.name = "type",
                 .type = Choice,
                 .doc = "The way",
                 .need = Need::Required,
                 .choices = {"bearer", "api_key", "basic", "oauth2_client_credentials", "oauth2_refresh_token"}},
                secret("token", "bearer: the token; api_key: the key"),
                text("name", "api_key: the header's or the parameter's name", "X-API-Key"),
                choice("in", "api_key: where it goes", {"header", "query"}, "header"),
                text("user", "basic: the user's name"),
                secret("password", "basic: the password"),
                text("token_url", "oauth2: where tokens come from, seen from url"),
                text("client_id", "oauth2: the client"),
                secret("client_secret", "oauth2: the client's secret"),
                secret("refresh_token", "oauth2_refresh_token: the token that gives access tokens"),
                text("scope", "oauth2: what is asked for"),
                text("audience", "oauth2: for whom, where the server wants to know")});
}

Setting pagination() {
  return group(
      "pagination", "How one page leads to the next; found out from the first answer where it is not said",
      {choice("type", "next_link, link_header, header_cursor, offset, page, cursor, single, or auto",
              {"auto", "single", "next_link", "link_header", "header_cursor", "offset", "page", "cursor"}, "auto"),
       choice("in", "Whether parameters go to the query or into the JSON body", {"query", "body"}, "query"),
       text("param",
            "The parameter of the offset (offset), the page (page) or the cursor (cursor); in a body its path, such as "
            "options.page"),
       text("limit_param", "The parameter of the page's size"), integer("limit", "Items on a page", 100),
       integer("first", "page: the first page's number", 1),
       text("next", "next_link, cursor: where it stands in the answer, such as $.links.next"),
       text("total", "offset, page: where the number of all items (offset) or pages (page) stands"),
       text("has_more", "Where the answer says whether another page follows"),
       text("header", "header_cursor: the answer's header that holds the cursor"),
       integer("pages_max", "More pages than these are a mistake", 1'000'000)});
}

Setting cursor() {
  return group("cursor", "Loads only what is new since the last run",
               {{.name = "path",
                 .type = Text,
                 .doc = "Where the value stands in an item, such as updated_at",
                 .need = Need::Required},
                {.name = "start", .type = Any, .doc = "Where the first run begins"},
                {.name = "end", .type = Any, .doc = "Where every run ends; items at it are not loaded"},
                text("lag", "How far before the last value a run begins: 2d, or a number; for rows that arrive late"),
                text("param", "The parameter that gets the value"),
                text("end_param", "The parameter that gets the end"),
                choice("in", "Whether parameters go to the query or into the JSON body", {"query", "body"}, "query"),
                choice("order", "How the API sorts by it: a run stops at the first page that is beyond what it wants",
                       {"none", "ascending", "descending"}, "none"),
                choice("missing", "What happens to an item without the value", {"fail", "skip", "load"}, "fail")});
}

Setting resource() {
  auto resource = group(
      "resource", "",
      {{.name = "path",
        .type = Text,
        .doc = "Seen from the connection's url; {parent.id} is a field of the parent's item",
        .need = Need::Required},
       choice("method", "GET, or POST where the API is asked with a body", {"GET", "POST"}),
       map_of("query", "Parameters", any_value()),
       map_of("headers", "Further headers", text("", "")),
       {.name = "body", .type = Any, .doc = "The JSON body"},
       text("select", "Where the list of items stands in the answer, such as $.data.items; by default the whole answer",
            "$"),
       {.name = "key",
        .type = List,
        .doc = "The fields that name an item",
        .fields = {text("item", "")},
        .shorthand = Setting::Shorthand::Allowed},
       pagination(),
       cursor(),
       {.name = "parent",
        .type = Group,
        .doc = "Asks once for every item of another resource",
        .fields = {{.name = "resource", .type = Text, .doc = "Whose items", .need = Need::Required},
                   map_of("include", "Columns that each item gets from its parent's: name: path", text("", ""))},
        .shorthand = Setting::Shorthand::Allowed},
       choice("format",
              "What the answer is, all but parquet also compressed by gzip or zstd; bytes is any file, for a file as "
              "it is",
              {"json", "jsonl", "csv", "tsv", "parquet", "bytes"}, "json"),
       map_of("options", "csv, tsv, parquet: how to read it, as with files (delimiter, header, types, …)", any_value()),
       {.name = "empty_statuses",
        .type = List,
        .doc = "Statuses that mean that nothing is there, such as 404",
        .fields = {integer("status", "")},
        .shorthand = Setting::Shorthand::Allowed}});
  for (auto& rule : documents::rules_settings()) resource.fields.push_back(std::move(rule));
  return resource;
}

}  // namespace

std::vector<Setting> api_settings() {
  return {
      {.name = "url",
       .type = Text,
       .doc = "Where the API is; resources' paths are seen from there",
       .need = Need::Required},
      map_of("headers", "Headers of every request", text("", "")),
      map_of("secret_headers", "The same, for values that nobody may see", secret("", "")),
      map_of("query", "Parameters of every request", any_value()),
      auth(),
      text("rate_limit", "How many requests to a host at most, such as 10/s, 300/m or 5000/h; all tasks together"),
      integer("concurrency", "Requests at once to a host; all tasks together", 8),
      with_defaults(group(
          "timeouts", "How long a request waits",
          {duration("connect", "For the connection", "10s"), duration("first_byte", "For the answer's begin", "60s"),
           duration("whole", "For the whole answer", "10m")})),
      with_defaults(
          group("retry", "How often and when a request is repeated that met 408, 425, 429, 5xx or a broken connection",
                {integer("attempts", "Tries, the first included", 6),
                 duration("delay", "Before the second; doubles", "1s"),
                 duration("max_delay", "At most", "60s"),
                 {.name = "jitter",
                  .type = Number,
                  .doc = "Each delay is up to this part shorter or longer",
                  .default_value = 0.25},
                 duration("retry_after_max", "A server that asks for a longer wait than this fails the task's attempt",
                          "15m")})),
      secret("proxy", "A proxy's URL; by default what the environment says (https_proxy, no_proxy)"),
      text("ca_file", "A file of certificate authorities instead of the system's"),
      choice("http", "auto takes HTTP/2 where the server has it over TLS", {"auto", "1.1", "2"}, "auto"),
      choice("redirects", "Which are followed; credentials never go to another host", {"same_host", "any", "none"},
             "same_host"),
      choice("cookies", "Whether cookies are sent back during a task", {"keep", "ignore"}, "keep"),
      {.name = "response_bytes_max",
       .type = Bytes,
       .doc = "A larger answer is an error (decompressed)",
       .default_value = "1GiB"},
      {.name = "conditional",
       .type = Flag,
       .doc = "Asks with ETag and If-Modified-Since, and takes unchanged answers from the last run's",
       .default_value = false},
      text("replay", "The folder of a recording: answers come from there and nothing is asked"),
      pagination(),
      {.name = "resources",
       .type = Map,
       .doc = "What can be read, by name",
       .need = Need::Required,
       .fields = {resource()}},
  };
}

}  // namespace weir::http
