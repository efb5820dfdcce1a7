#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "connectors/mongodb/catalog.hpp"

namespace weir::mongodb {

// Filters by _id that part a collection into about as many documents each; one without a condition where it cannot be
// parted: a view, a collection with a collation (comparisons by _id would follow it), or _ids of several types (a range
// finds values of one type only).
Result<std::vector<Document>> part_by_id(Session& session, const CollectionInfo& collection,
                                         std::int64_t documents_each, std::stop_token stop);

}  // namespace weir::mongodb
