#include "connectors/http/api.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "documents/rules_settings.hpp"

namespace weir::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Error mistake(std::string_view what, std::string_view value) {
  return Error::user(Code::InvalidProject, "{}: {}", what, value);
}

// Fills in what a description gives where the user wrote nothing.
void fill_defaults(Json& values, const std::vector<Setting>& settings) {
  for (const auto& setting : settings) {
    auto found = values.find(setting.name);
    if (found == values.end() || found->is_null()) {
      if (setting.default_value.is_null()) continue;
      values[setting.name] = setting.default_value;
      found = values.find(setting.name);
    }
    if (setting.type == SettingType::Group && found->is_object()) fill_defaults(*found, setting.fields);
    if (setting.type == SettingType::Map && found->is_object() && setting.fields.front().type == SettingType::Group) {
      for (auto& [name, entry] : found->items()) fill_defaults(entry, setting.fields.front().fields);
    }
  }
}

std::string as_text(const Json& value) { return value.is_string() ? value.get<std::string>() : to_text(value); }

Pairs pairs(const Json& map) {
  Pairs pairs;
  for (const auto& [name, value] : map.items()) pairs.emplace_back(name, as_text(value));
  return pairs;
}

Result<std::optional<JsonPath>> optional_path(const Settings& settings, std::string_view name) {
  if (!settings.has(name)) return std::optional<JsonPath>{};
  return std::optional{WEIR_TRY(documents::parse_json_path(settings.text(name)))};
}

ParameterPlace place_of(const Settings& settings) {
  return settings.text("in") == "body" ? ParameterPlace::Body : ParameterPlace::Query;
}

Result<Auth> read_auth(const Settings& settings) {
  Auth auth;
  const auto type = settings.text("type");
  if (type.empty()) return auth;
  auth.kind = type == "bearer"                      ? Auth::Kind::Bearer
              : type == "api_key"                   ? Auth::Kind::ApiKey
              : type == "basic"                     ? Auth::Kind::Basic
              : type == "oauth2_client_credentials" ? Auth::Kind::ClientCredentials
                                                    : Auth::Kind::RefreshToken;
  auth.token = settings.secret("token");
  auth.name = settings.text("name");
  auth.in = settings.text("in") == "query" ? Auth::In::Query : Auth::In::Header;
  auth.user = settings.text("user");
  auth.password = settings.secret("password");
  auth.token_url = settings.text("token_url");
  auth.client_id = settings.text("client_id");
  auth.client_secret = settings.secret("client_secret");
  auth.refresh_token = settings.secret("refresh_token");
  auth.scope = settings.text("scope");
  auth.audience = settings.text("audience");
  const auto require = [&](std::string_view key) -> Result<void> {
    if (settings.has(key)) return {};
    return Error::user(Code::InvalidProject, "auth of type {} lacks the key {}", type, key);
  };
  switch (auth.kind) {
    case Auth::Kind::Bearer:
    case Auth::Kind::ApiKey: WEIR_TRY(require("token")); break;
    case Auth::Kind::Basic: WEIR_TRY(require("user")); break;
    case Auth::Kind::ClientCredentials:
      for (const auto* key : {"token_url", "client_id", "client_secret"}) WEIR_TRY(require(key));
      break;
    case Auth::Kind::RefreshToken:
      for (const auto* key : {"token_url", "refresh_token"}) WEIR_TRY(require(key));
      break;
    case Auth::Kind::None: break;
  }
  return auth;
}

Result<Pagination> read_pagination(const Settings& settings) {
  using Kind = Pagination::Kind;
  static const std::map<std::string, Kind> kKinds{{"auto", Kind::Auto},          {"single", Kind::Single},
                                                  {"next_link", Kind::NextLink}, {"offset", Kind::Offset},
                                                  {"page", Kind::Page},          {"link_header", Kind::LinkHeader},
                                                  {"cursor", Kind::Cursor},      {"header_cursor", Kind::HeaderCursor}};
  Pagination pagination;
  if (settings.values().empty()) return pagination;
  pagination.kind = kKinds.at(settings.text("type"));
  pagination.in = place_of(settings);
  pagination.param = settings.text("param");
  pagination.limit_param = settings.text("limit_param");
  pagination.limit = settings.integer("limit");
  pagination.first = settings.integer("first");
  pagination.next = WEIR_TRY(optional_path(settings, "next"));
  pagination.total = WEIR_TRY(optional_path(settings, "total"));
  pagination.has_more = WEIR_TRY(optional_path(settings, "has_more"));
  pagination.header = settings.text("header");
  pagination.pages_max = settings.integer("pages_max");
  const auto require = [&](std::string_view key) -> Result<void> {
    if (settings.has(key)) return {};
    return Error::user(Code::InvalidProject, "pagination of type {} lacks the key {}", settings.text("type"), key);
  };
  if (pagination.param.empty() && pagination.kind == Kind::Offset) pagination.param = "offset";
  if (pagination.param.empty() && pagination.kind == Kind::Page) pagination.param = "page";
  if (pagination.kind == Kind::NextLink || pagination.kind == Kind::Cursor) WEIR_TRY(require("next"));
  if (pagination.kind == Kind::Cursor || pagination.kind == Kind::HeaderCursor) WEIR_TRY(require("param"));
  if (pagination.kind == Kind::HeaderCursor) WEIR_TRY(require("header"));
  if (pagination.limit < 1 || pagination.pages_max < 1) return mistake("limit and pages_max are at least", "1");
  if (pagination.in == ParameterPlace::Body) {
    for (const auto& name : {pagination.param, pagination.limit_param}) WEIR_TRY(documents::parse_json_path(name));
  }
  return pagination;
}

