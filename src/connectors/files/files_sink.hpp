#pragma once

#include "connectors/files/parquet.hpp"

namespace weir::files {

// Writes whole files: a request's table is a path relative to the project's folder, its mode is Replace. A load writes a
// hidden sibling of the file and renames it on commit. Before that the commit's id, the rows and the sibling's identity
// are noted in a second sibling, ".sales.csv.weir-commit": the commit is in the destination if and only if the file is
// the one that the note describes, whenever the process died.
class FilesSink final : public flow::Sink {
 public:
  FilesSink(flow::OpenContext context, OpenParquet open_parquet);

  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest& request, std::stop_token stop) override;
  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest& request, const CommitId& commit,
                                            std::stop_token stop) override;

 private:
  const flow::OpenContext context_;
  const OpenParquet open_parquet_;
};

}  // namespace weir::files
