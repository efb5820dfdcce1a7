#pragma once

#include <memory>

#include "connectors/clickhouse/column_type.hpp"
#include "connectors/clickhouse/native_input.hpp"
#include "data/column.hpp"

namespace weir::clickhouse {

// Reads the values of one column, block after block, and grows one Weir column from them. A fixed-width value of the same
// layout is copied in blocks; no value costs a virtual call. After an error the decoder is of no more use.
class ColumnDecoder {
 public:
  virtual ~ColumnDecoder() = default;
  // What stands once before a column's values in every block, nested columns' included.
  virtual Result<void> read_prefix(NativeInput&) { return {}; }
  virtual Result<void> read(NativeInput& input, std::size_t rows) = 0;
  // Leaves the decoder empty and ready for the next batch.
  virtual data::Column finish() = 0;
  virtual std::size_t memory_bytes() const = 0;
};

// The type must be one that weir_type() maps.
std::unique_ptr<ColumnDecoder> make_decoder(const ColumnType& type, std::string_view server_zone);

}  // namespace weir::clickhouse
