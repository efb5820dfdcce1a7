#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/mongodb/fetch.hpp"
#include "flow/source.hpp"

namespace weir::mongodb {

// The stream of what contracts and checks left out.
constexpr std::string_view kRejects = "_rejects";

// `inside`: a list's path, "_rejects", or "" for the documents themselves. Nothing when no document has such a list.
std::optional<flow::Stream> stream_of(const std::string& collection, const Fetched& fetched, const std::string& inside);
// Reads some of the parts. `checkpoint` is where the next run begins.
Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Fetched> fetched, const std::string& inside,
                                                 std::vector<std::size_t> parts, const flow::ReadRequest& request,
                                                 std::optional<flow::Checkpoint> checkpoint);

}  // namespace weir::mongodb
