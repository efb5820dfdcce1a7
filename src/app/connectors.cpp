#include "app/connectors.hpp"

#include "app/parquet.hpp"
#include "connectors/clickhouse/connector.hpp"
#include "connectors/files/files_connector.hpp"
#include "connectors/http/connector.hpp"
#include "connectors/mongodb/connector.hpp"
#include "connectors/postgres/connector.hpp"

namespace weir::app {

const flow::Registry& connectors() {
  static const flow::Registry kRegistry{{
      clickhouse_connector(),
      files::files_connector(open_parquet),
      http::http_connector(files::files_connector(open_parquet).open_source),
      mongodb_connector(),
      postgres_connector(),
  }};
  return kRegistry;
}

}  // namespace weir::app
