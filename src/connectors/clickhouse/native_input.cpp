#include "connectors/clickhouse/native_input.hpp"

#include <algorithm>
#include <cstring>

namespace weir::clickhouse {
namespace {

// From this size on bytes are read past the window.
constexpr std::size_t kDirectBytes = std::size_t{64} << 10;

Error cut_short() {
  return Error::external(Code::InvalidData, "the server's answer ends within a block").retry(Retry::Reconnect);
}

}  // namespace

NativeInput::NativeInput(net::ByteSource& source) : source_(source), buffer_(kWindowBytes) {}

Result<bool> NativeInput::more() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) return true;
  const auto count = WEIR_TRY(source_.read(std::span{buffer_}.subspan(end_)));
  end_ += count;
  bytes_read_ += count;
  return count != 0;
}

Result<bool> NativeInput::at_end() {
  if (begin_ != end_) return false;
  return !WEIR_TRY(more());
}

Result<void> NativeInput::read(std::byte* to, std::size_t count) {
  while (count != 0) {
    if (begin_ == end_ && count >= kDirectBytes) {
      const auto got = WEIR_TRY(source_.read({to, count}));
      if (got == 0) return cut_short();
      bytes_read_ += got;
      to += got;
      count -= got;
      continue;
    }
    if (begin_ == end_ && !WEIR_TRY(more())) return cut_short();
    const auto got = std::min(count, end_ - begin_);
    std::memcpy(to, buffer_.data() + begin_, got);
    begin_ += got;
    to += got;
    count -= got;
  }
  return {};
}

Result<std::uint64_t> NativeInput::varuint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = WEIR_TRY(this->value<std::uint8_t>());
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return Error::external(Code::InvalidData, "the server's answer holds a number of more than 64 bits");
}

Result<std::string> NativeInput::text(std::size_t bytes_max) {
  const auto size = WEIR_TRY(varuint());
  if (size > bytes_max) {
    return Error::external(Code::InvalidData, "the server's answer holds a name of {} bytes", size)
        .retry(Retry::Reconnect);
  }
  std::string text(size, '\0');
  WEIR_TRY(read(reinterpret_cast<std::byte*>(text.data()), size));
  return text;
}

}  // namespace weir::clickhouse
