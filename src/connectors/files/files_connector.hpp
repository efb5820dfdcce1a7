#pragma once

#include "connectors/files/parquet.hpp"

namespace weir::files {

// Files in the project's folder: CSV, TSV and JSON lines, plain or in gzip or zstd, and Parquet where the application has
// a codec for it (an empty function means none). The connection has no settings.
flow::Connector files_connector(OpenParquet open_parquet = {});

}  // namespace weir::files
