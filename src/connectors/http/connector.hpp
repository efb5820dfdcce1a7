#pragma once

#include "connectors/http/http_source.hpp"

namespace weir::http {

// REST APIs and files by URL. `open_files` opens the connector that reads CSV and TSV.
flow::Connector http_connector(OpenFiles open_files);

}  // namespace weir::http
