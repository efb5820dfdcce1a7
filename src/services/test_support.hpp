#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <vector>

#include "services/process.hpp"
#include "services/record.hpp"

// What the tests of this folder share.
namespace weir::services::testing {

// A folder of its own that goes with the test.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& parent = "/tmp") {
    std::string text = parent + "/weir-services-XXXXXX";
    EXPECT_NE(::mkdtemp(text.data()), nullptr);
    path_ = text;
    std::filesystem::permissions(path_, std::filesystem::perms{0755});
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class CollectingLog final : public Log {
 public:
  void write(LogLine line) override {
    const std::lock_guard guard{mutex_};
    text_ += line.message + "\n";
  }
  std::string text() {
    const std::lock_guard guard{mutex_};
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

inline Pipe make_pipe() {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

inline std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

inline std::string read_line(int fd) {
  std::string line;
  char letter = 0;
  while (::read(fd, &letter, 1) == 1 && letter != '\n') line += letter;
  return line;
}

inline std::filesystem::path this_program() { return std::filesystem::canonical("/proc/self/exe"); }

inline ServiceSpec make_spec(ServiceKind kind, const std::string& name, const std::filesystem::path& project) {
  ServiceSpec spec;
  spec.kind = kind;
  spec.name = name;
  spec.state_folder = project / ".weir";
  spec.weir_binary = this_program();
  return spec;
}

}  // namespace weir::services::testing
