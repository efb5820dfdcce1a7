#include "connectors/files/csv_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "connectors/files/text_column.hpp"
#include "connectors/files/type_inference.hpp"
#include "data/text.hpp"

namespace weir::files {
namespace {

// Enough to make a read cheap, little enough that the text and its marks stay in the processor's second cache.
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
// A longer record is taken for a quote that is never closed.
constexpr std::size_t kRecordBytesMax = std::size_t{64} << 20;

// One column on its way into a batch: text is copied in blocks, other types are parsed value by value.
class ColumnInput {
 public:
  ColumnInput(std::size_t index, const data::Field& field) : index_(index), name_(field.name), builder_(field.type) {
    is_text_ = field.type.kind == data::Kind::String;
  }

  std::size_t index() const { return index_; }
  const std::string& name() const { return name_; }
  bool is_text() const { return is_text_; }
  std::size_t memory_bytes() const { return is_text_ ? text_.memory_bytes() : builder_.memory_bytes(); }
  data::Column finish() { return is_text_ ? text_.finish() : builder_.finish(); }

  void append_text(const char* text, const Span* spans, std::size_t stride, std::size_t rows,
                   std::string_view null_text) {
    text_.append(text, spans, stride, rows, null_text);
  }
  Result<void> append_value(const char* text, const Span& span, std::string_view null_text) {
    const std::string_view value{text + span.begin, span.size()};
    if (!span.quoted() && value == null_text) {
      builder_.append_null();
      return {};
    }
    return data::append_parsed(builder_, value);
  }

 private:
  std::size_t index_;
  std::string name_;
  bool is_text_ = false;
  TextColumn text_;
  data::ColumnBuilder builder_;
};

class CsvReader final : public flow::Reader {
 public:
  CsvReader(const TextFile& file, const CsvLayout& layout, const std::vector<std::size_t>& columns, ByteRange range,
            const flow::Limits& limits, std::unique_ptr<ByteInput> input, Log& log)
      : file_(file),
        layout_(layout),
        range_(range),
        limits_(limits),
        input_(std::move(input)),
        log_(log),
        width_(layout.fields.size()),
        splitter_(file.format.marks, width_, file.format.bad_records),
        buffer_(kBlockBytes + kScanPadding) {
    auto schema = std::make_shared<data::Schema>();
    for (const auto index : columns) {
      schema->fields.push_back(layout.fields[index]);
      columns_.emplace_back(index, layout.fields[index]);
    }
    schema_ = std::move(schema);
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return input_->bytes_taken(); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    std::size_t rows = 0;
    while (rows < limits_.batch_rows && memory_bytes() < limits_.batch_bytes) {
      if (cursor_ == block_.rows) {
        if (stop.stop_requested()) return Error::cancelled();
        if (!WEIR_TRY(next_block())) break;
        continue;
      }
      const auto take = std::min(limits_.batch_rows - rows, block_.rows - cursor_);
      WEIR_TRY(append_rows(take));
      cursor_ += take;
      rows += take;
    }
    if (rows == 0) {
      report_skipped();
      return std::nullopt;
    }
    std::vector<data::Column> columns;
    for (auto& column : columns_) columns.push_back(column.finish());
    return flow::Delivery{data::Batch{schema_, std::move(columns), rows}, std::nullopt};
  }

 private:
  std::size_t memory_bytes() const {
    std::size_t total = 0;
    for (const auto& column : columns_) total += column.memory_bytes();
    return total;
  }

  // Reads and splits further text; false at the end.
  Result<bool> next_block() {
    cursor_ = 0;
    for (;;) {
      // What the last block left over is the begin of the next.
      filled_ -= block_.consumed;
      std::memmove(buffer_.data(), buffer_.data() + block_.consumed, filled_);
      block_.consumed = 0;
      block_.rows = 0;
      if (at_end_ && filled_ == 0) return false;
      WEIR_TRY(fill());
      if (filled_ == 0) return false;
      const auto problem = splitter_.split(buffer_.data(), filled_, at_end_ ? AtEnd::Yes : AtEnd::No, block_);
      if (problem) return bad_record(*problem);
      if (file_.format.bad_records == BadRecords::Skip) drop_malformed_rows();
      if (block_.rows != 0) return true;
    }
  }

