#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir {

// A file descriptor that closes itself. Move-only; -1 means none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Who may read a file that Weir makes.
enum class FileAccess { Everyone, OwnerOnly };

Result<std::string> read_file(const std::filesystem::path& path);
// Writes a sibling file and renames it over the target: a reader sees the old text or the new, also after a crash
// (the file and its folder are synced).
Result<void> write_file(const std::filesystem::path& path, std::string_view text,
                        FileAccess access = FileAccess::Everyone);
Result<void> make_folder(const std::filesystem::path& path);
// All of it, or an error; retries interrupted and short writes.
Result<void> write_all(int fd, std::string_view bytes, std::string_view doing);

}  // namespace weir
