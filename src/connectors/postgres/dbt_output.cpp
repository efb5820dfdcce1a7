#include "connectors/postgres/dbt_output.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "connectors/postgres/address.hpp"

namespace weir::postgres {
namespace {

// libpq's keywords and dbt-postgres's keys for them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kKeys{
    {{"host", "host"},
     {"user", "user"},
     {"dbname", "dbname"},
     {"sslmode", "sslmode"},
     {"sslcert", "sslcert"},
     {"sslkey", "sslkey"},
     {"sslrootcert", "sslrootcert"},
     {"application_name", "application_name"}}};
// What dbt sets itself, or what changes nothing about where it connects.
constexpr std::array<std::string_view, 6> kIgnored{
    "port", "connect_timeout", "keepalives", "keepalives_idle", "client_encoding", "fallback_application_name"};

}  // namespace

Result<flow::DbtOutput> dbt_output(const Settings& settings) {
  const auto address = WEIR_TRY(address_from(settings));
  flow::DbtOutput output{.adapter = "postgres", .fields = Json::object(), .password = address.password};
  for (const auto& [keyword, value] : address.keywords) {
    const auto key = std::ranges::find(kKeys, keyword, &std::pair<std::string_view, std::string_view>::first);
    if (key != kKeys.end()) {
      output.fields[std::string{key->second}] = value;
    } else if (std::ranges::find(kIgnored, keyword) == kIgnored.end()) {
      return Error::user(Code::Unsupported, "dbt-postgres has no key for what the connection's url sets: {}", keyword)
          .hint(
              "take it out of the url, or give the environment variable of libpq (PGOPTIONS and the like) to Weir's "
              "process");
    }
  }
  if (!output.fields.contains("host")) output.fields["host"] = "localhost";
  const auto port_text = address.keyword("port");
  int port = 5432;
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  output.fields["port"] = port;
  const auto schema = settings.text("schema");
  output.fields["schema"] = schema.empty() ? "public" : schema;
  output.fields["connect_timeout"] = std::chrono::ceil<std::chrono::seconds>(address.connect_timeout).count();
  return output;
}

}  // namespace weir::postgres
