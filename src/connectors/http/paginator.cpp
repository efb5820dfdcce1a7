#include "connectors/http/paginator.hpp"

#include <array>
#include <charconv>

#include "net/url.hpp"

namespace weir::http {
namespace {

using Kind = Pagination::Kind;

bool is_empty_text(const Json& value) { return value.is_string() && value.get_ref<const std::string&>().empty(); }

JsonPath path_of(std::string_view text) {
  auto path = documents::parse_json_path(text);
  return path.ok() ? std::move(path).value() : JsonPath{};
}

// Where APIs commonly put the next page's link.
constexpr std::array<std::string_view, 12> kLinks{
    "next",      "links.next", "_links.next.href", "links.next.href", "paging.next",         "pagination.next",
    "meta.next", "next_page",  "next_url",         "next_page_url",   "['@odata.nextLink']", "nextLink"};
// And the next page's cursor, with the parameter that takes it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kCursors{
    {{"next_cursor", "cursor"},
     {"nextCursor", "cursor"},
     {"cursors.next", "cursor"},
     {"meta.next_cursor", "cursor"},
     {"pagination.next_cursor", "cursor"},
     {"response_metadata.next_cursor", "cursor"},
     {"nextPageToken", "pageToken"},
     {"next_page_token", "page_token"}}};

bool looks_like_link(const Json* value) {
  if (value == nullptr || !value->is_string()) return false;
  const auto& text = value->get_ref<const std::string&>();
  return text.starts_with("http://") || text.starts_with("https://") || text.starts_with('/') || text.starts_with('?');
}

}  // namespace

std::string Paginator::kind_text() const {
  switch (kind_) {
    case Kind::Auto: return "not known yet";
    case Kind::Single: return "a single page";
    case Kind::NextLink: return "a link in the answer";
    case Kind::LinkHeader: return "the Link header";
    case Kind::HeaderCursor: return "a cursor in a header";
    case Kind::Offset: return "an offset";
    case Kind::Page: return "page numbers";
    case Kind::Cursor: return "a cursor";
  }
  return {};
}

Result<RequestKey> Paginator::with(const RequestKey& request,
                                   const std::vector<std::pair<std::string, Json>>& parameters) const {
  auto changed = request;
  if (pagination_->in == ParameterPlace::Query) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& [name, value] : parameters)
      texts.emplace_back(name, value.is_string() ? value.get<std::string>() : to_text(value));
    changed.url = net::with_query(changed.url, texts);
    return changed;
  }
  auto body = changed.body.empty() ? Json::object() : WEIR_TRY(parse_json(changed.body));
  for (const auto& [name, value] : parameters) documents::assign(body, path_of(name), value);
  changed.body = to_text(body);
  return changed;
}

Result<RequestKey> Paginator::first() {
  std::vector<std::pair<std::string, Json>> parameters;
  number_ = pagination_->first;
  if (kind_ == Kind::Offset) parameters.emplace_back(pagination_->param, offset_);
  if (kind_ == Kind::Page) parameters.emplace_back(pagination_->param, number_);
  if (!pagination_->limit_param.empty()) parameters.emplace_back(pagination_->limit_param, pagination_->limit);
  if (!parameters.empty()) current_ = WEIR_TRY(with(current_, parameters));
  return current_;
}

std::optional<std::string> Paginator::text_at(const PageFacts& page, const std::optional<JsonPath>& path) const {
  if (!path || page.envelope == nullptr) return std::nullopt;
  const auto* value = documents::find(*page.envelope, *path);
  if (value == nullptr || value->is_null() || value->is_structured() || *value == false) return std::nullopt;
  auto text = value->is_string() ? value->get<std::string>() : to_text(*value);
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<std::int64_t> Paginator::number_at(const PageFacts& page, const std::optional<JsonPath>& path) const {
  const auto text = text_at(page, path);
  std::int64_t number = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc{})
    return std::nullopt;
  return number;
}

bool Paginator::says_no_more(const PageFacts& page) const {
  if (!pagination_->has_more || page.envelope == nullptr) return false;
  const auto* value = documents::find(*page.envelope, *pagination_->has_more);
  return value == nullptr || value->is_null() || *value == false || *value == 0 || *value == "false" ||
         is_empty_text(*value);
}

