#include "data/memory.hpp"

#include <malloc.h>

namespace weir::data {

void keep_freed_memory() {
  constexpr int kBytes = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kBytes);
  mallopt(M_TRIM_THRESHOLD, kBytes);
}

}  // namespace weir::data
