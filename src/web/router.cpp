#include "web/router.hpp"

#include <algorithm>
#include <charconv>

#include "net/query_string.hpp"
#include "web/shapes.hpp"

namespace weir::web {
namespace {

constexpr std::size_t kBodyBytesMax = 1 << 20;
constexpr int kLimitDefault = 50;
constexpr int kLimitMax = 200;

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) path.remove_prefix(1);
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

bool is_variable(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

// The names' values when the path fits the template.
std::optional<std::map<std::string, std::string>> match(std::string_view path_template, std::string_view path) {
  const auto wanted = segments_of(path_template);
  const auto given = segments_of(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto text = net::decode_percent(given[i], net::Plus::IsPlus);
    if (is_variable(wanted[i])) {
      values[std::string{wanted[i].substr(1, wanted[i].size() - 2)}] = std::move(text);
    } else if (wanted[i] != text) {
      return std::nullopt;
    }
  }
  return values;
}

std::string type_of(const Schema& schema) {
  if (const auto either = schema.find("anyOf"); either != schema.end()) return type_of((*either)[0]);
  return schema.value("type", "string");
}

Result<Json> read_parameter(const std::string& text, const Member& member) {
  const auto type = type_of(member.schema);
  if (type == "integer" || type == "number") {
    const auto parsed = parse_json(text);
    if (parsed.ok() && parsed->is_number()) return *parsed;
  } else if (type == "boolean") {
    if (text == "1" || text == "true" || text.empty()) return Json(true);
    if (text == "0" || text == "false") return Json(false);
  } else {
    return Json(text);
  }
  return Error::user(Code::InvalidArgument, "parameter {}: not {} {}: {}", member.name, type == "integer" ? "an" : "a",
                     type, text);
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  // A path that is written out comes before one with names at the same place.
  std::ranges::stable_sort(routes_, {}, [](const Route& route) { return std::ranges::count(route.path, '{'); });
}

Router::Match Router::find(std::string_view method, std::string_view target) const {
  Match found;
  const auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  for (const auto& route : routes_) {
    auto values = match(route.path, target);
    if (!values) continue;
    if (route.method == wanted) return {&route, std::move(*values), {}};
    found.other_methods.push_back(route.method);
  }
  return found;
}

Result<Json> read_query(const Route& route, const net::IncomingRequest& request) {
  Json query = Json::object();
  for (const auto& [name, value] : request.query) {
    const auto known = std::ranges::find(route.query, name, &Member::name);
    if (known == route.query.end())
      return Error::user(Code::InvalidArgument, "there is no parameter of this name: {}", name);
    // "?state=" is the same as none: forms send every field.
    if (value.empty() && type_of(known->schema) != "boolean") continue;
    query[name] = WEIR_TRY(read_parameter(value, *known));
  }
  if (const auto difference = mismatch(query, object(route.query), components()))
    return Error::user(Code::InvalidArgument, "parameter {}", *difference);
  return query;
}

Result<Json> read_body(const Route& route, net::IncomingRequest& request) {
  std::string text;
  std::vector<std::byte> buffer(16'384);
  for (;;) {
    const auto got = WEIR_TRY(request.body.read(buffer));
    if (got == 0) break;
    text.append(net::as_text(std::span(buffer).first(got)));
    if (text.size() > kBodyBytesMax)
      return Error::user(Code::InvalidArgument, "the request's body is longer than {} bytes", kBodyBytesMax);
  }
  Json body = Json::object();
  if (!text.empty()) {
    auto parsed = parse_json(text);
    if (!parsed.ok())
      return Error::user(Code::InvalidArgument, "the request's body is no JSON: {}", parsed.error().message());
    body = std::move(*parsed);
  }
  if (const auto difference = mismatch(body, object(route.body), components()))
    return Error::user(Code::InvalidArgument, "the request's body: {}", *difference);
  return body;
}

std::vector<Member> page_parameters(std::vector<Member> others) {
  others.push_back({"limit", integer("How many; 1 to 200, 50 unless told"), Need::Optional});
  others.push_back({"cursor", text("Of the page before: its next_cursor"), Need::Optional});
  return others;
}

Result<ledger::PageRequest> page_of(const Call& call) {
  ledger::PageRequest page;
  page.limit =
      static_cast<int>(std::clamp<std::int64_t>(call.query.value("limit", std::int64_t{kLimitDefault}), 1, kLimitMax));
  const auto cursor = call.text("cursor");
  if (cursor.empty()) return page;
  std::int64_t before = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), before);
  if (error != std::errc{} || end != cursor.data() + cursor.size())
    return Error::user(Code::InvalidArgument, "not a cursor of a list: {}", cursor);
  page.before = before;
  return page;
}

Json page_answer(Json items, const std::optional<std::int64_t>& next) {
  return {{"items", std::move(items)}, {"next_cursor", next ? Json(std::to_string(*next)) : Json(nullptr)}};
}

}  // namespace weir::web
