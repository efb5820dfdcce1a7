#pragma once

#include <memory>

#include "connectors/generate/generate_file.hpp"
#include "flow/source.hpp"

namespace weir::generate {

// The rows of a description as batches, for destinations other than CSV files. With defects every column is text, since
// that is where malformed values can stand. Partitions are ranges of rows; a request's stream, columns and options are not
// looked at. The report is complete when all partitions are read.
class GenerateSource final : public flow::Source {
 public:
  GenerateSource(Spec spec, Variation variation);
  ~GenerateSource() override;

  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override;
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override;
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override;
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override;
  GenerateReport report() const;

  struct State;

 private:
  std::shared_ptr<State> state_;  // shared with the readers
};

}  // namespace weir::generate