  Result<void> fill() {
    auto capacity = buffer_.size() - kScanPadding;
    if (filled_ + 1 == capacity) {
      if (capacity >= kRecordBytesMax) {
        return bad_record({splitter_.line(), "a record of more than 64 MiB: is a quote never closed?"});
      }
      capacity *= 2;
      buffer_.resize(capacity + kScanPadding);
    }
    // One byte stays free for the line feed that a file may end without.
    while (filled_ + 1 < capacity) {
      const auto got = WEIR_TRY(input_->read(buffer_.data() + filled_, capacity - 1 - filled_));
      if (got == 0) {
        at_end_ = true;
        if (filled_ != 0 && buffer_[filled_ - 1] != '\n') buffer_[filled_++] = '\n';
        return {};
      }
      filled_ += got;
    }
    return {};
  }

  Result<void> append_rows(std::size_t rows) {
    const auto* spans = block_.spans.data() + cursor_ * width_;
    for (auto& column : columns_) {
      if (column.is_text()) {
        column.append_text(buffer_.data(), spans + column.index(), width_, rows, file_.format.null_text);
        continue;
      }
      for (std::size_t row = 0; row < rows; ++row) {
        const auto parsed =
            column.append_value(buffer_.data(), spans[row * width_ + column.index()], file_.format.null_text);
        if (parsed.ok()) continue;
        return bad_record(
                   {block_.lines[cursor_ + row], fmt::format("column {}: {}", column.name(), parsed.error().message())})
            .hint(fmt::format(
                "correct the file, give the column another type (types: {{{}: string}}), or leave such rows "
                "out with on_error: skip",
                column.name()));
      }
    }
    return {};
  }

  // Takes the rows with values that their columns' types do not hold out of the block.
  void drop_malformed_rows() {
    std::vector<ColumnInput> trials;
    for (const auto& column : columns_) {
      if (!column.is_text()) trials.emplace_back(column.index(), layout_.fields[column.index()]);
    }
    if (trials.empty()) return;
    std::size_t kept = 0;
    for (std::size_t row = 0; row < block_.rows; ++row) {
      const auto* spans = block_.spans.data() + row * width_;
      const auto malformed = find_malformed(trials, spans);
      if (malformed) {
        note_malformed({block_.lines[row], *malformed});
        continue;
      }
      std::copy_n(spans, width_, block_.spans.begin() + static_cast<std::ptrdiff_t>(kept * width_));
      block_.lines[kept++] = block_.lines[row];
    }
    block_.rows = kept;
  }

  std::optional<std::string> find_malformed(std::vector<ColumnInput>& trials, const Span* spans) {
    for (auto& trial : trials) {
      const auto parsed = trial.append_value(buffer_.data(), spans[trial.index()], file_.format.null_text);
      if (!parsed.ok()) return fmt::format("column {}: {}", trial.name(), parsed.error().message());
    }
    return std::nullopt;
  }

  void note_malformed(BadRecord record) {
    ++malformed_;
    if (!first_malformed_) first_malformed_ = std::move(record);
  }

  // The message about a line of this part of the file: lines before it are counted only now that they matter.
  Error bad_record(const BadRecord& record) {
    auto line = lines_before();
    if (!line.ok()) return std::move(line).error();
    return bad_data(file_, *line + record.line - 1, record.message);
  }

  // The line that this reader's range begins in.
  Result<std::uint64_t> lines_before() {
    if (range_.begin == layout_.rows_begin) return layout_.rows_line;
    auto input = WEIR_TRY(open_input(file_.path, Compression::None, {0, range_.begin}));
    std::vector<char> block(kBlockBytes);
    std::uint64_t lines = 1;
    while (const auto got = WEIR_TRY(input->read(block.data(), block.size())))
      lines += count_byte(block.data(), got, '\n');
    return lines;
  }

