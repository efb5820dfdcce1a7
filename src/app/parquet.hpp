#pragma once

#include "connectors/files/parquet.hpp"

namespace weir::app {

// files::OpenParquet through the ClickHouse connector: the connection of that name among those that the context's settings
// reach (engine/parquet.hpp).
Result<std::shared_ptr<files::ParquetCodec>> open_parquet(const flow::OpenContext& context, const std::string& name);

// Through a resolved connection of type clickhouse.
std::shared_ptr<files::ParquetCodec> make_parquet_codec(const flow::OpenContext& clickhouse);

}  // namespace weir::app
