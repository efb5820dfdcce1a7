#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/clickhouse/client.hpp"
#include "flow/connector.hpp"

namespace weir::clickhouse {

// Shows a PostgreSQL's tables as tables of ClickHouse's engine PostgreSQL: every query reads the rows that are there at that
// moment (https://clickhouse.com/docs/engines/table-engines/integrations/postgresql). The role's name and password lie in a
// named collection, which neither SHOW CREATE TABLE nor the system tables show.
std::unique_ptr<flow::Replication> make_mirror(const flow::ReplicationEnd& source, std::shared_ptr<ClientPool> pool,
                                               std::string cluster);

// The type in which the engine reads a column without loss, and whether its value has the same text as in the source.
struct MirroredType {
  std::string type;
  bool comparable = true;
};
MirroredType mirrored_type(const data::Field& field, std::string_view native_type);

}  // namespace weir::clickhouse
