#include "connectors/files/csv_splitter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::files {

CsvSplitter::CsvSplitter(Marks marks, std::optional<std::size_t> columns, BadRecords bad_records)
    : marks_(marks), columns_(columns), bad_records_(bad_records) {}

std::optional<BadRecord> CsvSplitter::split(char* text, std::size_t size, AtEnd at_end, CsvBlock& block) {
  text_ = text;
  size_ = size;
  block_ = &block;
  scan(text, size, marks_, scan_);
  // Every mark closes at most one value.
  if (block.spans.size() < scan_.count + 1) block.spans.resize(scan_.count + 1);
  block.lines.clear();
  block.rows = 0;
  block.consumed = 0;
  mark_ = 0;
  row_ = block.spans.data();
  begin_record(0);

  while (mark_ < scan_.count) {
    const auto at = scan_.positions[mark_];
    Step step = Step::Continue;
    if (text[at] == marks_.delimiter) {
      ++mark_;
      put({value_begin_, at});
      value_begin_ = at + 1;
    } else if (text[at] == '\n') {
      step = end_record(at);
    } else {
      step = take_quoted(at);
    }
    if (step == Step::NeedMore) break;
    if (step == Step::Bad) {
      if (bad_records_ == BadRecords::Stop) return std::exchange(problem_, std::nullopt);
      if (!skip_record()) break;
    }
    if (!columns_ && block.rows == 1) return std::nullopt;
  }
  // What remains of the block is read again together with what follows.
  line_ = record_line_;
  if (at_end == AtEnd::Yes && block.consumed < size) {
    return BadRecord{record_line_, "a quote is opened and never closed"};
  }
  return std::nullopt;
}

void CsvSplitter::begin_record(std::uint32_t at) {
  record_begin_ = at;
  record_mark_ = mark_;
  record_line_ = line_;
  value_begin_ = at;
  value_ = 0;
  escaped_.clear();
  resyncs_at_line_ = false;
  block_->consumed = at;
}

inline void CsvSplitter::put(Span span) {
  if (!columns_ || value_ < *columns_) row_[value_] = span;
  ++value_;
}

CsvSplitter::Step CsvSplitter::bad(std::string message) {
  problem_ = BadRecord{record_line_, std::move(message)};
  return Step::Bad;
}

// At a quote: the whole value up to what follows its closing quote.
CsvSplitter::Step CsvSplitter::take_quoted(std::uint32_t quote_at) {
  resyncs_at_line_ = true;
  if (quote_at != value_begin_) {
    return bad(fmt::format("value {}: a quote inside a value that does not begin with one", value_ + 1));
  }
  bool has_escapes = false;
  auto mark = mark_ + 1;
  std::uint64_t feeds = 0;
  for (;; ++mark) {
    if (mark >= scan_.count) return Step::NeedMore;
    const auto at = scan_.positions[mark];
    if (text_[at] == '\n') ++feeds;
    if (text_[at] != marks_.quote) continue;
    if (at + 1 == size_) return Step::NeedMore;
    if (text_[at + 1] != marks_.quote) break;
    has_escapes = true;
    ++mark;
  }
  const auto close = scan_.positions[mark];
  auto next = close + 1;
  if (text_[next] == '\r') ++next;
  if (next >= size_) return Step::NeedMore;
  const bool ends_record = text_[next] == '\n';
  if (!ends_record && (next != close + 1 || text_[next] != marks_.delimiter)) {
    return bad(fmt::format("value {}: something stands between its closing quote and the next delimiter", value_ + 1));
  }
  resyncs_at_line_ = false;
  line_ += feeds;
  if (has_escapes && (!columns_ || value_ < *columns_)) escaped_.push_back(row_ + value_);
  const Span span{quote_at + 1, close | Span::kQuoted};
  mark_ = mark + 1;
  if (!ends_record) {
    put(span);
    ++mark_;
    value_begin_ = next + 1;
    return Step::Continue;
  }
  // end_record puts what lies between value_begin_ and the line feed; it is told that this is the quoted value.
  put(span);
  --value_;
  value_begin_ = quote_at;
  return end_record(next);
}

CsvSplitter::Step CsvSplitter::end_record(std::uint32_t feed_at) {
  ++mark_;
  ++line_;
  auto end = feed_at;
  if (end > value_begin_ && text_[end - 1] == '\r') --end;
  const bool is_blank = end == record_begin_;
  if (is_blank && (!columns_ || *columns_ > 1)) {
    begin_record(feed_at + 1);
    return Step::Continue;
  }
  const bool was_quoted = end > value_begin_ && marks_.quote != marks_.delimiter && text_[value_begin_] == marks_.quote;
  if (was_quoted) {
    ++value_;  // already put
  } else {
    put({value_begin_, end});
  }
  if (columns_ && value_ != *columns_) {
    return bad(fmt::format("{} {} where {} are expected", value_, value_ == 1 ? "value" : "values", *columns_));
  }
  if (scan_.has_nul || scan_.has_non_ascii) {
    if (auto message = invalid_text(end)) return bad(std::move(*message));
  }
  if (!escaped_.empty()) unescape();
  block_->lines.push_back(record_line_);
  ++block_->rows;
  row_ += value_;
  const auto values = value_;
  begin_record(feed_at + 1);
  if (!columns_) value_ = values;
  return Step::Continue;
}

std::optional<std::string> CsvSplitter::invalid_text(std::uint32_t end) const {
  const std::size_t size = end - record_begin_;
  const auto at = find_invalid_text(text_ + record_begin_, size);
  if (at == size) return std::nullopt;
  std::size_t value = 0;
  while (value + 1 < value_ && row_[value].end() <= record_begin_ + at) ++value;
  const auto byte = static_cast<unsigned char>(text_[record_begin_ + at]);
  if (byte == 0) return fmt::format("value {}: a NUL byte", value + 1);
  return fmt::format("value {}: byte {:#04x} is not UTF-8", value + 1, byte);
}

void CsvSplitter::unescape() {
  for (auto* span : escaped_) {
    auto* out = text_ + span->begin;
    for (auto at = span->begin; at < span->end(); ++at) {
      if (text_[at] == marks_.quote) ++at;
      *out++ = text_[at];
    }
    span->end_and_quoted = static_cast<std::uint32_t>(out - text_) | Span::kQuoted;
  }
}

bool CsvSplitter::skip_record() {
  if (resyncs_at_line_) {
    mark_ = record_mark_;
    while (mark_ < scan_.count && text_[scan_.positions[mark_]] != '\n') ++mark_;
    if (mark_ == scan_.count) return false;
    line_ = record_line_ + 1;
    ++mark_;
  }
  ++skipped_;
  if (!first_skipped_) first_skipped_ = std::move(problem_);
  problem_.reset();
  begin_record(scan_.positions[mark_ - 1] + 1);
  return true;
}

}  // namespace weir::files
