#pragma once

#include <filesystem>
#include <memory>

#include "base/log.hpp"
#include "connectors/clickhouse/client.hpp"
#include "flow/source.hpp"

namespace weir::clickhouse {

Result<data::Schema> describe_parquet(ClientPool& pool, const std::filesystem::path& path, std::stop_token stop);

// Sends the file's row groups to the server, a few megabytes at a time, and reads their rows back.
Result<std::unique_ptr<flow::Reader>> open_parquet_reader(std::shared_ptr<ClientPool> pool,
                                                          const std::filesystem::path& path,
                                                          const std::vector<std::string>& columns,
                                                          const flow::Limits& limits, Log& log, std::stop_token stop);

}  // namespace weir::clickhouse
