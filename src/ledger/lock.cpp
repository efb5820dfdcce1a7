#include "ledger/lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>

namespace weir::ledger {

namespace {

struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

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
  auto range = whole_file();
  if (::fcntl(descriptor.get(), F_OFD_SETLK, &range) != 0) {
    if (errno != EAGAIN && errno != EACCES) return Error::from_errno(errno, "locking the ledger: " + path.string());
    const auto owner = owner_of(descriptor.get());
    return Error::user(Code::Conflict, "another Weir process works on this project: pid {}", owner)
        .hint("wait until process " + owner + " ends, or stop it");
  }
  if (::ftruncate(descriptor.get(), 0) != 0)
    return Error::from_errno(errno, "writing the ledger's lock: " + path.string());
  WEIR_TRY(write_all(descriptor.get(), std::to_string(::getpid()) + "\n", "writing the ledger's lock"));
  return Lock(std::move(descriptor));
}

Result<std::optional<pid_t>> lock_owner(const std::filesystem::path& state_folder) {
  const auto path = state_folder / "lock";
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) {
    if (errno == ENOENT) return std::optional<pid_t>{};
    return Error::from_errno(errno, "opening the ledger's lock: " + path.string());
  }
  // Asks without taking it, so that nobody who wants it finds it taken by the question.
  auto range = whole_file();
  if (::fcntl(descriptor.get(), F_OFD_GETLK, &range) != 0) {
    return Error::from_errno(errno, "asking for the ledger's lock: " + path.string());
  }
  if (range.l_type == F_UNLCK) return std::optional<pid_t>{};
  const auto owner = owner_of(descriptor.get());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), pid);
  // The owner has locked the file and not yet written its pid: it is just starting.
  if (error != std::errc{} || pid <= 0) return Error::user(Code::Conflict, "the owner of the ledger is just starting");
  return std::optional{pid};
}

}  // namespace weir::ledger
