#include "dbt/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>

namespace weir::dbt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Splits what comes from a pipe into lines.
class LineReader {
 public:
  explicit LineReader(const std::function<void(std::string_view)>& take) : take_(take) {}

  // Reads what is there. False at the end of the pipe.
  bool read_from(int fd) {
    std::array<char, 65'536> buffer;
    for (;;) {
      const auto got = ::read(fd, buffer.data(), buffer.size());
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      add({buffer.data(), static_cast<std::size_t>(got)});
    }
  }
  void finish() {
    if (!rest_.empty()) take_(rest_);
    rest_.clear();
  }

 private:
  // A line that never ends is cut here rather than kept.
  static constexpr std::size_t kLineBytesMax = std::size_t{4} << 20;

  void add(std::string_view bytes) {
    for (;;) {
      const auto end = bytes.find('\n');
      rest_.append(bytes.substr(0, end));
      if (end == std::string_view::npos && rest_.size() < kLineBytesMax) return;
      take_(rest_);
      rest_.clear();
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
    }
  }

  const std::function<void(std::string_view)>& take_;
  std::string rest_;
};

}  // namespace

Result<services::ExitStatus> run_program(services::ProcessSpec spec,
                                         const std::function<void(std::string_view line)>& take, std::stop_token stop,
                                         milliseconds grace) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "making a pipe");
  const Descriptor reading{ends[0]};
  Descriptor writing{ends[1]};
  if (::fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0) return Error::from_errno(errno, "setting up a pipe");
  const Descriptor stopping{::eventfd(0, EFD_CLOEXEC)};
  if (!stopping) return Error::from_errno(errno, "making an event");
  spec.stdout_fd = writing.get();
  spec.stderr_fd = writing.get();
  spec.session = services::ProcessSpec::Session::Own;
  auto process = WEIR_TRY(services::Process::spawn(spec));
  writing.reset();
  const std::stop_callback on_stop(std::move(stop), [&stopping] {
    const std::uint64_t one = 1;
    (void)!::write(stopping.get(), &one, sizeof one);
  });

  LineReader lines{take};
  constexpr auto kNever = steady_clock::time_point::max();
  auto kill_at = kNever;
  // Until the program has ended: a grandchild that keeps the pipe open is not waited for.
  std::array<pollfd, 3> waiting{
      {{reading.get(), POLLIN, 0}, {process.descriptor(), POLLIN, 0}, {stopping.get(), POLLIN, 0}}};
  while ((waiting[1].revents & POLLIN) == 0) {
    int timeout_ms = -1;
    if (kill_at != kNever) {
      const auto left = std::chrono::ceil<milliseconds>(kill_at - steady_clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    if (::poll(waiting.data(), waiting.size(), timeout_ms) < 0 && errno != EINTR)
      return Error::from_errno(errno, "waiting for a program");
    if (waiting[0].revents != 0 && !lines.read_from(reading.get())) waiting[0].fd = -1;
    if (waiting[2].revents != 0) {
      waiting[2].fd = -1;
      waiting[2].revents = 0;
      process.signal(SIGINT);
      kill_at = steady_clock::now() + grace;
    }
    if (steady_clock::now() >= kill_at) {
      process.signal(SIGKILL);
      kill_at = kNever;
    }
  }
  if (waiting[0].fd >= 0) (void)lines.read_from(reading.get());
  lines.finish();
  return process.stop(milliseconds{0}, SIGKILL);
}

}  // namespace weir::dbt
