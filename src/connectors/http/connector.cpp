#include "connectors/http/connector.hpp"

namespace weir::http {

flow::Connector http_connector(OpenFiles open_files) {
  flow::Connector connector;
  connector.name = "http";
  connector.summary = "REST APIs (JSON, JSON lines) and files by URL: paged, incremental, recorded and replayed";
  connector.settings = api_settings();
  connector.open_source =
      [open_files = std::move(open_files)](const flow::OpenContext& context) -> Result<std::unique_ptr<flow::Source>> {
    return WEIR_TRY(HttpSource::open(context, open_files, real_timeline()));
  };
  return connector;
}

}  // namespace weir::http
