#include "connectors/files/json_lines_reader.hpp"

#include <algorithm>
#include <utility>

#include "connectors/files/json_lines_scanner.hpp"
#include "data/text.hpp"

namespace weir::files {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kLineBytesMax = std::size_t{256} << 20;

// The lines of a file with their numbers; blank ones are passed over.
class Lines {
 public:
  Lines(const TextFile& file, std::unique_ptr<ByteInput> input)
      : file_(file), input_(std::move(input)), buffer_(kBlockBytes) {}

  // Valid until the next call; nothing at the end.
  Result<std::optional<std::string_view>> next() {
    for (;;) {
      const auto* const begin = buffer_.data() + begin_;
      const auto* const feed = static_cast<const char*>(std::memchr(begin, '\n', filled_ - begin_));
      if (feed == nullptr && !at_end_) {
        WEIR_TRY(fill());
        continue;
      }
      if (feed == nullptr && begin_ == filled_) return std::nullopt;
      const auto size = feed == nullptr ? filled_ - begin_ : static_cast<std::size_t>(feed - begin);
      begin_ += size + (feed == nullptr ? 0 : 1);
      std::string_view line{begin, size};
      constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
      if (++number_ == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
      const auto invalid = find_invalid_text(line.data(), line.size());
      if (invalid != line.size()) {
        return bad_data(file_, number_, fmt::format("byte {} of the line is NUL or not UTF-8", invalid + 1));
      }
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) return line;
    }
  }
  std::uint64_t number() const { return number_; }
  std::uint64_t bytes_taken() const { return input_->bytes_taken(); }

 private:
  Result<void> fill() {
    filled_ -= begin_;
    std::memmove(buffer_.data(), buffer_.data() + begin_, filled_);
    begin_ = 0;
    if (filled_ == buffer_.size()) {
      if (buffer_.size() >= kLineBytesMax) return bad_data(file_, number_ + 1, "a line of more than 256 MiB");
      buffer_.resize(buffer_.size() * 2);
    }
    const auto got = WEIR_TRY(input_->read(buffer_.data() + filled_, buffer_.size() - filled_));
    filled_ += got;
    at_end_ = got == 0;
    return {};
  }

  const TextFile& file_;
  std::unique_ptr<ByteInput> input_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t filled_ = 0;
  bool at_end_ = false;
  std::uint64_t number_ = 0;
};

// The narrowest type for every value that one name was seen with.
class KindsSeen {
 public:
  void observe(const JsonValue& value) {
    switch (value.kind) {
      case JsonValue::Kind::Null: break;
      case JsonValue::Kind::Bool: bool_ = true; break;
      case JsonValue::Kind::String: string_ = true; break;
      case JsonValue::Kind::Nested: nested_ = true; break;
      case JsonValue::Kind::Number: {
        number_ = true;
        data::ColumnBuilder trial{data::type_of(data::Kind::Int64)};
        if (!data::append_parsed(trial, value.text).ok()) fraction_ = true;
      }
    }
  }
  data::Type type() const {
    const int kinds = int{bool_} + int{number_} + int{string_} + int{nested_};
    if (kinds == 0) return data::type_of(data::Kind::String);
    if (kinds > 1 || nested_) return data::type_of(data::Kind::Json);
    if (bool_) return data::type_of(data::Kind::Bool);
    if (string_) return data::type_of(data::Kind::String);
    return data::type_of(fraction_ ? data::Kind::Float64 : data::Kind::Int64);
  }

 private:
  bool bool_ = false;
  bool number_ = false;
  bool fraction_ = false;
  bool string_ = false;
  bool nested_ = false;
};

std::string quoted(std::string_view text) { return to_text(Json(text)); }

class JsonLinesReader final : public flow::Reader {
 public:
  JsonLinesReader(const TextFile& file, const std::vector<data::Field>& fields, const std::vector<std::size_t>& columns,
                  const flow::Limits& limits, std::unique_ptr<ByteInput> input, Log& log)
      : file_(file), limits_(limits), lines_(file_, std::move(input)), log_(log) {
    auto schema = std::make_shared<data::Schema>();
    for (const auto index : columns) schema->fields.push_back(fields[index]);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const auto wanted = std::ranges::find(columns, i);
      const auto place = static_cast<std::size_t>(wanted - columns.begin());
      members_.push_back({fields[i].name, wanted == columns.end() ? kUnwanted : place});
    }
    for (const auto& field : schema->fields) builders_.emplace_back(field.type);
    schema_ = std::move(schema);
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return lines_.bytes_taken(); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    std::size_t rows = 0;
    std::size_t bytes = 0;
    while (rows < limits_.batch_rows && bytes < limits_.batch_bytes) {
      if (rows % 1024 == 0 && stop.stop_requested()) return Error::cancelled();
      const auto line = WEIR_TRY(lines_.next());
      if (!line) break;
      auto read = read_row(*line);
      if (!read.ok()) {
        const auto problem = bad_data(file_, lines_.number(), read.error().message());
        if (file_.format.bad_records == BadRecords::Stop) return Error{problem}.hint(read.error().hint());
        if (skipped_++ == 0) first_skipped_ = problem.text();
        continue;
      }
      ++rows;
      bytes += line->size();
    }
    if (rows == 0) {
      report_skipped();
      return std::nullopt;
    }
    std::vector<data::Column> columns;
    for (auto& builder : builders_) columns.push_back(builder.finish());
    return flow::Delivery{data::Batch{schema_, std::move(columns), rows}, std::nullopt};
  }

