#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/files/byte_scan.hpp"

namespace weir::files {

// Where the text of one value stands in its block.
struct Span {
  static constexpr std::uint32_t kQuoted = 1U << 31;

  std::uint32_t begin = 0;
  std::uint32_t end_and_quoted = 0;

  std::uint32_t end() const { return end_and_quoted & ~kQuoted; }
  std::uint32_t size() const { return end() - begin; }
  bool quoted() const { return (end_and_quoted & kQuoted) != 0; }
};

// The complete records at the front of a block of text.
struct CsvBlock {
  std::vector<Span> spans;           // rows × columns, row after row; more may stand behind them
  std::vector<std::uint64_t> lines;  // the line that each record begins in, counted from 1 where the text began
  std::size_t rows = 0;
  std::size_t consumed = 0;  // bytes of the block that are dealt with; the rest is the begin of a further record
};

// A record that is not as RFC 4180 has it.
struct BadRecord {
  std::uint64_t line = 0;  // as in CsvBlock
  std::string message;
};

enum class AtEnd : bool { No, Yes };
enum class BadRecords { Stop, Skip };

// Splits CSV into values by RFC 4180: values may stand in quotes, a quote inside is doubled, a quoted value may hold
// delimiters and line breaks. Lines end in LF or CR LF. Lines without anything are no records where there are several
// columns. Text is UTF-8 without NUL. Used by one thread.
class CsvSplitter {
 public:
  // Without a number of columns it takes one record with as many values as that has.
  CsvSplitter(Marks marks, std::optional<std::size_t> columns, BadRecords bad_records);

  // Splits text[0, size); the text must continue for kScanPadding bytes. Doubled quotes are made single in place. AtEnd
  // says that nothing follows; the text then ends in a line feed. Returns the record that stopped it, if any: a bad one,
  // or at the end one whose quote is never closed.
  std::optional<BadRecord> split(char* text, std::size_t size, AtEnd at_end, CsvBlock& block);

  std::uint64_t skipped() const { return skipped_; }
  const std::optional<BadRecord>& first_skipped() const { return first_skipped_; }
  // Of the one record that a splitter without a number of columns took.
  std::size_t values_in_record() const { return value_; }
  // The line that the next record begins in.
  std::uint64_t line() const { return line_; }

 private:
  enum class Step { Continue, NeedMore, Bad };

  void begin_record(std::uint32_t at);
  Step take_quoted(std::uint32_t quote_at);
  Step end_record(std::uint32_t feed_at);
  void put(Span span);
  Step bad(std::string message);
  std::optional<std::string> invalid_text(std::uint32_t end) const;
  void unescape();
  // Goes on after the bad record; false when its end is not in the block.
  bool skip_record();

  const Marks marks_;
  const std::optional<std::size_t> columns_;
  const BadRecords bad_records_;

  // The block that is being split.
  char* text_ = nullptr;
  std::size_t size_ = 0;
  CsvBlock* block_ = nullptr;
  ScanResult scan_;
  std::size_t mark_ = 0;  // the next of the scan's positions

  // The record that is being read.
  std::uint32_t record_begin_ = 0;
  std::size_t record_mark_ = 0;
  std::uint64_t record_line_ = 1;
  std::uint32_t value_begin_ = 0;
  std::size_t value_ = 0;  // values put so far
  Span* row_ = nullptr;
  std::vector<Span*> escaped_;    // values with doubled quotes
  bool resyncs_at_line_ = false;  // a stray quote: where the record ends is unknown, the next line is tried

  std::uint64_t line_ = 1;
  std::optional<BadRecord> problem_;
  std::uint64_t skipped_ = 0;
  std::optional<BadRecord> first_skipped_;
};

}  // namespace weir::files
