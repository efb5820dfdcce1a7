#include "warehouse/request_options.hpp"

#include <charconv>

#include "base/secret.hpp"

namespace weir::warehouse {
namespace {

constexpr std::chrono::seconds kSessionTimeoutMax{3600};

bool is_true(std::string_view value) { return value == "1" || value == "true"; }

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error bad_argument(std::string_view name, std::string_view value) {
  return Error::user(Code::InvalidArgument, "Invalid value of {}: {}. (BAD_ARGUMENTS)", name, value).native_code("36");
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string decoded;
  unsigned bits = 0;
  int count = 0;
  for (const char digit : text) {
    if (digit == '=') break;
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>(bits >> count & 0xff);
    }
  }
  return decoded;
}

// A version 4 UUID, as ClickHouse names queries that have no id.
std::string generate_query_id() {
  std::string id = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  const auto random = generate_secret(static_cast<int>(id.size())).reveal();
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (id[i] == 'x') id[i] = "0123456789abcdef"[static_cast<unsigned char>(random[i]) % 16];
  }
  return id;
}

// Parameters of the interface itself; false for the others.
Result<bool> take_own(RequestOptions& options, const std::string& key, const std::string& value) {
  if (key == "query") {
    options.query += value;
  } else if (key == "query_id") {
    options.query_id = value;
  } else if (key == "database") {
    options.database = value;
  } else if (key == "default_format") {
    options.default_format = value;
  } else if (key == "session_id") {
    options.session_id = value;
  } else if (key == "session_timeout") {
    const auto seconds = parse_number<int>(value);
    if (!seconds || *seconds < 0 || std::chrono::seconds(*seconds) > kSessionTimeoutMax) {
      return Error::user(Code::InvalidArgument, "Invalid session timeout: {}. (INVALID_SESSION_TIMEOUT)", value)
          .native_code("374");
    }
    options.session_timeout = std::chrono::seconds(*seconds);
  } else if (key == "session_check") {
    if (is_true(value)) options.session_check = Sessions::Check::MustExist;
  } else if (key == "compress") {
    options.compress = is_true(value);
  } else if (key == "decompress") {
    options.decompress = is_true(value);
  } else if (key == "client_protocol_version") {
    const auto version = parse_number<int>(value);
    if (!version) return bad_argument(key, value);
    options.protocol_version = *version;
  } else if (key.starts_with("param_")) {
    options.parameters.emplace_back(key.substr(6), value);
  } else {
    // Taken where they matter, or of no meaning here.
    return key == "wait_end_of_query" || key == "user" || key == "password" || key == "quota_key" ||
           key == "buffer_size" || key == "stacktrace" || key == "close_session";
  }
  return true;
}

Result<void> take_setting(RequestOptions& options, const std::string& key, const std::string& value,
                          const EngineFacts& facts) {
  if (!facts.settings.contains(key)) {
    return Error::user(Code::NotFound,
                       "Setting {} is neither a builtin setting nor started with the prefix 'SQL_'. "
                       "(UNKNOWN_SETTING)",
                       key)
        .native_code("115");
  }
  if (key == "readonly" && value != "0") options.read_only = true;
  options.settings.emplace_back(key, value);
  return {};
}

std::string header(const net::IncomingRequest& request, std::string_view name) {
  return std::string(request.headers.find(name).value_or(""));
}

}  // namespace

Result<RequestOptions> parse_request_options(const net::IncomingRequest& request, const EngineFacts& facts) {
  RequestOptions options;
  options.database = header(request, "X-ClickHouse-Database");
  options.default_format = header(request, "X-ClickHouse-Format");
  options.query_id = header(request, "X-ClickHouse-Query-Id");
  bool compress_http = true;  // as the setting's default is
  for (const auto& [key, value] : request.query) {
    if (WEIR_TRY(take_own(options, key, value))) continue;
    WEIR_TRY(take_setting(options, key, value, facts));
    if (key == "enable_http_compression") compress_http = is_true(value);
  }
  if (request.method == "GET" || request.method == "HEAD") options.read_only = true;
  if (options.query_id.empty()) options.query_id = generate_query_id();
  if (options.default_format.empty()) options.default_format = "TabSeparated";
  if (compress_http) options.accepted_coding = choose_content_coding(header(request, "Accept-Encoding"));
  const auto coding = header(request, "Content-Encoding");
  if (!coding.empty() && coding != "identity") {
    options.body_coding = parse_content_coding(coding);
    if (!options.body_coding) {
      return Error::user(Code::Unsupported, "Unknown Content-Encoding: {}. (UNSUPPORTED_MEDIA_TYPE)", coding)
          .native_code("48");
    }
  }
  return options;
}

std::optional<Credentials> find_credentials(const net::IncomingRequest& request) {
  const auto user = request.headers.find("X-ClickHouse-User");
  const auto key = request.headers.find("X-ClickHouse-Key");
  if (user || key) return Credentials{std::string(user.value_or("default")), std::string(key.value_or(""))};
  constexpr std::string_view kBasic = "Basic ";
  if (const auto authorization = request.headers.find("Authorization");
      authorization && authorization->starts_with(kBasic)) {
    const auto pair = decode_base64(authorization->substr(kBasic.size())).value_or("");
    const auto colon = std::min(pair.find(':'), pair.size());
    return Credentials{pair.substr(0, colon), pair.substr(std::min(colon + 1, pair.size()))};
  }
  const auto url_user = request.query_value("user");
  const auto url_password = request.query_value("password");
  if (url_user || url_password) {
    return Credentials{std::string(url_user.value_or("default")), std::string(url_password.value_or(""))};
  }
  return std::nullopt;
}

}  // namespace weir::warehouse
