#pragma once

#include <cstdint>
#include <optional>

#include "flow/source.hpp"

namespace weir::flow {

// How many there are of what a stream's rows are made of, by the system's own count, beside what a reading of all of it came to.
struct SourceCount {
  std::uint64_t counted = 0;   // by the system, without handing them over
  std::uint64_t rows = 0;      // that were read
  std::uint64_t rejected = 0;  // that were read and can be no row

  bool is_whole() const { return counted == rows + rejected; }
};

// A source whose system counts by itself. A second reading that goes the same way as the first would miss the same; this tells.
class CountedSource {
 public:
  virtual ~CountedSource() = default;
  // Reads the stream to its end, where that has not been done. Nothing where nobody counts, or not all of it was read.
  virtual Result<std::optional<SourceCount>> count(const ReadRequest& request, std::stop_token stop) = 0;
};

}  // namespace weir::flow
