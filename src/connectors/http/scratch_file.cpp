#include "connectors/http/scratch_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace weir::http {

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder) {
  auto path = (folder / "scratch-XXXXXX").string();
  Descriptor file{::mkostemp(path.data(), O_CLOEXEC)};
  if (!file) return Error::from_errno(errno, fmt::format("making a file in {}", folder.string()));
  ::unlink(path.c_str());
  return ScratchFile{std::move(file)};
}

Result<std::size_t> ScratchFile::read(std::uint64_t at, std::span<std::byte> into) const {
  std::size_t got = 0;
  while (got < into.size()) {
    const auto count = ::pread(file_.get(), into.data() + got, into.size() - got, static_cast<off_t>(at + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "reading a scratch file");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

Result<void> ScratchFile::write(std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "writing a scratch file");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace weir::http
