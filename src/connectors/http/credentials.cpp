#include "connectors/http/credentials.hpp"

#include <fmt/format.h>

#include "data/text.hpp"
#include "net/url.hpp"

namespace weir::http {
namespace {

// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto part = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) text += i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

bool is_oauth(Auth::Kind kind) { return kind == Auth::Kind::ClientCredentials || kind == Auth::Kind::RefreshToken; }

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (!text.empty()) text += '&';
    text += fmt::format("{}={}", net::encode_percent(name), net::encode_percent(value));
  }
  return text;
}

// A token is asked for anew this long before it expires, so that it does not do so under way.
constexpr std::chrono::seconds kBeforeExpiry{30};

}  // namespace

Credentials::Credentials(const Api& api) : api_(api), refresh_token_(api.auth.refresh_token) {
  const auto& auth = api.auth;
  for (const auto& secret : {auth.token, auth.password, auth.client_secret, auth.refresh_token, api.proxy})
    hide(secret);
  for (const auto& [name, secret] : api.secret_headers) hide(secret);
  if (auth.kind == Auth::Kind::Basic) hide(Secret{base64(fmt::format("{}:{}", auth.user, auth.password.reveal()))});
  if (is_oauth(auth.kind)) hide(Secret{base64(fmt::format("{}:{}", auth.client_id, auth.client_secret.reveal()))});
}

// In every form in which a server may repeat it.
void Credentials::hide(const Secret& secret) {
  if (secret.reveal().size() < 4) return;
  std::string quoted;
  data::append_json_text(quoted, secret.reveal());
  for (const auto& form :
       {secret.reveal(), net::encode_percent(secret.reveal()), quoted.substr(1, quoted.size() - 2)}) {
    redactor_.add(Secret{form});
    secret_bytes_max_ = std::max(secret_bytes_max_, form.size());
  }
}

bool Credentials::needs_token(SteadyTime now) const {
  return is_oauth(api_.auth.kind) && (access_token_.empty() || (expires_at_ && now >= *expires_at_));
}

bool Credentials::refuse_token() {
  if (!is_oauth(api_.auth.kind)) return false;
  access_token_ = Secret{};
  return true;
}

// RFC 6749, sections 4.4 and 6; the client authenticates as in section 2.3.1.
Result<void> Credentials::ask_token(const AskToken& ask, SteadyTime now) {
  const auto& auth = api_.auth;
  const auto url = WEIR_TRY(net::resolve_url(api_.url + "/", auth.token_url));
  const bool refreshes = auth.kind == Auth::Kind::RefreshToken;
  const auto body = WEIR_TRY(ask(url, form({{"grant_type", refreshes ? "refresh_token" : "client_credentials"},
                                            {"refresh_token", refreshes ? refresh_token_.reveal() : ""},
                                            {"client_id", auth.client_id},
                                            {"client_secret", auth.client_secret.reveal()},
                                            {"scope", auth.scope},
                                            {"audience", auth.audience}})));
  const auto answer = parse_json(body);
  if (!answer.ok() || !answer->is_object() || !answer->contains("access_token") ||
      !(*answer)["access_token"].is_string()) {
    return Error::external(Code::AccessDenied, "the answer of the token's URL has no access_token: {}", url)
        .retry(Retry::Never);
  }
  access_token_ = Secret{(*answer)["access_token"].get<std::string>()};
  hide(access_token_);
  if (answer->contains("refresh_token") && (*answer)["refresh_token"].is_string()) {
    refresh_token_ = Secret{(*answer)["refresh_token"].get<std::string>()};
    hide(refresh_token_);
  }
  expires_at_.reset();
  const auto expires = answer->find("expires_in");
  if (expires != answer->end() && expires->is_number()) {
    const auto seconds = std::chrono::seconds{expires->get<std::int64_t>()};
    expires_at_ = now + std::max(seconds - kBeforeExpiry, seconds / 2);
  }
  return {};
}

void Credentials::apply(net::Headers& headers, std::string& url) const {
  const auto& auth = api_.auth;
  for (const auto& [name, value] : api_.secret_headers) headers.add(name, value.reveal());
  switch (auth.kind) {
    case Auth::Kind::None: break;
    case Auth::Kind::Bearer: headers.add("Authorization", "Bearer " + auth.token.reveal()); break;
    case Auth::Kind::ApiKey:
      if (auth.in == Auth::In::Header) {
        headers.add(auth.name, auth.token.reveal());
      } else {
        url = net::with_query(url, {{auth.name, auth.token.reveal()}});
      }
      break;
    case Auth::Kind::Basic:
      headers.add("Authorization", "Basic " + base64(fmt::format("{}:{}", auth.user, auth.password.reveal())));
      break;
    case Auth::Kind::ClientCredentials:
    case Auth::Kind::RefreshToken: headers.add("Authorization", "Bearer " + access_token_.reveal()); break;
  }
}

}  // namespace weir::http
