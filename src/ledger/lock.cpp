#include "ledger/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace weir::ledger {

namespace {

std::string owner_of(int fd) {
  char text[32];
  const auto length = ::pread(fd, text, sizeof text, 0);
  if (length <= 0) return "unknown";
  std::string pid(text, static_cast<std::size_t>(length));
  pid.erase(pid.find_last_not_of(" \n") + 1);
  return pid;
}

}  // namespace

Result<Lock> Lock::take(const std::filesystem::path& path) {
  // Not inherited by the programs that this process starts: a task that outlives its parent must not keep the ledger.
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!descriptor) return Error::from_errno(errno, "opening the ledger's lock: " + path.string());
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error::from_errno(errno, "locking the ledger: " + path.string());
    const auto owner = owner_of(descriptor.get());
    return Error::user(Code::Conflict, "another Weir process works on this project: pid {}", owner)
        .hint("wait until process " + owner + " ends, or stop it");
  }
  if (::ftruncate(descriptor.get(), 0) != 0) return Error::from_errno(errno, "writing the ledger's lock: " + path.string());
  WEIR_TRY(write_all(descriptor.get(), std::to_string(::getpid()) + "\n", "writing the ledger's lock"));
  return Lock(std::move(descriptor));
}

}  // namespace weir::ledger
