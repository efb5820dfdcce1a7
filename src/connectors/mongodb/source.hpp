#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "connectors/mongodb/collection_rules.hpp"
#include "connectors/mongodb/fetch.hpp"
#include "flow/connector.hpp"
#include "flow/counted_source.hpp"
#include "flow/growing_source.hpp"

namespace weir::mongodb {

// Reads a database: a stream a collection ("tickets"), a stream a list inside its documents ("tickets.messages"), and what
// cannot become rows ("tickets._rejects"). Whoever asks first for a collection has its documents brought to the run's
// folder; all read them there, while they arrive or later in the same run, so that all tables are of the same documents.
class MongoSource final : public flow::GrowingSource, public flow::CountedSource {
 public:
  static Result<std::unique_ptr<MongoSource>> open(const flow::OpenContext& context);
  ~MongoSource() override;

  // The collections, the streams inside those that were read, and the rejects of each.
  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override;
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override;
  Result<flow::Stream> describe_early(const flow::ReadRequest& request, std::stop_token stop) override;
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override;
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override;
  // Of a collection's documents, by an aggregation with its filter; of nothing inside them.
  Result<std::optional<flow::SourceCount>> count(const flow::ReadRequest& request, std::stop_token stop) override;

 private:
  struct Place {
    std::string collection;
    std::string inside;  // a list's path, "_rejects", or ""
  };

  MongoSource(const flow::OpenContext& context, std::shared_ptr<const Address> address, SourceRules rules);
  Result<Place> find(const std::string& stream, std::stop_token stop);
  Result<const std::vector<std::string>*> collections(std::stop_token stop);
  Result<std::shared_ptr<Fetched>> fetched(const std::string& collection, const std::optional<flow::Checkpoint>& from,
                                           std::stop_token stop);
  Result<flow::Stream> describe_after(std::uint64_t documents, const flow::ReadRequest& request, std::stop_token stop);
  Result<std::filesystem::path> replayed_folder(const std::string& collection) const;
  Result<Arrival::ShapePtr> described_shape(const Fetched& fetched, const std::string& inside, std::stop_token stop);

  const flow::OpenContext context_;
  const std::shared_ptr<const Address> address_;
  const SourceRules rules_;
  std::filesystem::path folder_;
  std::filesystem::path replay_;  // where the run that this one repeats has its documents; "" is none
  bool is_temporary_ = false;     // removed at the end: outside of a run
  std::mutex mutex_;              // guards what follows
  std::optional<std::vector<std::string>> collections_;
  std::map<std::string, std::shared_ptr<Fetched>> fetched_;  // by collection and where it began
  std::map<std::string, std::shared_ptr<Fetched>> latest_;   // by collection
  // What a stream was last described by: readers that are opened then have the same columns.
  std::map<std::pair<const Fetched*, std::string>, Arrival::ShapePtr> described_;
};

}  // namespace weir::mongodb
