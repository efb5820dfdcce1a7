#include "connectors/postgres/copy_stream.hpp"

#include "connectors/postgres/copy_encoder.hpp"

namespace weir::postgres {
namespace {

// A server that refuses a row says so at the end of a COPY, so a long load is made of several.
constexpr std::uint64_t kCopyBytesMax = 256ULL << 20;

}  // namespace

Result<std::shared_ptr<CopyStream>> CopyStream::open(Connection connection, const std::string& statements_before,
                                                     std::string copy, std::stop_token stop) {
  auto stream = std::make_shared<CopyStream>(std::move(connection), std::move(copy));
  WEIR_TRY(stream->connection_.run(statements_before, stop));
  WEIR_TRY(stream->begin(stop));
  return stream;
}

Result<void> CopyStream::begin(std::stop_token stop) {
  WEIR_TRY(connection_.start_copy_in(copy_, stop));
  copying_ = true;
  copied_bytes_ = 0;
  data::BufferBuilder header;
  CopyEncoder::append_header(header);
  return connection_.put({header.data(), header.size()}, stop);
}

Result<void> CopyStream::put(std::span<const std::byte> rows, std::stop_token stop) {
  const std::lock_guard lock{mutex_};
  if (!copying_) WEIR_TRY(begin(stop));
  WEIR_TRY(connection_.put(rows, stop));
  copied_bytes_ += rows.size();
  if (copied_bytes_ >= kCopyBytesMax) WEIR_TRY(finish(stop));
  return {};
}

Result<void> CopyStream::end(std::stop_token stop) {
  const std::lock_guard lock{mutex_};
  return copying_ ? finish(stop) : Result<void>{};
}

Result<void> CopyStream::finish(std::stop_token stop) {
  copying_ = false;
  data::BufferBuilder trailer;
  CopyEncoder::append_trailer(trailer);
  WEIR_TRY(connection_.put({trailer.data(), trailer.size()}, stop));
  WEIR_TRY(connection_.finish_copy_in(stop));
  return {};
}

}  // namespace weir::postgres