Result<CursorRule> read_cursor(const Settings& settings) {
  CursorRule cursor;
  cursor.path = WEIR_TRY(documents::parse_json_path(settings.text("path")));
  if (!cursor.path.names()) return mistake("a cursor's path names fields only", settings.text("path"));
  cursor.start = settings.json("start");
  cursor.end = settings.json("end");
  cursor.lag = settings.text("lag");
  cursor.param = settings.text("param");
  cursor.end_param = settings.text("end_param");
  cursor.in = place_of(settings);
  const auto order = settings.text("order");
  cursor.order = order == "ascending"    ? CursorRule::Order::Ascending
                 : order == "descending" ? CursorRule::Order::Descending
                                         : CursorRule::Order::None;
  const auto missing = settings.text("missing");
  cursor.missing = missing == "skip"   ? CursorRule::Missing::Skip
                   : missing == "load" ? CursorRule::Missing::Load
                                       : CursorRule::Missing::Fail;
  return cursor;
}

// Every {parent.x} in the texts.
Result<void> find_parent_fields(const std::string& text, std::map<std::string, JsonPath>& fields) {
  constexpr std::string_view kBegin = "{parent.";
  for (auto at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at + 1)) {
    const auto end = text.find('}', at);
    if (end == std::string::npos) return mistake("a placeholder without its end", text);
    const auto path = text.substr(at + kBegin.size(), end - at - kBegin.size());
    fields["parent." + path] = WEIR_TRY(documents::parse_json_path(path));
  }
  return {};
}

Result<Resource> read_resource(std::string name, const Settings& settings, const Pagination& pagination) {
  Resource resource;
  if (name.empty() || name.find('.') != std::string::npos || name.find('*') != std::string::npos) {
    return mistake("a resource's name has no dot and no star", name);
  }
  resource.name = std::move(name);
  resource.path = settings.text("path");
  resource.query = pairs(settings.json("query"));
  resource.headers = pairs(settings.json("headers"));
  resource.body = settings.json("body");
  resource.method = settings.has("method") ? settings.text("method") : resource.body.is_null() ? "GET" : "POST";
  resource.select = WEIR_TRY(documents::parse_json_path(settings.text("select")));
  if (!resource.select.names()) return mistake("select names fields only", settings.text("select"));
  resource.key = settings.texts("key");
  resource.pagination =
      settings.has("pagination") ? WEIR_TRY(read_pagination(settings.group("pagination"))) : pagination;
  if (settings.has("cursor")) resource.cursor = WEIR_TRY(read_cursor(settings.group("cursor")));
  if (settings.has("parent")) {
    const auto parent = settings.group("parent");
    resource.parent = parent.text("resource");
    for (const auto& [column, path] : parent.json("include").items()) {
      resource.include.emplace_back(column, WEIR_TRY(documents::parse_json_path(path.get<std::string>())));
    }
  }
  WEIR_TRY(find_parent_fields(resource.path, resource.parent_fields));
  for (const auto& [key, value] : resource.query) WEIR_TRY(find_parent_fields(value, resource.parent_fields));
  if (!resource.body.is_null()) WEIR_TRY(find_parent_fields(to_text(resource.body), resource.parent_fields));
  if (!resource.parent_fields.empty() && resource.parent.empty()) {
    return mistake("a placeholder of a parent, and no parent", resource.parent_fields.begin()->first);
  }
  const auto format = settings.text("format");
  resource.format = format == "json" ? Format::Json : format == "jsonl" ? Format::JsonLines : Format::File;
  resource.file_format = format;
  if (settings.has("options")) resource.file_options = settings.json("options");
  if (resource.format == Format::File && (resource.cursor || !resource.parent.empty())) {
    return mistake("a file has neither cursor nor parent", resource.name);
  }
  for (const auto& status : settings.json("empty_statuses")) resource.empty_statuses.push_back(status.get<int>());
  resource.rules = WEIR_TRY(documents::read_rules(settings));
  resource.rules.name = resource.name;
  resource.rules.key = resource.key;
  return resource;
}

