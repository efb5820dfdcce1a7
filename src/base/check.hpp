#pragma once

namespace weir {

// Prints where and which promise broke, then aborts. The ledger makes a restart safe, so a broken promise stops here.
[[noreturn]] void broken_promise(const char* condition, const char* file, int line);

}  // namespace weir

// States what must hold whatever the user, a server or the disk does. Never for input: that is an Error.
#define WEIR_CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::weir::broken_promise(#condition, __FILE__, __LINE__))
