#pragma once

#include <span>

#include "data/batch.hpp"
#include "flow/sink.hpp"

namespace weir::bench {

// Seconds from opening the load to its commit, with that many writers at once, each on a thread with its share.
Result<double> load_seconds(flow::Sink& sink, const flow::WriteRequest& request, std::span<const data::Batch> batches,
                            int writers);

}  // namespace weir::bench
