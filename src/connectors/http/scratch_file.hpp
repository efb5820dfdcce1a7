#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/file.hpp"

namespace weir::http {

// A file without a name, for what a process has no memory for; it goes with the process. Used by one thread, but for read().
class ScratchFile {
 public:
  static Result<ScratchFile> create(const std::filesystem::path& folder);

  // Fills `into`; less where the file ends.
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> into) const;
  Result<void> write(std::uint64_t at, std::span<const std::byte> bytes);

 private:
  explicit ScratchFile(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

}  // namespace weir::http
