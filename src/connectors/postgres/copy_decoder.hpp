#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "connectors/postgres/read_column.hpp"
#include "data/batch.hpp"

namespace weir::postgres {

// Appends one column's values from their wire form to a builder.
class FieldDecoder {
 public:
  virtual ~FieldDecoder() = default;
  // False when the value does not fit, with the reason in `problem`.
  virtual bool append(std::span<const std::byte> value, data::ColumnBuilder& builder, std::string& problem) const = 0;
};

std::unique_ptr<FieldDecoder> make_decoder(const ReadColumn& column);

// COPY … TO STDOUT (FORMAT binary) → batches. The server sends every row in a message of its own, the header in front of
// the first; so pieces never split a row.
class CopyDecoder {
 public:
  explicit CopyDecoder(std::vector<ReadColumn> columns);

  const data::SchemaPtr& schema() const { return schema_; }
  // Rows and bytes taken since the last batch.
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }

  Result<void> append(std::span<const std::byte> piece);
  data::Batch finish_batch();

 private:
  Result<void> append_row(std::span<const std::byte>& rest);
  Error problem_at(std::size_t column, std::string_view problem) const;

  std::vector<ReadColumn> columns_;
  data::SchemaPtr schema_;
  std::vector<std::unique_ptr<FieldDecoder>> decoders_;
  std::vector<data::ColumnBuilder> builders_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t rows_before_ = 0;  // in the batches that are finished
  enum class At { Header, Rows, End } at_ = At::Header;
  std::string problem_;
};

}  // namespace weir::postgres
