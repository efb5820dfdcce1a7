#pragma once

#include <filesystem>
#include <memory>

#include "flow/connector.hpp"

namespace weir::clickhouse {

// Parquet files, read and written by the engine of a ClickHouse server: any server that speaks plain ClickHouse HTTP and
// has the table function format() (22.8 and later). The file stays on this side: its row groups travel one by one through
// a private staging table, so that neither side ever holds the whole file in memory. What a killed process leaves behind
// there is removed when the next file is read or written. Thread-safe.
class ParquetEngine {
 public:
  // Of a connection of type clickhouse. Touches nothing yet.
  explicit ParquetEngine(const flow::OpenContext& context);
  ~ParquetEngine();

  Result<data::Schema> describe(const std::filesystem::path& file, std::stop_token stop);
  // The rows in the file's order. No columns: all.
  Result<std::unique_ptr<flow::Reader>> read(const std::filesystem::path& file, const std::vector<std::string>& columns,
                                             const flow::Limits& limits, std::stop_token stop);
  // The writer's finish() fills the file: everything that was written, in that order, zstd inside.
  Result<std::unique_ptr<flow::Writer>> write(const std::filesystem::path& file, const data::SchemaPtr& schema,
                                              std::stop_token stop);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace weir::clickhouse
