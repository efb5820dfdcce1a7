#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "connectors/mongodb/collection_rules.hpp"
#include "connectors/mongodb/fetch.hpp"
#include "flow/connector.hpp"

namespace weir::mongodb {

// Reads a database: a stream a collection ("tickets"), a stream a list inside its documents ("tickets.messages"), and what
// cannot become rows ("tickets._rejects"). The first reader of a collection brings its documents to the run's folder;
// whoever comes later in the same run reads them there, so that all tables are of the same documents.
class MongoSource final : public flow::Source {
 public:
  static Result<std::unique_ptr<MongoSource>> open(const flow::OpenContext& context);
  ~MongoSource() override;

  // The collections, the streams inside those that were read, and the rejects of each.
  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override;
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override;
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override;
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override;

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

  const flow::OpenContext context_;
  const std::shared_ptr<const Address> address_;
  const SourceRules rules_;
  std::filesystem::path folder_;
  bool is_temporary_ = false;  // removed at the end: outside of a run
  std::mutex mutex_;           // guards what follows
  std::optional<std::vector<std::string>> collections_;
  std::map<std::string, std::shared_ptr<Fetched>> fetched_;  // by collection and where it began
  std::map<std::string, std::shared_ptr<Fetched>> latest_;   // by collection
};

}  // namespace weir::mongodb