  void report_skipped() {
    const auto skipped = splitter_.skipped() + malformed_;
    if (skipped == 0 || std::exchange(reported_, true)) return;
    const auto& record = splitter_.first_skipped();
    const auto& first =
        !first_malformed_ || (record && record->line < first_malformed_->line) ? *record : *first_malformed_;
    log_.warn("left out {} malformed {}, the first: {}", skipped, skipped == 1 ? "row" : "rows",
              bad_record(first).text());
  }

  const TextFile file_;
  const CsvLayout layout_;
  const ByteRange range_;
  const flow::Limits limits_;
  std::unique_ptr<ByteInput> input_;
  Log& log_;
  const std::size_t width_;  // values in a record
  CsvSplitter splitter_;
  data::SchemaPtr schema_;
  std::vector<ColumnInput> columns_;

  std::vector<char> buffer_;
  std::size_t filled_ = 0;
  bool at_end_ = false;
  CsvBlock block_;
  std::size_t cursor_ = 0;  // the block's rows that are in batches

  std::uint64_t malformed_ = 0;
  std::optional<BadRecord> first_malformed_;
  bool reported_ = false;
};

// The file's begin: enough for any header.
constexpr std::size_t kHeaderBytesMax = std::size_t{1} << 20;

Result<std::vector<std::string>> header_names(const TextFile& file, const CsvBlock& block, const char* text,
                                              std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name{text + block.spans[i].begin, block.spans[i].size()};
    if (name.empty()) return bad_data(file, 1, fmt::format("the header leaves column {} without a name", i + 1));
    if (std::ranges::find(names, name) != names.end()) {
      return bad_data(file, 1, fmt::format("the header names a column twice: {}", name));
    }
    names.push_back(std::move(name));
  }
  return names;
}

// Infers the types that the user did not give from the first rows.
Result<void> infer_types(const TextFile& file, CsvLayout& layout, std::stop_token stop) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    if (!file.format.types.given.contains(layout.fields[i].name)) columns.push_back(i);
  }
  std::vector<TypeInference> inferences(columns.size());
  auto reader = WEIR_TRY(open_csv(file, layout, columns, {layout.rows_begin, UINT64_MAX}, {}, silent_log()));
  const auto wanted = file.format.sample_rows == 0 ? SIZE_MAX : file.format.sample_rows;
  std::size_t seen = 0;
  while (seen < wanted) {
    const auto delivery = WEIR_TRY(reader->next(stop));
    if (!delivery) break;
    const auto rows = std::min(delivery->batch.rows(), wanted - seen);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& column = delivery->batch.column(i);
      for (std::size_t row = 0; row < rows; ++row) {
        if (!column.is_null(row)) inferences[i].observe(column.text(row));
      }
    }
    seen += rows;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) layout.fields[columns[i]].type = inferences[i].type();
  return {};
}

}  // namespace

Error bad_data(const TextFile& file, std::uint64_t line, std::string message) {
  return Error{Fault::External, Code::InvalidData, std::move(message)}.at({file.name, static_cast<int>(line), 0});
}

