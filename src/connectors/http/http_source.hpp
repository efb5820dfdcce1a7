#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "connectors/http/crawl.hpp"
#include "flow/connector.hpp"

namespace weir::http {

// Opens the connector that reads data files: the application gives it, since a connector includes no sibling.
using OpenFiles = std::function<Result<std::unique_ptr<flow::Source>>(const flow::OpenContext&)>;

// Reads an API: a stream a resource ("launches"), a stream a list inside its items ("launches.cores"), and what contracts
// left out ("launches._rejects"). The first reader of a resource fetches its pages into the run's recording; whoever comes
// later in the same run reads them there.
class HttpSource final : public flow::Source {
 public:
  static Result<std::unique_ptr<HttpSource>> open(const flow::OpenContext& context, OpenFiles open_files,
                                                  Timeline& timeline);
  ~HttpSource() override;

  // The resources; and the streams inside those that were fetched.
  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override;
  Result<flow::Stream> describe(const flow::ReadRequest& request, std::stop_token stop) override;
  // One: a resource's pages follow from each other.
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest& request, int wanted,
                                                  std::stop_token stop) override;
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest& request, const flow::Partition& partition,
                                             const std::optional<flow::Checkpoint>& from,
                                             std::stop_token stop) override;

 private:
  struct Place {
    const Resource* resource = nullptr;
    std::string inside;  // a list's path, "_rejects", or ""
  };

  HttpSource(const flow::OpenContext& context, Api api, OpenFiles open_files, Timeline& timeline);
  Result<Place> find(const std::string& stream) const;
  Result<std::shared_ptr<Fetched>> fetch(const Resource& resource, const std::optional<flow::Checkpoint>& from,
                                         std::stop_token stop);
  Result<std::unique_ptr<flow::Source>> files() const;
  Result<flow::ReadRequest> file_request(const flow::ReadRequest& request, const Resource& resource,
                                         std::stop_token stop);

  const flow::OpenContext context_;
  const std::shared_ptr<const Api> api_;
  const OpenFiles open_files_;
  Timeline& timeline_;
  std::filesystem::path temporary_;  // removed at the end; "" within a run
  std::mutex mutex_;                 // guards what follows
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<Recording> earlier_;
  std::map<std::string, std::shared_ptr<Fetched>> fetched_;  // by resource and where it began
  std::map<std::string, std::shared_ptr<Fetched>> latest_;   // by resource
};

}  // namespace weir::http
