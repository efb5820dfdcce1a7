#include "app/connectors.hpp"

#include "connectors/clickhouse/connector.hpp"
#include "connectors/files/connector.hpp"
#include "connectors/postgres/connector.hpp"

namespace weir::app {

const flow::Registry& connectors() {
  static const flow::Registry registry{{
      connectors::clickhouse::clickhouse_connector(),
      connectors::files::files_connector(),
      connectors::postgres::postgres_connector(),
  }};
  return registry;
}

}  // namespace weir::app