void Paginator::detect(const PageFacts& page) {
  kind_ = Kind::Single;
  if (const auto header = page.headers->find("link"); header && net::find_link(*header, "next")) {
    kind_ = Kind::LinkHeader;
    return;
  }
  if (page.envelope == nullptr || !page.envelope->is_object()) return;
  const auto found = [&](Kind kind) -> Pagination& {
    kind_ = kind;
    found_ = *pagination_;
    pagination_ = &*found_;
    return *found_;
  };
  for (const auto candidate : kLinks) {
    if (!looks_like_link(documents::find(*page.envelope, path_of(candidate)))) continue;
    found(Kind::NextLink).next = path_of(candidate);
    return;
  }
  for (const auto& [candidate, param] : kCursors) {
    const auto* value = documents::find(*page.envelope, path_of(candidate));
    if (value == nullptr || !(value->is_string() || value->is_number()) || is_empty_text(*value)) continue;
    auto& pagination = found(Kind::Cursor);
    pagination.next = path_of(candidate);
    pagination.param = param;
    pagination.in = current_.body.empty() ? ParameterPlace::Query : ParameterPlace::Body;
    return;
  }
  // As mongoose-paginate writes it: {docs, page, nextPage, hasNextPage}, asked for by options.page in a body.
  const auto* next_page = documents::find(*page.envelope, path_of("nextPage"));
  const auto* has_next = documents::find(*page.envelope, path_of("hasNextPage"));
  if (has_next != nullptr && *has_next == true && next_page != nullptr && next_page->is_number_integer()) {
    const bool in_body = current_.method == "POST";
    auto& pagination = found(Kind::Page);
    pagination.in = in_body ? ParameterPlace::Body : ParameterPlace::Query;
    pagination.param = in_body ? "options.page" : "page";
    pagination.has_more = path_of("hasNextPage");
    number_ = next_page->get<std::int64_t>() - 1;
  }
}

Result<std::optional<RequestKey>> Paginator::follow(const std::string& link) const {
  auto request = current_;
  request.url = WEIR_TRY(net::resolve_url(current_.url, link));
  return std::optional{std::move(request)};
}

Result<std::optional<RequestKey>> Paginator::next(const PageFacts& page) {
  const std::optional<RequestKey> none;
  if (kind_ == Kind::Auto) detect(page);
  if (kind_ == Kind::Single || says_no_more(page)) return none;
  std::optional<RequestKey> request;
  switch (kind_) {
    case Kind::NextLink: {
      const auto link = text_at(page, pagination_->next);
      if (link) request = WEIR_TRY(follow(*link));
      break;
    }
    case Kind::LinkHeader: {
      const auto header = page.headers->find("link");
      const auto link = header ? net::find_link(*header, "next") : std::nullopt;
      if (link) request = WEIR_TRY(follow(*link));
      break;
    }
    case Kind::HeaderCursor: {
      const auto cursor = page.headers->find(pagination_->header);
      if (cursor && !cursor->empty()) request = WEIR_TRY(with(current_, {{pagination_->param, std::string{*cursor}}}));
      break;
    }
    case Kind::Cursor: {
      const auto* value = page.envelope == nullptr ? nullptr : documents::find(*page.envelope, *pagination_->next);
      if (text_at(page, pagination_->next)) request = WEIR_TRY(with(current_, {{pagination_->param, *value}}));
      break;
    }
    case Kind::Offset: {
      if (page.items == 0) return none;
      offset_ += static_cast<std::int64_t>(
          pagination_->limit_param.empty() ? page.items : static_cast<std::uint64_t>(pagination_->limit));
      const auto total = number_at(page, pagination_->total);
      if (total && offset_ >= *total) return none;
      request = WEIR_TRY(with(current_, {{pagination_->param, offset_}}));
      break;
    }
    case Kind::Page: {
      const auto total = number_at(page, pagination_->total);
      if (page.items == 0 || (total && number_ - pagination_->first + 1 >= *total)) return none;
      request = WEIR_TRY(with(current_, {{pagination_->param, ++number_}}));
      break;
    }
    case Kind::Auto:
    case Kind::Single: break;
  }
  if (request) current_ = *request;
  return request;
}

}  // namespace weir::http
