#pragma once

#include "connectors/files/csv_reader.hpp"
#include "connectors/files/parquet.hpp"

namespace weir::files {

// Reads files: a request's stream is a path relative to the project's folder. Uncompressed CSV is read in partitions.
// Refuses checkpoints: a file is read as a whole.
class FilesSource final : public flow::Source {
 public:
  FilesSource(flow::OpenContext context, OpenParquet open_parquet);

  // Nothing: any file may be read, none is listed.
  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override;
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override;
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override;
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override;

 private:
  Result<std::unique_ptr<flow::Reader>> open_text(const TextFile& file, Format format, const flow::ReadRequest& request,
                                                  ByteRange range, std::stop_token stop);

  const flow::OpenContext context_;
  const OpenParquet open_parquet_;
};

}  // namespace weir::files