Result<CsvLayout> read_csv_layout(const TextFile& file, std::stop_token stop) {
  auto input = WEIR_TRY(open_input(file.path, file.compression));
  std::vector<char> head(kHeaderBytesMax + kScanPadding);
  std::size_t size = 0;
  AtEnd at_end = AtEnd::No;
  while (size < kHeaderBytesMax - 1 && at_end == AtEnd::No) {
    const auto got = WEIR_TRY(input->read(head.data() + size, kHeaderBytesMax - 1 - size));
    size += got;
    if (got == 0) at_end = AtEnd::Yes;
  }
  const std::string_view text{head.data(), size};
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return bad_data(file, 1, "the file is UTF-16").hint("save it as UTF-8");
  }
  CsvLayout layout;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const std::size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  if (at_end == AtEnd::Yes && size > begin && head[size - 1] != '\n') head[size++] = '\n';

  CsvSplitter splitter{file.format.marks, std::nullopt, BadRecords::Stop};
  CsvBlock block;
  const auto problem = splitter.split(head.data() + begin, size - begin, at_end, block);
  if (problem) return bad_data(file, problem->line, problem->message);
  if (block.rows == 0) {
    if (at_end == AtEnd::No) return bad_data(file, 1, "the first line is longer than 1 MiB");
    if (file.format.names.empty()) return bad_data(file, 0, "the file is empty: it has not even a header");
  }
  const auto width = block.rows == 0 ? file.format.names.size() : splitter.values_in_record();
  layout.rows_begin = begin;
  std::vector<std::string> names;
  if (file.format.has_header && block.rows != 0) {
    names = WEIR_TRY(header_names(file, block, head.data() + begin, width));
    layout.rows_begin = begin + block.consumed;
    layout.rows_line = splitter.line();
  } else {
    for (std::size_t i = 0; i < width; ++i) names.push_back(fmt::format("column{}", i + 1));
  }
  if (!file.format.names.empty()) {
    if (file.format.names.size() != width) {
      return Error::user(Code::InvalidArgument, "names: {} are given for a file of {} columns: {}",
                         file.format.names.size(), width, file.name);
    }
    names = file.format.names;
  }
  for (auto& name : names) layout.fields.push_back({std::move(name), data::type_of(data::Kind::String)});
  for (const auto& [name, type] : file.format.types.given) {
    const auto found = std::ranges::find(layout.fields, name, &data::Field::name);
    if (found == layout.fields.end()) {
      return Error::user(Code::NotFound, "types: the file has no column: {} ({})", name, file.name);
    }
    found->type = type;
  }
  if (file.format.types.others == TypesOption::Others::Inferred) WEIR_TRY(infer_types(file, layout, stop));
  return layout;
}

Result<std::vector<std::uint64_t>> split_csv(const TextFile& file, const CsvLayout& layout, std::size_t wanted,
                                             std::stop_token stop) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file.path, error);
  if (error) return Error::from_errno(error.value(), fmt::format("reading file: {}", file.path.string()));
  std::vector<std::uint64_t> begins{layout.rows_begin};
  if (size <= layout.rows_begin || wanted < 2) return begins;

  const bool has_quotes = file.format.marks.quote != file.format.marks.delimiter;
  auto input = WEIR_TRY(open_input(file.path, Compression::None, {layout.rows_begin, size}));
  std::vector<char> block(kBlockBytes);
  std::uint64_t at = layout.rows_begin;
  bool in_quotes = false;
  const auto target = [&] { return layout.rows_begin + (size - layout.rows_begin) * begins.size() / wanted; };
  while (begins.size() < wanted) {
    if (stop.stop_requested()) return Error::cancelled();
    const auto got = WEIR_TRY(input->read(block.data(), block.size()));
    if (got == 0) break;
    std::size_t taken = 0;
    while (taken < got && begins.size() < wanted) {
      // Up to the target only the parity of quotes matters; from there on the first line break outside of quotes.
      const auto skip = std::min<std::uint64_t>(got - taken, target() > at + taken ? target() - at - taken : 0);
      if (has_quotes && count_byte(block.data() + taken, skip, file.format.marks.quote) % 2 != 0)
        in_quotes = !in_quotes;
      taken += skip;
      for (; taken < got && at + taken >= target(); ++taken) {
        if (has_quotes && block[taken] == file.format.marks.quote) in_quotes = !in_quotes;
        if (block[taken] != '\n' || in_quotes) continue;
        const auto begin = at + ++taken;
        if (begin < size) begins.push_back(begin);
        break;
      }
    }
    at += got;
  }
  return begins;
}

Result<std::unique_ptr<flow::Reader>> open_csv(const TextFile& file, const CsvLayout& layout,
                                               const std::vector<std::size_t>& columns, ByteRange range,
                                               const flow::Limits& limits, Log& log) {
  auto input =
      WEIR_TRY(open_input(file.path, file.compression, file.compression == Compression::None ? range : ByteRange{}));
  if (file.compression != Compression::None) {
    // Compressed text has no places to begin at: the header is read over.
    std::vector<char> header(layout.rows_begin);
    for (std::size_t at = 0; at < header.size();) {
      const auto got = WEIR_TRY(input->read(header.data() + at, header.size() - at));
      if (got == 0) return bad_data(file, 0, "the file changed while it was read");
      at += got;
    }
  }
  return std::make_unique<CsvReader>(file, layout, columns, range, limits, std::move(input), log);
}

}  // namespace weir::files
