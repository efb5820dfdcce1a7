#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "flow/connector.hpp"

namespace weir::files {

// Parquet is read and written by ClickHouse's engine, which another connector reaches: the application gives this
// connector a codec. Thread-safe.
class ParquetCodec {
 public:
  virtual ~ParquetCodec() = default;
  virtual Result<data::Schema> describe(const std::filesystem::path& file, std::stop_token stop) = 0;
  virtual Result<std::unique_ptr<flow::Reader>> read(const std::filesystem::path& file,
                                                     const std::vector<std::string>& columns,
                                                     const flow::Limits& limits, std::stop_token stop) = 0;
  // The batches given to the writer make up the whole file once it is finished. An empty file stands there already; it is
  // filled or replaced. Nobody reads it before the writer is finished.
  virtual Result<std::unique_ptr<flow::Writer>> write(const std::filesystem::path& file, const data::SchemaPtr& schema,
                                                      std::stop_token stop) = 0;
};

// Opens the codec that goes through a connection of the project; called when a Parquet file is touched. The name is the
// file's option `clickhouse`; the context is that of the files connection, whose settings say what can be reached.
using OpenParquet =
    std::function<Result<std::shared_ptr<ParquetCodec>>(const flow::OpenContext&, const std::string& name)>;

}  // namespace weir::files
