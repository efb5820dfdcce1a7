#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weir {

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto doing = fmt::format("reading file: {}", path.string());
  if (!file) return Error::from_errno(errno, doing);
  std::string text;
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) return Error::from_errno(EISDIR, doing);
  if (status.st_size > 0) text.reserve(static_cast<std::size_t>(status.st_size));
  char buffer[65536];
  for (;;) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got == 0) return text;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, doing);
    }
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_all(int fd, std::string_view bytes, std::string_view doing) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return Error::from_errno(errno, doing);
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> write_file(const std::filesystem::path& path, std::string_view text, FileAccess access) {
  const auto doing = fmt::format("writing file: {}", path.string());
  auto sibling = path;
  sibling += fmt::format(".{}.tmp", ::getpid());
  const auto mode = access == FileAccess::OwnerOnly ? 0600 : 0644;
  Descriptor file{::open(sibling.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
  if (!file) return Error::from_errno(errno, doing);
  auto written = write_all(file.get(), text, doing);
  if (written.ok() && ::fsync(file.get()) != 0) written = Error::from_errno(errno, doing);
  if (written.ok() && ::rename(sibling.c_str(), path.c_str()) != 0) written = Error::from_errno(errno, doing);
  if (!written.ok()) {
    ::unlink(sibling.c_str());
    return written;
  }
  const auto folder_path = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const Descriptor folder{::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder) ::fsync(folder.get());
  return {};
}

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error::from_errno(error.value(), fmt::format("making folder: {}", path.string()));
  return {};
}

}  // namespace weir
