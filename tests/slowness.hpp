#pragma once

namespace weir::testing {

// How much longer what is instrumented takes to start, for tests whose subject is time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowness = 8;
#else
constexpr int kSlowness = 1;
#endif

}  // namespace weir::testing
