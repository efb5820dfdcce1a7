#include "connectors/clickhouse/client_options.hpp"

namespace weir::clickhouse {
namespace {

// "http://user:word@host" becomes user, password and "http://host", so that no message can repeat the word.
void take_credentials(ClientOptions& options) {
  const auto scheme = options.url.find("://");
  if (scheme == std::string::npos) return;
  const auto begin = scheme + 3;
  const auto end = options.url.find_first_of("/?", begin);
  const auto at = options.url.substr(begin, end == std::string::npos ? end : end - begin).rfind('@');
  if (at == std::string::npos) return;
  const auto credentials = options.url.substr(begin, at);
  options.url.erase(begin, at + 1);
  const auto colon = credentials.find(':');
  options.user = credentials.substr(0, colon);
  if (colon != std::string::npos) options.password = Secret{credentials.substr(colon + 1)};
}

std::string text_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

}  // namespace

ClientOptions client_options(const Settings& settings) {
  ClientOptions options;
  if (settings.has("url")) options.url = settings.text("url");
  options.unix_socket = settings.text("unix_socket");
  if (settings.has("user")) options.user = settings.text("user");
  options.password = settings.secret("password");
  if (settings.has("database")) options.database = settings.text("database");
  options.ca_file = settings.text("ca_file");
  if (settings.text("compression") == "lz4") options.compression = Compression::Lz4;
  if (settings.has("connect_timeout")) options.timeouts.connect = settings.duration("connect_timeout");
  if (settings.has("silence_timeout")) options.timeouts.silence = settings.duration("silence_timeout");
  for (const auto& [name, value] : settings.json("settings").items())
    options.settings.emplace_back(name, text_of(value));
  take_credentials(options);
  return options;
}

}  // namespace weir::clickhouse
