#pragma once

#include <span>
#include <string>
#include <vector>

#include "connectors/clickhouse/column_type.hpp"
#include "data/column.hpp"
#include "net/byte_stream.hpp"

namespace weir::clickhouse {

// Writes batches in ClickHouse's Native format, revision 0, a block a call. Columns that are laid out as on the wire go
// to the sink from their own buffers. Values that the wire's type cannot hold (a date before 1900, a NULL array)
// are TypeMismatch and name their column; the stream is then cut within a block and must be given up.
class NativeEncoder {
 public:
  struct Target {
    std::string name;
    ColumnType wire;  // from wire_type() or clickhouse_type()
  };
  // A target for every column, in their order.
  explicit NativeEncoder(std::vector<Target> targets) : targets_(std::move(targets)) {}

  Result<void> write(std::span<const data::Column> columns, std::size_t rows, net::ByteSink& sink) const;

 private:
  std::vector<Target> targets_;
};

}  // namespace weir::clickhouse
