#include "connectors/http/host_limits.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace weir::http {
namespace {

// Bytes that are locked. What stands in the file is another matter: the boot's id, in which the steady clock counts, and the
// next start in nanoseconds of that clock.
constexpr int kNextByte = 0;   // who is served next
constexpr int kStartByte = 1;  // whoever reads and writes the next start
constexpr int kFirstPlace = 2;
constexpr std::size_t kBootIdSize = 36;
constexpr std::size_t kTextSize = kBootIdSize + 21;

struct flock byte_range(int byte, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  return range;
}

const std::string& boot_id() {
  static const std::string kId = [] {
    auto read = read_file("/proc/sys/kernel/random/boot_id");
    auto text = read.ok() ? std::move(read).value() : std::string{};
    text.resize(kBootIdSize, '-');
    return text;
  }();
  return kId;
}

}  // namespace

Error HostLimits::failed(std::string_view doing) const {
  return Error::from_errno(errno, fmt::format("{} the limits of a host: {}", doing, path_));
}

Result<HostLimits> HostLimits::open(const std::filesystem::path& folder, const std::string& origin, int concurrency,
                                    std::chrono::microseconds interval) {
  WEIR_TRY(make_folder(folder));
  auto name = origin.substr(std::min(origin.size(), origin.find("://") + 3));
  std::ranges::replace(name, '/', '_');
  const auto path = (folder / name).string();
  Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  if (!file) return Error::from_errno(errno, "opening the limits of a host: " + path);
  return HostLimits{std::move(file), path, concurrency, interval};
}

Result<bool> HostLimits::try_lock(int byte) {
  auto range = byte_range(byte, F_WRLCK);
  if (::fcntl(file_.get(), F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return failed("locking");
}

Result<void> HostLimits::unlock(int byte) {
  auto range = byte_range(byte, F_UNLCK);
  if (::fcntl(file_.get(), F_OFD_SETLK, &range) != 0) return failed("unlocking");
  return {};
}

Result<std::optional<int>> HostLimits::take_place(SteadyTime now) {
  if (!at_hand_.empty()) {
    const int place = at_hand_.back();
    at_hand_.pop_back();
    return std::optional{place};
  }
  if (!is_next_) is_next_ = WEIR_TRY(try_lock(kNextByte));
  if (!is_next_) return std::optional<int>{};
  for (int place = 0; place < concurrency_; ++place) {
    if (taken_.contains(place) || !WEIR_TRY(try_lock(kFirstPlace + place))) continue;
    taken_.emplace(place, now);
    is_next_ = false;
    WEIR_TRY(unlock(kNextByte));
    return std::optional{place};
  }
  return std::optional<int>{};
}

Result<void> HostLimits::give_back(int place, SteadyTime now) {
  if (now - taken_.at(place) < kKeptMax) {
    at_hand_.push_back(place);
    return {};
  }
  taken_.erase(place);
  return unlock(kFirstPlace + place);
}

Result<void> HostLimits::let_go() {
  for (; !at_hand_.empty(); at_hand_.pop_back()) {
    taken_.erase(at_hand_.back());
    WEIR_TRY(unlock(kFirstPlace + at_hand_.back()));
  }
  return {};
}

Result<SteadyTime> HostLimits::reserve_start(SteadyTime now) {
  if (interval_.count() == 0) return now;
  auto range = byte_range(kStartByte, F_WRLCK);
  // Its holder reads and writes a few bytes; the lock of one that is killed meanwhile is free.
  while (::fcntl(file_.get(), F_OFD_SETLKW, &range) != 0) {
    if (errno != EINTR) return failed("locking");
  }
  char text[kTextSize];
  const auto size = ::pread(file_.get(), text, sizeof text, 0);
  if (size < 0) return failed("reading");
  auto start = now;
  const std::string_view kept{text, static_cast<std::size_t>(size)};
  if (kept.size() > kBootIdSize && kept.starts_with(boot_id())) {
    std::int64_t next = 0;
    const auto digits = kept.substr(std::min(kept.size(), kept.find_first_not_of(' ', kBootIdSize)));
    if (std::from_chars(digits.data(), digits.data() + digits.size(), next).ec == std::errc{})
      start = std::max(now, SteadyTime{std::chrono::nanoseconds{next}});
  }
  const auto next = fmt::format("{} {:20}", boot_id(), (start + interval_).time_since_epoch().count());
  if (::pwrite(file_.get(), next.data(), next.size(), 0) != static_cast<ssize_t>(next.size())) return failed("writing");
  WEIR_TRY(unlock(kStartByte));
  return start;
}

}  // namespace weir::http