Result<std::chrono::microseconds> read_rate(const std::string& text) {
  if (text.empty()) return std::chrono::microseconds{0};
  double count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double seconds = unit == "/s" ? 1 : unit == "/m" ? 60 : unit == "/h" ? 3600 : 0;
  if (error != std::errc{} || count <= 0 || seconds == 0) {
    return mistake("not a rate", text).hint("write a number and its time: 10/s, 300/m or 5000/h");
  }
  return std::chrono::microseconds{static_cast<std::int64_t>(seconds * 1e6 / count)};
}

Result<void> check_parents(const Api& api) {
  for (const auto& resource : api.resources) {
    std::set<std::string> seen{resource.name};
    for (const auto* at = &resource; !at->parent.empty();) {
      const auto* parent = api.find(at->parent);
      if (parent == nullptr)
        return mistake("no such resource", at->parent).while_doing(fmt::format("resource {}", at->name));
      if (!seen.insert(parent->name).second) return mistake("resources that are each other's parents", parent->name);
      if (parent->format == Format::File)
        return mistake("a file has no items to be the parent of others", parent->name);
      at = parent;
    }
  }
  return {};
}

}  // namespace

const Resource* Api::find(std::string_view name) const {
  const auto found = std::ranges::find(resources, name, &Resource::name);
  return found == resources.end() ? nullptr : &*found;
}

Result<Api> read_api(const Settings& given) {
  auto values = given.values();
  fill_defaults(values, api_settings());
  const Settings settings{std::move(values)};
  Api api;
  api.url = settings.text("url");
  while (api.url.ends_with('/')) api.url.pop_back();
  if (!api.url.starts_with("http://") && !api.url.starts_with("https://"))
    return mistake("url begins with http:// or https://", api.url);
  api.headers = pairs(settings.json("headers"));
  for (const auto& [name, value] : settings.json("secret_headers").items())
    api.secret_headers.emplace_back(name, Secret{as_text(value)});
  api.query = pairs(settings.json("query"));
  api.auth = WEIR_TRY(read_auth(settings.group("auth")));
  const auto retry = settings.group("retry");
  api.retry = {static_cast<int>(std::max<std::int64_t>(1, retry.integer("attempts"))), retry.duration("delay"),
               retry.duration("max_delay"), retry.number("jitter"), retry.duration("retry_after_max")};
  api.rate_limit = settings.text("rate_limit");
  api.interval = WEIR_TRY(read_rate(api.rate_limit));
  api.concurrency = static_cast<int>(std::clamp<std::int64_t>(settings.integer("concurrency"), 1, 256));
  const auto timeouts = settings.group("timeouts");
  api.connect_timeout = timeouts.duration("connect");
  api.first_byte_timeout = timeouts.duration("first_byte");
  api.whole_timeout = timeouts.duration("whole");
  api.proxy = settings.secret("proxy");
  api.ca_file = settings.text("ca_file");
  const auto http = settings.text("http");
  api.protocol = http == "1.1" ? net::Transfer::Protocol::Http1
                 : http == "2" ? net::Transfer::Protocol::Http2
                               : net::Transfer::Protocol::Negotiate;
  api.cookies = settings.text("cookies") == "ignore" ? net::Cookies::Ignored : net::Cookies::Kept;
  const auto redirects = settings.text("redirects");
  api.redirects = redirects == "any" ? Redirects::Any : redirects == "none" ? Redirects::None : Redirects::SameHost;
  api.response_bytes_max = settings.bytes("response_bytes_max");
  api.conditional = settings.flag("conditional") ? Api::Conditional::Yes : Api::Conditional::No;
  api.replay = settings.text("replay");
  const auto pagination = WEIR_TRY(read_pagination(settings.group("pagination")));
  for (const auto& [name, resource] : settings.json("resources").items()) {
    api.resources.push_back(
        WEIR_TRY(read_resource(name, Settings{resource}, pagination).while_doing(fmt::format("resource {}", name))));
  }
  WEIR_TRY(check_parents(api));
  return api;
}

std::string fill_placeholders(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string filled;
  while (!text.empty()) {
    const auto open = std::min(text.find('{'), text.size());
    filled += text.substr(0, open);
    text.remove_prefix(open);
    const auto close = text.find('}');
    if (close == std::string_view::npos) break;
    const auto found = values.find(std::string{text.substr(1, close - 1)});
    if (found == values.end()) {
      filled += text.substr(0, 1);
      text.remove_prefix(1);
    } else {
      filled += found->second;
      text.remove_prefix(close + 1);
    }
  }
  filled += text;
  return filled;
}

Json fill_json(const Json& json, const std::map<std::string, std::string>& values) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    auto filled = fill_placeholders(text, values);
    const bool is_whole =
        text.starts_with('{') && text.ends_with('}') && filled != text && text.find('}') == text.size() - 1;
    if (is_whole) {
      auto number = parse_json(filled);
      if (number.ok() && number->is_number()) return std::move(*number);
    }
    return filled;
  }
  auto copy = json;
  if (json.is_structured()) {
    for (auto& entry : copy) entry = fill_json(entry, values);
  }
  return copy;
}

}  // namespace weir::http
