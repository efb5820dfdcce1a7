#include "connectors/clickhouse/dbt_output.hpp"

#include <charconv>

#include "connectors/clickhouse/client_options.hpp"

namespace weir::clickhouse {
namespace {

struct HttpAddress {
  std::string host;
  int port = 0;
  bool secure = false;
};

// "https://host:8443/path", "[::1]:8123"; nothing when it is no such address.
std::optional<HttpAddress> parse(std::string_view url) {
  HttpAddress address;
  if (url.starts_with("https://")) address.secure = true;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?"));
  address.port = address.secure ? 443 : 80;
  const auto colon = url.rfind(':');
  const auto bracket = url.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto text = url.substr(colon + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), address.port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    url = url.substr(0, colon);
  }
  if (url.starts_with('[') && url.ends_with(']')) url = url.substr(1, url.size() - 2);
  address.host = url;
  if (address.host.empty()) return std::nullopt;
  return address;
}

}  // namespace

Result<flow::DbtOutput> dbt_output(const Settings& settings) {
  const auto options = client_options(settings);
  const auto address = parse(options.url);
  if (!address) {
    return Error::user(Code::InvalidProject, "the url is not the address of ClickHouse's HTTP interface")
        .hint("write http://host:8123 or https://host:8443");
  }
  if (!options.ca_file.empty()) {
    return Error::user(Code::Unsupported, "dbt-clickhouse cannot be told a ca_file")
        .hint("add the authority to the system's certificates and set SSL_CERT_FILE for Weir's process");
  }
  flow::DbtOutput output{.adapter = "clickhouse", .fields = Json::object(), .password = options.password};
  output.fields = {{"driver", "http"},
                   {"host", address->host},
                   {"port", address->port},
                   {"secure", address->secure},
                   {"user", options.user},
                   {"schema", options.database},
                   {"connect_timeout", std::chrono::ceil<std::chrono::seconds>(options.timeouts.connect).count()}};
  if (const auto cluster = settings.text("cluster"); !cluster.empty()) output.fields["cluster"] = cluster;
  if (!options.settings.empty()) {
    auto& custom = output.fields["custom_settings"] = Json::object();
    for (const auto& [name, value] : options.settings) custom[name] = value;
  }
  return output;
}

}  // namespace weir::clickhouse
