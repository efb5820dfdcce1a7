#pragma once

#include "data/batch.hpp"

namespace weir::clickhouse {

// `count` rows of the batch from row `from` on. Fixed-width values and texts are shared with it, the rest is copied.
data::Batch copy_rows(const data::Batch& batch, std::size_t from, std::size_t count);

}  // namespace weir::clickhouse
