#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "connectors/files/byte_input.hpp"
#include "connectors/files/text_format.hpp"
#include "flow/source.hpp"

namespace weir::files {

// A text file that is to be read.
struct TextFile {
  std::filesystem::path path;
  std::string name;  // as the user wrote it, for messages
  Compression compression = Compression::None;
  TextFormat format;
};

// What the begin of a CSV file says about the rest.
struct CsvLayout {
  std::vector<data::Field> fields;
  std::uint64_t rows_begin = 0;  // the byte that the first record behind the header begins at
  std::uint64_t rows_line = 1;   // and its line
};

// Reads the header and, where types are inferred, the sample.
Result<CsvLayout> read_csv_layout(const TextFile& file, std::stop_token stop);

// The begins of at most `wanted` parts of an uncompressed file that each begin with a record; the first is
// layout.rows_begin. Reads the whole file once to know which line breaks stand in quotes.
Result<std::vector<std::uint64_t>> split_csv(const TextFile& file, const CsvLayout& layout, std::size_t wanted,
                                             std::stop_token stop);

// The rows whose bytes begin in `range`, which begins and ends between records. `columns` are the fields that are wanted,
// by index.
Result<std::unique_ptr<flow::Reader>> open_csv(const TextFile& file, const CsvLayout& layout,
                                               const std::vector<std::size_t>& columns, ByteRange range,
                                               const flow::Limits& limits, Log& log);

// InvalidData about a line of a data file. Line 0 is unknown.
Error bad_data(const TextFile& file, std::uint64_t line, std::string message);

}  // namespace weir::files
