#include "app/web_server.hpp"

#include <cstdlib>

#include "app/connectors.hpp"

namespace weir::app {
namespace {

Result<std::optional<net::TlsFiles>> tls_files(const WebOptions& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return Error::user(Code::InvalidArgument, "--tls-cert and --tls-key belong together");
  }
  if (options.tls_certificate.empty()) return std::optional<net::TlsFiles>{};
  return std::optional{net::TlsFiles{options.tls_certificate, options.tls_key}};
}

std::optional<web::OpenLineageTarget> lineage_target(const std::string& text) {
  if (text.empty()) return std::nullopt;
  web::OpenLineageTarget target;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    target.url = text;
  } else {
    target.file = text;
  }
  // The names are those of OpenLineage's own clients (https://openlineage.io/docs/client/python).
  if (const auto* key = std::getenv("OPENLINEAGE_API_KEY")) target.api_key = Secret{key};
  if (const auto* name = std::getenv("OPENLINEAGE_NAMESPACE")) target.job_namespace = name;
  return target;
}

}  // namespace

void add_web_options(CLI::App& verb, WebOptions& options) {
  verb.add_option("--bind", options.bind, "The address to listen on; others than this machine's need a user first")
      ->capture_default_str();
  verb.add_option("--port", options.port, "The port to listen on; 0 is any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65'535));
  verb.add_option("--tls-cert", options.tls_certificate, "A PEM file with the server's certificate and its chain");
  verb.add_option("--tls-key", options.tls_key, "A PEM file with the certificate's key");
  verb.add_option("--host-name", options.host_names, "A name by which browsers may call this server; may be repeated");
  verb.add_option("--openlineage", options.open_lineage,
                  "Where OpenLineage events go: a file, or an endpoint's address (OPENLINEAGE_API_KEY holds its key)");
}

Result<std::unique_ptr<web::Server>> start_web_server(engine::Scheduler& scheduler, services::Supervisor& supervisor,
                                                      const engine::ReplicationWatch& watch,
                                                      const engine::VersionSource& source, const WebOptions& options) {
  web::ServerOptions server;
  server.host = options.bind;
  server.port = options.port;
  server.tls = WEIR_TRY(tls_files(options));
  server.host_names = options.host_names;
  server.open_lineage = lineage_target(options.open_lineage);
  return web::Server::start({.scheduler = scheduler,
                             .supervisor = supervisor,
                             .registry = connectors(),
                             .source = source,
                             .state_folder = source.folder / ".weir",
                             .weir_version = WEIR_VERSION,
                             .clock = system_clock(),
                             .replications = [&watch] { return watch.sources(); }},
                            server);
}

}  // namespace weir::app
