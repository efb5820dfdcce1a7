#pragma once

#include <memory>

#include "connectors/http/crawl.hpp"
#include "documents/shredder.hpp"
#include "flow/source.hpp"

namespace weir::http {

inline constexpr auto kRejects = "_rejects";

// The schema and key of a stream inside a fetched resource; nothing when no item has such a list.
std::optional<flow::Stream> stream_of(const Resource& resource, const Fetched& fetched, const std::string& inside);

// Reads one table of a fetched resource from its pages on disk. `checkpoint` goes with the last batch.
Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Api> api, const Resource& resource,
                                                 std::shared_ptr<Fetched> fetched, const std::string& inside,
                                                 const flow::ReadRequest& request,
                                                 std::optional<flow::Checkpoint> checkpoint, Log& log);

}  // namespace weir::http
