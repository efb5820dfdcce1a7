#include "warehouse/reply.hpp"

namespace weir::warehouse {

Result<void> Reply::fail(int status, const net::Headers& headers, std::string_view text) {
  return writer_.send(status, headers, text);
}

Result<void> Reply::write(std::span<const std::byte> bytes) {
  if (writer_.started()) return writer_.write(bytes);
  if (bytes.size() <= held_bytes_max_ - held_.size()) {
    held_.append(net::as_text(bytes));
    return {};
  }
  WEIR_TRY(writer_.start(200, headers_));
  if (!held_.empty()) WEIR_TRY(writer_.write(net::as_bytes(held_)));
  held_ = {};
  return writer_.write(bytes);
}

Result<void> Reply::finish() {
  if (spoiled_) {
    writer_.abort();
    return {};
  }
  return writer_.started() ? writer_.finish() : writer_.send(200, headers_, held_);
}

}  // namespace weir::warehouse
