#pragma once

#include <string>

namespace weir::flow {

// "Everything up to here": opaque, versioned text that only the connector which wrote it reads. It survives restarts in
// the ledger; a connector refuses a text that it did not write.
struct Checkpoint {
  std::string text;

  bool operator==(const Checkpoint&) const = default;
};

}  // namespace weir::flow
