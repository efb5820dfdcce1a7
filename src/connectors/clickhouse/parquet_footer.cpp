#include "connectors/clickhouse/parquet_footer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace weir::clickhouse {
namespace {

// Numbers of fields and values in parquet.thrift.
namespace file_field {
constexpr int kSchema = 2;
constexpr int kRows = 3;
constexpr int kGroups = 4;
}  // namespace file_field
namespace group_field {
constexpr int kColumns = 1;
constexpr int kRows = 3;
constexpr int kFileOffset = 5;
}  // namespace group_field
namespace chunk_field {
constexpr int kFilePath = 1;
constexpr int kFileOffset = 2;
constexpr int kMetaData = 3;
constexpr int kIndexFirst = 4;  // to 7: where the page indexes lie
constexpr int kIndexLast = 7;
}  // namespace chunk_field
namespace column_field {
constexpr int kCompressedBytes = 7;
constexpr int kDataOffset = 9;
constexpr int kIndexOffset = 10;
constexpr int kDictionaryOffset = 11;
constexpr int kStatistics = 12;
constexpr int kBloomOffset = 14;
constexpr int kBloomBytes = 15;
}  // namespace column_field
namespace element_field {
constexpr int kType = 1;
constexpr int kRepetition = 3;
constexpr int kName = 4;
constexpr int kChildren = 5;
constexpr int kConverted = 6;
constexpr int kLogical = 10;
}  // namespace element_field
// parquet.thrift, enum Type
constexpr int kInt32 = 1;
constexpr int kInt64 = 2;
constexpr int kByteArray = 6;
constexpr int kFixedByteArray = 7;
// parquet.thrift, union LogicalType: its field ids
constexpr int kDate = 6;
constexpr int kTime = 7;
constexpr int kTimestamp = 8;
constexpr int kJson = 12;
constexpr int kBson = 13;
// parquet.thrift, enum ConvertedType
constexpr int kConvertedDate = 6;
constexpr int kConvertedTimeMillis = 7;
constexpr int kConvertedTimeMicros = 8;
constexpr int kConvertedMillis = 9;
constexpr int kConvertedMicros = 10;
constexpr int kConvertedJson = 19;
constexpr int kConvertedBson = 20;
constexpr int kRepeated = 2;

constexpr std::uint64_t kFrameBytes = 8;  // the footer's length and the closing magic
constexpr std::uint64_t kFooterBytesMax = std::uint64_t{256} << 20;
constexpr int kDepthMax = 64;

Error broken(const std::filesystem::path& path, std::string_view what) {
  return Error::user(Code::InvalidData, "{}: {}", what, path.string());
}

Result<std::string> read_at(const Descriptor& file, std::uint64_t at, std::uint64_t count,
                            const std::filesystem::path& path) {
  std::string bytes(count, '\0');
  for (std::size_t done = 0; done < count;) {
    const auto read = ::pread(file.get(), bytes.data() + done, count - done, static_cast<off_t>(at + done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return Error::from_errno(errno, fmt::format("reading file: {}", path.string()));
    if (read == 0) return broken(path, "the file was cut while it was read");
    done += static_cast<std::size_t>(read);
  }
  return bytes;
}

struct FooterText {
  std::uint64_t begin = 0;
  std::string text;
};

Result<FooterText> read_footer(const Descriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return Error::from_errno(errno, fmt::format("reading file: {}", path.string()));
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  if (bytes < kParquetMagic.size() + kFrameBytes || WEIR_TRY(read_at(file, 0, 4, path)) != kParquetMagic) {
    return broken(path, "not a Parquet file")
        .hint("a Parquet file begins and ends with PAR1; is it another format under this name?");
  }
  const auto frame = WEIR_TRY(read_at(file, bytes - kFrameBytes, kFrameBytes, path));
  if (frame.substr(4) == "PARE")
    return broken(path, "the Parquet file is encrypted").hint("write it without encryption");
  std::uint64_t count = 0;
  for (int i = 3; i >= 0; --i) count = count << 8 | static_cast<std::uint8_t>(frame[static_cast<std::size_t>(i)]);
  if (frame.substr(4) != kParquetMagic || count == 0 || count > std::min(kFooterBytesMax, bytes - kFrameBytes - 4)) {
    return broken(path, "the Parquet file is cut off or damaged").hint("its end is missing: write or fetch it again");
  }
  const auto begin = bytes - kFrameBytes - count;
  return FooterText{begin, WEIR_TRY(read_at(file, begin, count, path))};
}

data::TimeUnit unit_of(const ThriftValue* logical_time) {
  const auto* unit = logical_time == nullptr ? nullptr : logical_time->find(2);
  if (unit != nullptr && unit->find(1) != nullptr) return data::TimeUnit::Milli;
  if (unit != nullptr && unit->find(3) != nullptr) return data::TimeUnit::Nano;
  return data::TimeUnit::Micro;
}

std::optional<data::Type> meaning_of(const ThriftValue& element) {
  const auto physical = element.number_at(element_field::kType, -1);
  const auto converted = element.number_at(element_field::kConverted, -1);
  const auto* logical = element.find(element_field::kLogical);
  const auto find = [&](int kind) { return logical == nullptr ? nullptr : logical->find(kind); };
  if (physical == kInt32 && (find(kDate) != nullptr || converted == kConvertedDate))
    return data::type_of(data::Kind::Date);
  if (physical == kInt32 && (find(kTime) != nullptr || converted == kConvertedTimeMillis)) {
    return data::time_of(data::TimeUnit::Milli);
  }
  if (physical == kInt64) {
    if (const auto* time = find(kTime)) return data::time_of(unit_of(time));
    if (converted == kConvertedTimeMicros) return data::time_of(data::TimeUnit::Micro);
    if (const auto* timestamp = find(kTimestamp)) {
      const auto* utc = timestamp->find(1);
      return data::timestamp(unit_of(timestamp), utc != nullptr && utc->type == ThriftType::True ? "UTC" : "");
    }
    if (converted == kConvertedMillis) return data::timestamp(data::TimeUnit::Milli, "UTC");
    if (converted == kConvertedMicros) return data::timestamp(data::TimeUnit::Micro, "UTC");
  }
  if (physical == kByteArray || physical == kFixedByteArray) {
    if (find(kJson) != nullptr || converted == kConvertedJson) return data::type_of(data::Kind::Json);
    const bool plain = logical == nullptr && converted == -1;
    if (plain || find(kBson) != nullptr || converted == kConvertedBson) return data::type_of(data::Kind::Binary);
  }
  return std::nullopt;
}

// The schema's elements stand in a flat list, each before its children.
class SchemaReader {
 public:
  explicit SchemaReader(const std::vector<ThriftValue>& elements) : elements_(elements) {}

  std::optional<ParquetNode> next(int depth) {
    if (at_ == elements_.size() || depth > kDepthMax) return std::nullopt;
    const auto& element = elements_[at_++];
    ParquetNode node;
    if (const auto* name = element.find(element_field::kName)) node.name = name->bytes;
    node.repeated = element.number_at(element_field::kRepetition, 0) == kRepeated;
    node.meaning = meaning_of(element);
    const auto count = element.number_at(element_field::kChildren, 0);
    for (std::int64_t i = 0; i < count; ++i) {
      auto child = next(depth + 1);
      if (!child) return std::nullopt;
      node.children.push_back(std::move(*child));
    }
    return node;
  }

 private:
  const std::vector<ThriftValue>& elements_;
  std::size_t at_ = 0;
};

// Where a column's pages begin: its dictionary stands before them. Some writers say 0 for none.
std::int64_t begin_of(const ThriftValue& column) {
  const auto data = column.number_at(column_field::kDataOffset, 0);
  const auto dictionary = column.number_at(column_field::kDictionaryOffset, 0);
  return dictionary > 0 ? std::min(data, dictionary) : data;
}

Result<RowGroup> group_of(const ThriftValue& unread, std::uint64_t footer_begin) {
  const auto group = WEIR_TRY(parse_thrift(unread.bytes));
  const auto damaged = [] { return Error::user(Code::InvalidData, "malformed row group"); };
  const auto* columns = group.find(group_field::kColumns);
  const auto rows = group.number_at(group_field::kRows, -1);
  if (columns == nullptr || columns->items.empty() || rows < 0) return damaged();
  if (rows == 0) return RowGroup{};
  RowGroup found{std::numeric_limits<std::uint64_t>::max(), 0, static_cast<std::uint64_t>(rows)};
  for (const auto& chunk : columns->items) {
    const auto* column = chunk.find(chunk_field::kMetaData);
    if (column == nullptr || chunk.find(chunk_field::kFilePath) != nullptr) {
      return Error::user(Code::Unsupported, "a Parquet file whose columns lie in other files or are encrypted");
    }
    const auto begin = begin_of(*column);
    const auto bytes = column->number_at(column_field::kCompressedBytes, -1);
    const auto end = static_cast<std::uint64_t>(begin) + static_cast<std::uint64_t>(bytes);
    if (begin < 4 || bytes < 0 || end > footer_begin) return damaged();
    found.begin = std::min(found.begin, static_cast<std::uint64_t>(begin));
    found.end = std::max(found.end, end);
  }
  return found;
}

void shift(ThriftValue& structure, int id, std::int64_t by) {
  if (auto* offset = structure.find(id); offset != nullptr && offset->number > 0) offset->number -= by;
}

// A group whose bytes begin right behind the magic; indexes, filters and statistics stay behind.
Result<ThriftValue> moved_group(const ThriftValue& unread, std::int64_t by) {
  auto group = WEIR_TRY(parse_thrift(unread.bytes));
  group.erase(group_field::kFileOffset);
  for (auto& chunk : group.find(group_field::kColumns)->items) {
    if (auto* offset = chunk.find(chunk_field::kFileOffset)) offset->number = 0;
    for (int id = chunk_field::kIndexFirst; id <= chunk_field::kIndexLast; ++id) chunk.erase(id);
    auto& column = *chunk.find(chunk_field::kMetaData);
    shift(column, column_field::kDataOffset, by);
    shift(column, column_field::kDictionaryOffset, by);
    for (const int id : {column_field::kIndexOffset, column_field::kStatistics, column_field::kBloomOffset,
                         column_field::kBloomBytes}) {
      column.erase(id);
    }
  }
  return group;
}

std::string framed(const ThriftValue& footer) {
  std::string text;
  append_thrift(text, footer);
  const auto bytes = text.size();
  for (int i = 0; i < 4; ++i) text += static_cast<char>(bytes >> 8 * i);
  text += kParquetMagic;
  return text;
}

ThriftValue logical_time(int kind, bool utc, data::TimeUnit unit) {
  const int field = unit == data::TimeUnit::Milli ? 1 : unit == data::TimeUnit::Micro ? 2 : 3;
  return ThriftValue::structure(
      {{kind,
        ThriftValue::structure({{1, ThriftValue::flag(utc)}, {2, ThriftValue::structure({{field, ThriftValue{}}})}})}});
}

void annotate_leaf(ThriftValue& element, const data::Type& type) {
  const auto say = [&](std::optional<int> converted, std::optional<ThriftValue> logical) {
    element.erase(element_field::kConverted);
    element.erase(element_field::kLogical);
    if (converted) element.set(element_field::kConverted, ThriftValue::i32(*converted));
    if (logical) element.set(element_field::kLogical, std::move(*logical));
  };
  switch (type.kind) {
    case data::Kind::Date: return say(kConvertedDate, ThriftValue::structure({{kDate, ThriftValue{}}}));
    // The older converted types say UTC: a time in no zone has none.
    case data::Kind::Time: return say(std::nullopt, logical_time(kTime, false, type.unit));
    case data::Kind::Timestamp: {
      std::optional<int> converted;
      if (!type.zone.empty() && type.unit == data::TimeUnit::Milli) converted = kConvertedMillis;
      if (!type.zone.empty() && type.unit == data::TimeUnit::Micro) converted = kConvertedMicros;
      return say(converted, logical_time(kTimestamp, !type.zone.empty(), type.unit));
    }
    case data::Kind::Binary: return say(std::nullopt, std::nullopt);
    case data::Kind::Json: return say(kConvertedJson, ThriftValue::structure({{kJson, ThriftValue{}}}));
    default: return;
  }
}

// Walks the elements of a column as ClickHouse writes them: a list is a group with a repeated group with the element.
Result<void> annotate(std::vector<ThriftValue>& elements, std::size_t& at, const data::Type& type) {
  const auto element = at++;
  const auto children = element < elements.size() ? elements[element].number_at(element_field::kChildren, 0) : -1;
  const auto expect = [&](bool holds) -> Result<void> {
    if (holds) return {};
    return Error::external(Code::InvalidData, "ClickHouse wrote another Parquet schema than expected")
        .retry(Retry::Never);
  };
  if (type.kind == data::Kind::List) {
    WEIR_TRY(expect(children == 1));
    ++at;
    return annotate(elements, at, type.children->front().type);
  }
  if (type.kind == data::Kind::Struct) {
    WEIR_TRY(expect(children == static_cast<std::int64_t>(type.children->size())));
    for (const auto& field : *type.children) WEIR_TRY(annotate(elements, at, field.type));
    return {};
  }
  WEIR_TRY(expect(children == 0));
  annotate_leaf(elements[element], type);
  return {};
}

data::Type changed_type(const data::Type& type, data::Type (*leaf)(const data::Type&)) {
  if (type.kind == data::Kind::List) {
    const auto& item = type.children->front();
    return data::list_of(changed_type(item.type, leaf), item.nullable);
  }
  if (type.kind == data::Kind::Struct) {
    auto fields = *type.children;
    for (auto& field : fields) field.type = changed_type(field.type, leaf);
    return data::struct_of(std::move(fields));
  }
  return leaf(type);
}

}  // namespace

data::Type stored_type(const data::Type& type) {
  return changed_type(type, [](const data::Type& leaf) {
    if (leaf.kind == data::Kind::Date) return data::type_of(data::Kind::Int32);
    if (leaf.kind == data::Kind::Time || leaf.kind == data::Kind::Timestamp) return data::type_of(data::Kind::Int64);
    return leaf;
  });
}

data::Type parquet_type(const data::Type& type) {
  return changed_type(type, [](const data::Type& leaf) {
    if (leaf.kind == data::Kind::Timestamp && leaf.unit == data::TimeUnit::Second) {
      return data::timestamp(data::TimeUnit::Milli, leaf.zone);
    }
    if (leaf.kind == data::Kind::Time && leaf.unit != data::TimeUnit::Nano) return data::time_of(data::TimeUnit::Micro);
    return leaf;
  });
}

Result<ParquetFooter> ParquetFooter::read(const Descriptor& file, const std::filesystem::path& path) {
  const auto text = WEIR_TRY(read_footer(file, path));
  const auto damaged = [&] {
    return broken(path, "the Parquet file's footer is damaged").hint("write or fetch the file again");
  };
  auto parsed = parse_thrift(text.text, file_field::kGroups);
  if (!parsed.ok()) return damaged();
  ParquetFooter footer;
  footer.file_ = std::move(*parsed);
  const auto* schema = footer.file_.find(file_field::kSchema);
  const auto* groups = footer.file_.find(file_field::kGroups);
  if (schema == nullptr || groups == nullptr) return damaged();
  auto root = SchemaReader(schema->items).next(0);
  if (!root || root->children.empty()) return damaged();
  footer.columns_ = std::move(root->children);
  for (const auto& group : groups->items) {
    auto found = group_of(group, text.begin);
    if (!found.ok() && found.error().code() == Code::InvalidData) return damaged();
    footer.groups_.push_back(WEIR_TRY(std::move(found)));
  }
  return footer;
}

Result<std::string> ParquetFooter::end_of_file(std::size_t first, std::size_t count) const {
  ThriftValue file = ThriftValue{};
  std::int64_t rows = 0;
  ThriftValue groups;
  groups.type = ThriftType::List;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto by = static_cast<std::int64_t>(groups_[first].begin) - static_cast<std::int64_t>(kParquetMagic.size());
    groups.items.push_back(WEIR_TRY(moved_group(file_.find(file_field::kGroups)->items[i], by)));
    rows += static_cast<std::int64_t>(groups_[i].rows);
  }
  for (const auto& field : file_.fields) {
    if (field.id < file_field::kGroups) file.fields.push_back(field);
  }
  for (auto& element : file.find(file_field::kSchema)->items) {
    if (!meaning_of(element)) continue;
    element.erase(element_field::kConverted);
    element.erase(element_field::kLogical);
  }
  if (auto* count_of_rows = file.find(file_field::kRows)) count_of_rows->number = rows;
  file.set(file_field::kGroups, std::move(groups));
  return framed(file);
}

Result<void> annotate_file(const Descriptor& file, const std::filesystem::path& path, const data::Schema& schema,
                           std::uint64_t rows) {
  const auto text = WEIR_TRY(read_footer(file, path));
  auto footer = WEIR_TRY(parse_thrift(text.text, file_field::kGroups));
  const auto held = footer.number_at(file_field::kRows, -1);
  auto* elements = footer.find(file_field::kSchema);
  if (held != static_cast<std::int64_t>(rows) || elements == nullptr) {
    return Error::external(Code::InvalidData, "ClickHouse wrote {} of {} rows into the Parquet file", held, rows);
  }
  std::size_t at = 1;  // behind the root
  for (const auto& field : schema.fields) WEIR_TRY(annotate(elements->items, at, field.type));
  const auto doing = fmt::format("writing file: {}", path.string());
  if (::ftruncate(file.get(), static_cast<off_t>(text.begin)) != 0 || ::lseek(file.get(), 0, SEEK_END) < 0) {
    return Error::from_errno(errno, doing);
  }
  return write_all(file.get(), framed(footer), doing);
}

}  // namespace weir::clickhouse
