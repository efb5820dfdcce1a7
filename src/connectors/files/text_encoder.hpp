#pragma once

#include <string>

#include "connectors/files/text_format.hpp"
#include "data/batch.hpp"

namespace weir::files {

// Writes batches as the text of CSV, TSV or JSON lines; what the readers of this folder read back as it was. Immutable:
// safe from any thread.
class TextEncoder {
 public:
  TextEncoder(Format format, TextFormat options) : format_(format), options_(std::move(options)) {}

  // The header, where there is one.
  void append_header(std::string& out, const data::Schema& schema) const;
  void append_rows(std::string& out, const data::Batch& batch) const;

 private:
  void append_csv_value(std::string& out, std::string_view text) const;
  void append_csv_row(std::string& out, const data::Batch& batch, std::size_t row, std::string& scratch) const;

  Format format_;
  TextFormat options_;
};

// A whole gzip member or zstd frame; the text itself without compression. Members and frames may follow one another.
std::string compress(std::string text, Compression compression);

}  // namespace weir::files
