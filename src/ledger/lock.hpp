#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/file.hpp"
#include "base/result.hpp"

namespace weir::ledger {

// The right to write a project's ledger: a lock on .weir/lock (fcntl's F_OFD_SETLK, which can be asked about without being
// taken), a file that holds the owner's pid. The kernel drops it when the process ends, however it ends, so that a stale
// file never blocks anybody.
class Lock {
 public:
  // Conflict, which names the owner's pid, when another process (or another Ledger of this one) holds it.
  static Result<Lock> take(const std::filesystem::path& path);

 private:
  explicit Lock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;
};

// The process that owns the ledger in this state folder now; nothing when nobody does.
Result<std::optional<pid_t>> lock_owner(const std::filesystem::path& state_folder);

}  // namespace weir::ledger
