#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "project/project.hpp"

// Parquet files are read and written by the engine of one of the project's ClickHouse connections.
namespace weir::engine {

// The option of a file, and the setting of `generate`, that names the connection. The plan fills it in.
inline constexpr std::string_view kParquetOption = "clickhouse";
// The setting under which an opened files connection finds the step's other connections, by name: {type, settings}.
inline constexpr std::string_view kReachableConnections = "connections";

// By the path's ending, or by the option `format`, which overrules it.
bool is_parquet(std::string_view path, const Json& options);

// The connection that `wanted` names; without it the one that models run on by default if that is a ClickHouse, else the
// first ClickHouse of weir.yml. InvalidProject when there is none.
Result<std::string> parquet_connection(const project::Project& project, std::string_view wanted);

}  // namespace weir::engine
