#include "connectors/mongodb/address.hpp"

namespace weir::mongodb {
namespace {

Result<void> check_name(std::string_view name) {
  // https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
  const bool good = !name.empty() && name.size() < 64 && name.find_first_of("/\\. \"$*<>:|?") == std::string_view::npos;
  if (good) return {};
  return Error::user(Code::InvalidProject, "not a database's name: {}", name)
      .hint("name the database in the url (mongodb://host/support) or as database:");
}

}  // namespace

std::vector<Setting> address_settings() {
  return {
      {.name = "url",
       .type = SettingType::Text,
       .doc = "mongodb://user:password@host1,host2/database?replicaSet=rs0&authSource=admin&tls=true&readPreference=…, "
              "or mongodb+srv://…",
       .need = Need::Required,
       .secrecy = Secrecy::Secret},
      {.name = "database", .doc = "The database, where the url names none or another"},
      {.name = "user", .doc = "Who signs in, where the url does not say"},
      {.name = "password", .doc = "The user's password", .secrecy = Secrecy::Secret},
      {.name = "read_preference",
       .type = SettingType::Choice,
       .doc = "Which members of a replica set are read; the url's by default",
       .choices = {"primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"}},
      {.name = "tls_ca_file", .doc = "File with the certificate authorities to trust, instead of the system's"},
      {.name = "connect_timeout",
       .type = SettingType::Duration,
       .doc = "How long a connection may take to be made",
       .default_value = "10s"},
      {.name = "server_timeout",
       .type = SettingType::Duration,
       .doc = "How long to look for a server that can answer, such as a new primary",
       .default_value = "15s"},
  };
}

std::string Address::text() const {
  std::string hosts;
  for (const auto* host = mongoc_uri_get_hosts(uri_.get()); host != nullptr; host = host->next) {
    if (!hosts.empty()) hosts += ", ";
    hosts += host->host_and_port;
  }
  if (const auto* service = mongoc_uri_get_srv_hostname(uri_.get()); hosts.empty() && service != nullptr)
    hosts = service;
  return fmt::format("{} at {}", database_, hosts);
}

Result<std::shared_ptr<const Address>> address_from(const Settings& settings) {
  // The library's own complaint may repeat a part of the password.
  bson_error_t complaint;
  auto address = std::make_shared<Address>();
  address->uri_.reset(mongoc_uri_new_with_error(settings.secret("url").reveal().c_str(), &complaint));
  auto* uri = address->uri_.get();
  if (uri == nullptr) {
    return Error::user(Code::InvalidProject, "the url is not a MongoDB connection string")
        .hint("write mongodb://user:password@host:27017/database and percent-encode special characters");
  }
  if (settings.has("user")) mongoc_uri_set_username(uri, settings.text("user").c_str());
  if (settings.has("password")) mongoc_uri_set_password(uri, settings.secret("password").reveal().c_str());
  if (settings.has("tls_ca_file")) {
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_TLS, true);
    mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, settings.text("tls_ca_file").c_str());
  }
  if (settings.has("read_preference")) {
    auto* preference = mongoc_read_prefs_copy(mongoc_uri_get_read_prefs_t(uri));
    const auto mode = settings.text("read_preference");
    mongoc_read_prefs_set_mode(preference, mode == "primary"              ? MONGOC_READ_PRIMARY
                                           : mode == "primaryPreferred"   ? MONGOC_READ_PRIMARY_PREFERRED
                                           : mode == "secondary"          ? MONGOC_READ_SECONDARY
                                           : mode == "secondaryPreferred" ? MONGOC_READ_SECONDARY_PREFERRED
                                                                          : MONGOC_READ_NEAREST);
    mongoc_uri_set_read_prefs_t(uri, preference);
    mongoc_read_prefs_destroy(preference);
  }
  const auto milliseconds = [&](const char* name, std::int64_t fallback) {
    return settings.has(name) ? static_cast<std::int32_t>(settings.duration(name).count())
                              : static_cast<std::int32_t>(fallback);
  };
  const auto set_if_open = [&](const char* option, std::int32_t value) {
    if (!mongoc_uri_has_option(uri, option)) mongoc_uri_set_option_as_int32(uri, option, value);
  };
  set_if_open(MONGOC_URI_CONNECTTIMEOUTMS, milliseconds("connect_timeout", 10'000));
  set_if_open(MONGOC_URI_SERVERSELECTIONTIMEOUTMS, milliseconds("server_timeout", 15'000));
  // Looks for a server until that time has passed, instead of once: a new primary takes seconds to be elected.
  mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false);
  mongoc_uri_set_appname(uri, "weir");
  address->connect_timeout_ =
      std::chrono::milliseconds{mongoc_uri_get_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, 10'000)};
  if (settings.has("database")) {
    address->database_ = settings.text("database");
  } else if (const auto* database = mongoc_uri_get_database(uri)) {
    address->database_ = database;
  }
  WEIR_TRY(check_name(address->database_));
  return std::shared_ptr<const Address>{std::move(address)};
}

}  // namespace weir::mongodb
