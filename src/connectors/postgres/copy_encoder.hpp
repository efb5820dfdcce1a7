#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "connectors/postgres/write_column.hpp"
#include "data/batch.hpp"

namespace weir::postgres {

// A value that its destination cannot hold, by its row in the column.
struct Misfit {
  std::size_t row = 0;
  std::string reason;
};

// Turns one column's values into fields of COPY BINARY rows, a block of rows at a time: first how long every field is,
// then the fields, each at the place that the rows' lengths give it.
class FieldEncoder {
 public:
  virtual ~FieldEncoder() = default;
  // Adds the field's bytes, its length in front included, to sizes[0..rows).
  virtual std::optional<Misfit> measure(const data::Column& column, std::size_t begin, std::size_t rows,
                                        std::uint32_t* sizes) = 0;
  // Writes at cursors[0..rows) and moves them behind. Follows a measure of the same rows.
  virtual void write(const data::Column& column, std::size_t begin, std::size_t rows, std::byte** cursors) = 0;
};

// Nothing when values of the type cannot be sent to such a column.
std::unique_ptr<FieldEncoder> make_encoder(const data::Type& type, const WriteColumn& column);

// Batches → COPY … FROM STDIN (FORMAT binary).
class CopyEncoder {
 public:
  // TypeMismatch, with the column's name, when a field cannot be sent.
  static Result<CopyEncoder> create(const data::Schema& schema, const std::vector<WriteColumn>& columns);

  static void append_header(data::BufferBuilder& out);
  static void append_trailer(data::BufferBuilder& out);
  // Appends rows begin..begin+rows of the batch. TypeMismatch names column and row, counted over all batches.
  Result<void> append(const data::Batch& batch, std::size_t begin, std::size_t rows, data::BufferBuilder& out);

 private:
  explicit CopyEncoder(std::vector<std::unique_ptr<FieldEncoder>> encoders) : encoders_(std::move(encoders)) {}

  std::vector<std::unique_ptr<FieldEncoder>> encoders_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::byte*> cursors_;
  std::uint64_t rows_before_ = 0;
};

}  // namespace weir::postgres
