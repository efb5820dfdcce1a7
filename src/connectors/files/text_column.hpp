#pragma once

#include <span>
#include <string_view>

#include "connectors/files/csv_splitter.hpp"
#include "data/column.hpp"

namespace weir::files {

// Builds a string column from values that lie in a block of text: what data::ColumnBuilder does, a block at a time.
class TextColumn {
 public:
  TextColumn() { clear(); }

  // Takes `rows` values, `stride` spans apart. The text must be readable for kScanPadding bytes behind each value.
  // Unquoted values equal to `null_text` are null.
  void append(const char* text, const Span* spans, std::size_t stride, std::size_t rows, std::string_view null_text);
  std::size_t memory_bytes() const { return offsets_.size() + bytes_.size(); }
  // Leaves it empty and ready for the next batch.
  data::Column finish();

 private:
  void clear();
  void append_null();

  data::BufferBuilder offsets_;
  data::BufferBuilder bytes_;
  data::BufferBuilder validity_;  // made with the first null
  std::size_t rows_ = 0;
  std::size_t nulls_ = 0;
};

}  // namespace weir::files
