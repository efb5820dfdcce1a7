#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace weir {

void broken_promise(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "weir: broken promise: %s (%s:%d). This is a bug in Weir: please report it.\n", condition, file,
               line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir
