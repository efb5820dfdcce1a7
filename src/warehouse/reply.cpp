#include "warehouse/reply.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace weir::warehouse {

Result<void> Reply::fail(int status, const net::Headers& headers, std::string_view text) {
  return writer_.send(status, headers, text);
}

Result<void> Reply::write(std::span<const std::byte> bytes) {
  if (writer_.started()) return writer_.write(bytes);
  if (held_.size() + bytes.size() <= kHeldBytes) {
    held_.append(net::as_text(bytes));
    return {};
  }
  if (hold_ == Hold::Everything) {
    WEIR_TRY(hold_in_file());
    return write_all(file_.get(), net::as_text(bytes), "holding a result back");
  }
  WEIR_TRY(writer_.start(200, headers_));
  if (!held_.empty()) WEIR_TRY(writer_.write(net::as_bytes(held_)));
  held_ = {};
  return writer_.write(bytes);
}

Result<void> Reply::hold_in_file() {
  if (!file_) {
    // Without a name: gone with the process, however it ends.
    file_.reset(::open(scratch_folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) return Error::from_errno(errno, fmt::format("holding a result back in: {}", scratch_folder_.string()));
  }
  WEIR_TRY(write_all(file_.get(), held_, "holding a result back"));
  held_.clear();
  return {};
}

Result<void> Reply::send_file() {
  WEIR_TRY(hold_in_file());
  WEIR_TRY(writer_.start(200, headers_));
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "reading a held result");
  std::vector<std::byte> buffer(kHeldBytes);
  for (;;) {
    const auto got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, "reading a held result");
    if (got == 0) return writer_.finish();
    WEIR_TRY(writer_.write(std::span(buffer).first(static_cast<std::size_t>(got))));
  }
}

Result<void> Reply::finish() {
  if (spoiled_) {
    writer_.abort();
    return {};
  }
  if (file_) return send_file();
  return writer_.started() ? writer_.finish() : writer_.send(200, headers_, held_);
}

}  // namespace weir::warehouse
