#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>

#include "connectors/postgres/connection.hpp"

namespace weir::postgres {

// One COPY … FROM STDIN (FORMAT binary) into which one or several writers put whole rows. Thread-safe.
class CopyStream {
 public:
  // `statements_before` open what the COPY stands in; `copy` is the COPY statement.
  static Result<std::shared_ptr<CopyStream>> open(Connection connection, const std::string& statements_before,
                                                  std::string copy, std::stop_token stop);
  CopyStream(Connection connection, std::string copy) : connection_(std::move(connection)), copy_(std::move(copy)) {}

  Result<void> put(std::span<const std::byte> rows, std::stop_token stop);
  // Ends the COPY: the server has taken every row. A later put begins another one in the same transaction.
  Result<void> end(std::stop_token stop);

  // When nobody puts any more.
  Connection& connection() { return connection_; }

 private:
  Result<void> begin(std::stop_token stop);
  Result<void> finish(std::stop_token stop);

  std::mutex mutex_;  // guards everything below while rows are put
  Connection connection_;
  const std::string copy_;
  std::uint64_t copied_bytes_ = 0;  // since the COPY began
  bool copying_ = false;
};

}  // namespace weir::postgres
