#include "net/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <memory>

#include "net/query_string.hpp"

namespace weir::net {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy{text};
  curl_free(text);
  return copy;
}

bool equal_without_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the text up to a separator that does not stand in quotes.
std::string_view take_until(std::string_view& text, std::string_view separators) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted && text[at] == '\\') ++at;
    if (!quoted && separators.find(text[at]) != std::string_view::npos) break;
  }
  at = std::min(at, text.size());
  const auto taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return trimmed(taken);
}

bool names_relation(std::string_view parameter, std::string_view relation) {
  const auto equals = parameter.find('=');
  if (equals == std::string_view::npos || !equal_without_case(trimmed(parameter.substr(0, equals)), "rel"))
    return false;
  auto value = trimmed(parameter.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  while (!value.empty()) {
    const auto end = std::min(value.find(' '), value.size());
    if (equal_without_case(value.substr(0, end), relation)) return true;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return false;
}

}  // namespace

std::string encode_percent(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

Result<std::string> resolve_url(const std::string& base, const std::string& reference) {
  const UrlHandle url{curl_url()};
  const bool resolved = url != nullptr && curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK &&
                        curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_URLENCODE) == CURLUE_OK;
  const auto scheme = resolved ? part_of(url.get(), CURLUPART_SCHEME) : std::string{};
  if (scheme != "http" && scheme != "https") {
    return Error{Fault::External, Code::InvalidArgument,
                 fmt::format("not a URL that can be requested: {}", reference.substr(0, 200))};
  }
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  return part_of(url.get(), CURLUPART_URL);
}

std::string url_origin(const std::string& url) {
  const UrlHandle handle{curl_url()};
  if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  const auto scheme = part_of(handle.get(), CURLUPART_SCHEME);
  const auto port = part_of(handle.get(), CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  auto host = part_of(handle.get(), CURLUPART_HOST);
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return fmt::format("{}://{}{}{}", scheme, host, port.empty() ? "" : ":", port);
}

std::string with_query(const std::string& url, const std::vector<std::pair<std::string, std::string>>& parameters) {
  if (parameters.empty()) return url;
  const auto mark = url.find('?');
  std::vector<std::string> parts;
  std::string_view query = mark == std::string::npos ? std::string_view{} : std::string_view{url}.substr(mark + 1);
  const auto is_replaced = [&](std::string_view part) {
    const auto name = decode_percent(part.substr(0, part.find('=')), Plus::IsSpace);
    return std::ranges::any_of(parameters, [&](const auto& parameter) { return parameter.first == name; });
  };
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto part = query.substr(0, end);
    if (!part.empty() && !is_replaced(part)) parts.emplace_back(part);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  for (const auto& [name, value] : parameters)
    parts.push_back(fmt::format("{}={}", encode_percent(name), encode_percent(value)));
  auto text = url.substr(0, mark) + '?';
  for (const auto& part : parts) {
    if (text.back() != '?') text += '&';
    text += part;
  }
  return text;
}

std::optional<Instant> parse_http_date(const std::string& text) {
  const auto seconds = curl_getdate(text.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return Instant{std::chrono::seconds{seconds}};
}

std::optional<std::string> find_link(std::string_view header, std::string_view relation) {
  while (!header.empty()) {
    const auto open = header.find('<');
    if (open == std::string_view::npos) return std::nullopt;
    const auto close = header.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    auto parameters = take_until(header, ",");
    while (!parameters.empty()) {
      if (names_relation(take_until(parameters, ";"), relation)) return std::string{trimmed(target)};
    }
  }
  return std::nullopt;
}

}  // namespace weir::net
