#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "data/type.hpp"

// The columns that a reader of documents' tables was asked for. A name that the table lacks is NotFound.
namespace weir::documents {

// By index, in the order in which they were asked for; all when no name is given.
Result<std::vector<std::size_t>> wanted_columns(const data::Schema& schema, const std::vector<std::string>& names);

// The schema of these columns alone; the whole one when no name is given.
Result<data::Schema> chosen_columns(data::Schema schema, const std::vector<std::string>& names);

}  // namespace weir::documents