 private:
  static constexpr std::size_t kUnwanted = SIZE_MAX;

  struct Member {
    std::string name;
    std::size_t column;
    std::uint64_t seen_in = 0;  // the scan
  };

  // Where malformed rows are left out, each is tried first: a row is appended as a whole or not at all.
  Result<void> read_row(std::string_view line) {
    if (file_.format.bad_records == BadRecords::Skip) {
      std::vector<data::ColumnBuilder> trials;
      for (const auto& field : schema_->fields) trials.emplace_back(field.type);
      WEIR_TRY(append_row(line, trials));
    }
    return append_row(line, builders_);
  }

  Result<void> append_row(std::string_view line, std::vector<data::ColumnBuilder>& builders) {
    ++scan_;
    next_member_ = 0;
    const auto rows_before = builders.empty() ? 0 : builders.front().rows();
    WEIR_TRY(scan_json_object(
        line, [&](std::string_view name, const JsonValue& value) { return take(name, value, builders); }));
    for (auto& builder : builders) {
      if (builder.rows() == rows_before) builder.append_null();
    }
    return {};
  }

  Result<void> take(std::string_view name, const JsonValue& value, std::vector<data::ColumnBuilder>& builders) {
    auto* const member = find(name);
    if (member == nullptr) {
      return Error{Fault::External, Code::InvalidData, fmt::format("a name that no sampled row has: {}", name)}.hint(
          "sample more rows (sample_rows: 0 reads the whole file), or name it in types");
    }
    if (std::exchange(member->seen_in, scan_) == scan_) {
      return Error{Fault::External, Code::InvalidData, fmt::format("a name stands twice in one object: {}", name)};
    }
    if (member->column == kUnwanted || value.kind == JsonValue::Kind::Null) return {};
    auto& builder = builders[member->column];
    const bool is_json_string = builder.type().kind == data::Kind::Json && value.kind == JsonValue::Kind::String;
    const auto parsed = data::append_parsed(builder, is_json_string ? quoted(value.text) : std::string{value.text});
    if (parsed.ok()) return {};
    return Error{Fault::External, Code::InvalidData, fmt::format("column {}: {}", name, parsed.error().message())}.hint(
        "sample more rows (sample_rows: 0 reads the whole file), or say the column's type in types");
  }

  // Rows mostly repeat the order of the first.
  Member* find(std::string_view name) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto& member = members_[(next_member_ + i) % members_.size()];
      if (member.name != name) continue;
      next_member_ = (next_member_ + i + 1) % members_.size();
      return &member;
    }
    return nullptr;
  }

  void report_skipped() {
    if (skipped_ == 0) return;
    log_.warn("left out {} malformed {}, the first: {}", skipped_, skipped_ == 1 ? "row" : "rows", first_skipped_);
    skipped_ = 0;
  }

  const TextFile file_;
  const flow::Limits limits_;
  Lines lines_;
  Log& log_;
  data::SchemaPtr schema_;
  std::vector<Member> members_;
  std::size_t next_member_ = 0;
  std::uint64_t scan_ = 0;  // counts the objects that were scanned
  std::vector<data::ColumnBuilder> builders_;
  std::uint64_t skipped_ = 0;
  std::string first_skipped_;
};

}  // namespace

Result<std::vector<data::Field>> read_json_fields(const TextFile& file, std::stop_token stop) {
  Lines lines{file, WEIR_TRY(open_input(file.path, file.compression))};
  std::vector<data::Field> fields;
  std::vector<KindsSeen> kinds;
  for (std::size_t rows = 0; file.format.sample_rows == 0 || rows < file.format.sample_rows; ++rows) {
    if (rows % 1024 == 0 && stop.stop_requested()) return Error::cancelled();
    const auto line = WEIR_TRY(lines.next());
    if (!line) break;
    const auto read = scan_json_object(*line, [&](std::string_view name, const JsonValue& value) -> Result<void> {
      const auto found = std::ranges::find(fields, name, &data::Field::name);
      const auto index = static_cast<std::size_t>(found - fields.begin());
      if (found == fields.end()) {
        fields.push_back({std::string{name}, {}});
        kinds.emplace_back();
      }
      kinds[index].observe(value);
      return {};
    });
    if (!read.ok() && file.format.bad_records == BadRecords::Stop) {
      return bad_data(file, lines.number(), read.error().message());
    }
  }
  const bool is_inferred = file.format.types.others == TypesOption::Others::Inferred;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (is_inferred) fields[i].type = kinds[i].type();
  }
  for (const auto& [name, type] : file.format.types.given) {
    const auto found = std::ranges::find(fields, name, &data::Field::name);
    if (found == fields.end()) {
      fields.push_back({name, type});
    } else {
      found->type = type;
    }
  }
  if (fields.empty()) return bad_data(file, 0, "the file is empty").hint("name its columns in types");
  return fields;
}

Result<std::unique_ptr<flow::Reader>> open_json_lines(const TextFile& file, const std::vector<data::Field>& fields,
                                                      const std::vector<std::size_t>& columns,
                                                      const flow::Limits& limits, Log& log) {
  auto input = WEIR_TRY(open_input(file.path, file.compression));
  return std::make_unique<JsonLinesReader>(file, fields, columns, limits, std::move(input), log);
}

}  // namespace weir::files
