#include "connectors/postgres/address.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

namespace weir::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

Result<void> take_url(Address& address, const Secret& url) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options{PQconninfoParse(url.reveal().c_str(), &complaint)};
  PQfreemem(complaint);  // it may repeat a part of the password
  if (options == nullptr) {
    return Error::user(Code::InvalidProject, "the url is not a PostgreSQL connection url")
        .hint("write postgresql://user:password@host:5432/database and percent-encode special characters");
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) address.set(option->keyword, option->val);
  }
  return {};
}

}  // namespace

void Address::set(const std::string& name, std::string value) {
  if (name == "password") {
    password = Secret{std::move(value)};
    return;
  }
  const auto found = std::ranges::find(keywords, name, &std::pair<std::string, std::string>::first);
  if (found == keywords.end()) {
    keywords.emplace_back(name, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

std::string Address::keyword(const std::string& name) const {
  const auto found = std::ranges::find(keywords, name, &std::pair<std::string, std::string>::first);
  return found == keywords.end() ? "" : found->second;
}

std::string Address::text() const {
  const auto or_default = [&](const char* name, const char* fallback) {
    auto value = keyword(name);
    return value.empty() ? std::string{fallback} : value;
  };
  return fmt::format("{} at {}:{}", or_default("dbname", "the default database"),
                     or_default("host", "the local socket"), or_default("port", "5432"));
}

std::vector<Setting> connection_settings() {
  return {
      {.name = "managed",
       .type = SettingType::Flag,
       .doc = "Weir runs a local PostgreSQL for the project and fills in the other keys",
       .default_value = false},
      {.name = "url",
       .doc = "postgresql://user:password@host:port/database?sslmode=require",
       .secrecy = Secrecy::Secret},
      {.name = "host", .doc = "Host name, address, or the folder of the unix socket"},
      {.name = "port", .type = SettingType::Integer, .doc = "TCP port, and the number in the unix socket's name"},
      {.name = "user", .doc = "Role to sign in as"},
      {.name = "password", .doc = "The role's password", .secrecy = Secrecy::Secret},
      {.name = "database", .doc = "Database to connect to"},
      {.name = "schema", .doc = "Schema of tables that are named without one", .default_value = "public"},
      {.name = "sslmode",
       .type = SettingType::Choice,
       .doc = "How the connection is encrypted and the server is verified",
       .choices = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
      {.name = "sslrootcert", .doc = "File with the certificate authorities to trust"},
      {.name = "server_log",
       .doc = "The server's log, where this machine has it: replication tells from it why a subscription fails"},
      {.name = "connect_timeout",
       .type = SettingType::Duration,
       .doc = "How long a connection may take to be made",
       .default_value = "10s"},
  };
}

Result<Address> address_from(const Settings& settings) {
  Address address;
  if (settings.has("url")) WEIR_TRY(take_url(address, settings.secret("url")));
  for (const auto& [setting, keyword] :
       {std::pair{"host", "host"}, std::pair{"user", "user"}, std::pair{"database", "dbname"},
        std::pair{"sslmode", "sslmode"}, std::pair{"sslrootcert", "sslrootcert"}}) {
    if (settings.has(setting)) address.set(keyword, settings.text(setting));
  }
  if (settings.has("port")) address.set("port", std::to_string(settings.integer("port")));
  if (settings.has("password")) address.password = settings.secret("password");
  if (settings.has("connect_timeout")) address.connect_timeout = settings.duration("connect_timeout");
  if (address.keyword("application_name").empty()) address.set("application_name", "weir");
  return address;
}

}  // namespace weir::postgres
