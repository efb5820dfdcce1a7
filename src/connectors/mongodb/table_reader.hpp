#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/mongodb/fetch.hpp"
#include "connectors/mongodb/spool.hpp"
#include "flow/source.hpp"

namespace weir::mongodb {

// The stream of what contracts and checks left out.
constexpr std::string_view kRejects = "_rejects";

// `inside`: a list's path, "_rejects", or "" for the documents themselves. Nothing when no document of the shape has such a
// list.
std::optional<flow::Stream> stream_of(const std::string& collection, const Fetched& fetched,
                                      const documents::Shape& shape, const std::string& inside);
// Reads a share of the documents into the columns that the shape has, waiting for what still arrives. Its next() is outgrown()
// before it comes to a document that needs other columns.
Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Fetched> fetched, Arrival::ShapePtr shape,
                                                 const std::string& inside, SpoolShare share,
                                                 const flow::ReadRequest& request);

}  // namespace weir::mongodb
