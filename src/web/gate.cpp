#include "web/gate.hpp"

#include <algorithm>
#include <cctype>

namespace weir::web {
namespace {

constexpr std::string_view kCookie = "weir_session";
constexpr int kCookieLength = 43;  // letters and digits: 256 bits

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& letter : result) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

// "localhost:8817" → "localhost"; "[::1]:8817" → "[::1]".
std::string without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket))
    host = host.substr(0, colon);
  return lower(host);
}

bool is_ip_literal(std::string_view host) {
  if (host.starts_with('[')) return true;
  return !host.empty() && std::ranges::all_of(host, [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; }) &&
         std::ranges::count(host, '.') == 3;
}

Refusal refuse(int status, std::string message, std::string hint) {
  return {status, Error{Fault::User, Code::AccessDenied, std::move(message)}.hint(std::move(hint))};
}

}  // namespace

std::string address_of(const net::Peer& peer) { return peer.address.substr(0, peer.address.rfind(':')); }

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

std::string Call::address() const { return address_of(http.peer); }

std::optional<std::string> find_cookie(const net::Headers& headers, std::string_view name) {
  const auto header = headers.find("Cookie");
  if (!header) return std::nullopt;
  auto rest = *header;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(';'), rest.size());
    auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return std::string{pair.substr(equals + 1)};
  }
  return std::nullopt;
}

Gate::Gate(ledger::AccessStore& store, const Clock& clock, Options options)
    : store_(store), clock_(clock), options_(std::move(options)), throttle_(clock) {}

std::optional<Refusal> Gate::check_host(const net::IncomingRequest& request) const {
  if (request.peer.kind == net::Peer::Kind::Unix) return std::nullopt;
  const auto header = request.headers.find("Host");
  const auto host = header ? without_port(*header) : std::string{};
  // An address cannot be rebound; a name can, unless it is one of ours.
  if (is_ip_literal(host) || host == "localhost" || host.ends_with(".localhost")) return std::nullopt;
  if (std::ranges::any_of(options_.host_names, [&](const auto& name) { return lower(name) == host; }))
    return std::nullopt;
  return refuse(421, fmt::format("this server does not answer under the name: {}", host),
                "weir serve --host-name NAME allows a name");
}

std::optional<Refusal> Gate::check_origin(const net::IncomingRequest& request) const {
  const auto site = request.headers.find("Sec-Fetch-Site");
  if (site && *site != "same-origin" && *site != "none") {
    return refuse(403, "the request comes from another site", "open Weir's own page");
  }
  if (const auto origin = request.headers.find("Origin")) {
    const auto host = request.headers.find("Host").value_or("");
    const auto scheme = options_.tls ? "https://" : "http://";
    // Behind a proxy that speaks TLS the browser's origin is https although we are not.
    if (lower(*origin) != scheme + lower(host) && lower(*origin) != "https://" + lower(host)) {
      return refuse(403, fmt::format("the request comes from another site: {}", *origin), "open Weir's own page");
    }
  }
  if (!request.headers.find("X-Weir-Request")) {
    return refuse(403, "a request that changes something needs the header X-Weir-Request: 1",
                  "programs use an API token instead: Authorization: Bearer weir_…");
  }
  return std::nullopt;
}

Result<bool> Gate::is_open_to(const net::IncomingRequest& request) {
  if (WEIR_TRY(store_.has_users())) return false;
  if (request.peer.kind == net::Peer::Kind::Unix) return true;
  // A proxy on this machine brings strangers in.
  const bool is_proxied =
      request.headers.find("X-Forwarded-For") || request.headers.find("Forwarded") || request.headers.find("X-Real-IP");
  return is_loopback(address_of(request.peer)) && !is_proxied;
}

Result<std::optional<Principal>> Gate::recognise(const net::IncomingRequest& request) {
  const auto now = clock_.now();
  if (const auto header = request.headers.find("Authorization"); header && lower(header->substr(0, 7)) == "bearer ") {
    const auto token = WEIR_TRY(store_.find_token(hash_token(header->substr(7)), now));
    if (!token) return std::optional<Principal>{};
    return std::optional{
        Principal{token->user.empty() ? token->name : token->user, token->role, Principal::Means::Token}};
  }
  if (const auto cookie = find_cookie(request.headers, kCookie)) {
    if (const auto user = WEIR_TRY(store_.find_session(hash_token(*cookie), now)))
      return std::optional{Principal{user->name, user->role, Principal::Means::Session}};
  }
  if (WEIR_TRY(is_open_to(request)))
    return std::optional{Principal{"local", ledger::Role::Admin, Principal::Means::Loopback}};
  return std::optional<Principal>{};
}

std::variant<Gate::SignedIn, Refusal> Gate::sign_in(const std::string& name, const Secret& password,
                                                    const std::string& address) {
  if (const auto wait = throttle_.wait_for(name, address)) {
    auto refusal = refuse(429, fmt::format("too many wrong passwords: wait {} s", wait->count()), "");
    refusal.retry_after = wait;
    return refusal;
  }
  auto user = store_.find_user(name);
  if (!user.ok()) return Refusal{500, std::move(user).error()};
  bool right = false;
  {
    const std::lock_guard guard(hashing_);
    if (*user) {
      right = verify_password((*user)->password_hash, password);
    } else {
      pretend_to_verify(password);
    }
  }
  if (!right) {
    throttle_.failed(name, address);
    return refuse(401, "wrong name or password", "");
  }
  throttle_.succeeded(name);
  const auto cookie = generate_secret(kCookieLength).reveal();
  const auto now = clock_.now();
  if (auto added = store_.add_session({hash_token(cookie), name, now, now + options_.session_length}); !added.ok())
    return Refusal{500, std::move(added).error()};
  return SignedIn{{name, (*user)->role, Principal::Means::Session}, cookie_text(cookie, options_.session_length)};
}

Result<std::string> Gate::sign_out(const net::IncomingRequest& request) {
  if (const auto cookie = find_cookie(request.headers, kCookie)) WEIR_TRY(store_.remove_session(hash_token(*cookie)));
  return cookie_text("", std::chrono::seconds{0});
}

std::string Gate::cookie_text(const std::string& value, std::chrono::seconds length) const {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", kCookie, value, length.count(),
                     options_.tls ? "; Secure" : "");
}

}  // namespace weir::web
