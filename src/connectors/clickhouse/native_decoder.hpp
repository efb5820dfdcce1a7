#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/clickhouse/column_decoder.hpp"
#include "connectors/clickhouse/native_input.hpp"
#include "data/batch.hpp"
#include "flow/source.hpp"

namespace weir::clickhouse {

// Reads a stream in ClickHouse's Native format, revision 0 (the one that HTTP carries: src/Formats/NativeReader.cpp), as
// batches within the limits. A block is: the number of columns and of rows, then for every column its name, its type and
// its values. Memory is bounded by the server's block and a batch, so the query has to bound the server's blocks.
class NativeDecoder {
 public:
  // The full type of the column with that index, asked where the stream says "DateTime": at revision 0 the server leaves
  // out a zone that a column has.
  using FullType = std::function<Result<std::string>(std::size_t column)>;

  NativeDecoder(net::ByteSource& source, flow::Limits limits, std::string server_zone, FullType full_type);

  // What start() has found.
  enum class Start { Rows, Empty, UnknownType };
  // Reads the first block. UnknownType: the stream holds a type that is to be read as text; unknown_type() names it, and
  // the decoder is of no more use. Empty: there is no block at all, hence no schema.
  Result<Start> start();
  const std::string& unknown_type() const { return unknown_type_; }

  // Known after start() has said Rows.
  const data::SchemaPtr& schema() const { return schema_; }
  // The next batch, never empty; nothing at the end.
  Result<std::optional<data::Batch>> next();
  std::uint64_t bytes_read() const { return input_.bytes_read(); }

 private:
  struct BlockHead {
    std::uint64_t columns = 0;
    std::uint64_t rows = 0;
  };

  Result<std::optional<BlockHead>> read_head();
  Result<void> read_block(const BlockHead& head);
  Result<bool> add_column();  // of the first block; false for an unknown type
  Result<void> expect_column(std::size_t index);
  bool must_close(const BlockHead& next) const;
  std::size_t memory_bytes() const;
  data::Batch take_rows();
  // Cuts a batch that is larger than the limits into ready_.
  void cut(data::Batch batch);

  NativeInput input_;
  flow::Limits limits_;
  std::string server_zone_;
  FullType full_type_;
  std::string unknown_type_;
  std::vector<data::Field> fields_;
  std::vector<std::string> type_texts_;
  data::SchemaPtr schema_;
  std::vector<std::unique_ptr<ColumnDecoder>> columns_;
  std::size_t rows_ = 0;              // in columns_
  std::size_t last_block_bytes_ = 0;  // what the last block took in columns_
  std::optional<BlockHead> pending_;  // its columns are still to be read
  std::vector<data::Batch> ready_;    // last first
};

}  // namespace weir::clickhouse
