#include "connectors/files/files_source.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/json.hpp"
#include "connectors/files/bytes_reader.hpp"
#include "connectors/files/json_lines_reader.hpp"

namespace weir::files {
namespace {

// Parts below this size cost more to start than they save.
constexpr std::uint64_t kPartBytesMin = std::uint64_t{1} << 20;

// Tells a file from its successor of the same name.
struct FileVersion {
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileVersion&) const = default;
};

Result<FileVersion> file_version(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return Error::from_errno(errno, fmt::format("reading file: {}", path.string()));
  if (!S_ISREG(status.st_mode)) {
    return Error::user(Code::InvalidArgument, "not a regular file: {}", path.string());
  }
  return FileVersion{status.st_ino, static_cast<std::uint64_t>(status.st_size),
                     status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

// A partition's text: the bytes of a version of the file.
struct Part {
  ByteRange range;
  FileVersion version;

  std::string text() const {
    return to_text(Json{{"begin", range.begin},
                        {"end", range.end},
                        {"inode", version.inode},
                        {"bytes", version.bytes},
                        {"modified_ns", version.modified_ns}});
  }
  static Result<Part> parse(const flow::Partition& partition) {
    const auto json = parse_json(partition.text);
    const auto is_number = [&](const char* key) { return json->contains(key) && json->at(key).is_number_integer(); };
    if (!json.ok() || !json->is_object() || !is_number("begin") || !is_number("end") || !is_number("inode") ||
        !is_number("bytes") || !is_number("modified_ns")) {
      return Error::bug("not a partition of a file: {}", partition.text);
    }
    return Part{{json->at("begin"), json->at("end")}, {json->at("inode"), json->at("bytes"), json->at("modified_ns")}};
  }
};

Result<TextFile> text_file(const flow::OpenContext& context, const flow::ReadRequest& request, const FileKind& kind) {
  // On its own: a return from the middle of a list of initialisers would leak those before it.
  auto format = WEIR_TRY(text_format(kind.format, request.options));
  return TextFile{resolve(context.project_folder, request.stream), request.stream, kind.compression, std::move(format)};
}

Result<FileKind> kind_of(const flow::ReadRequest& request) {
  if (!request.query.empty()) {
    return Error::user(Code::Unsupported, "a file takes no query").hint("load it into a database, then query it there");
  }
  return file_kind(request.stream, request.options.text("format"));
}

Result<std::vector<std::size_t>> wanted_columns(const std::vector<data::Field>& fields,
                                                const flow::ReadRequest& request) {
  std::vector<std::size_t> wanted;
  for (const auto& name : request.columns) {
    const auto found = std::ranges::find(fields, name, &data::Field::name);
    if (found == fields.end()) {
      return Error::user(Code::NotFound, "the file has no column: {} ({})", name, request.stream);
    }
    wanted.push_back(static_cast<std::size_t>(found - fields.begin()));
  }
  if (request.columns.empty()) {
    for (std::size_t i = 0; i < fields.size(); ++i) wanted.push_back(i);
  }
  return wanted;
}

}  // namespace

FilesSource::FilesSource(flow::OpenContext context, OpenParquet open_parquet)
    : context_(std::move(context)), open_parquet_(std::move(open_parquet)) {}

Result<std::vector<flow::Stream>> FilesSource::discover(std::stop_token) { return std::vector<flow::Stream>{}; }

Result<flow::Stream> FilesSource::describe(const flow::ReadRequest& request, std::stop_token stop) {
  const auto kind = WEIR_TRY(kind_of(request));
  flow::Stream stream{request.stream, {}, {}, std::nullopt};
  if (kind.format == Format::Parquet) {
    auto codec = WEIR_TRY(open_parquet_(context_, request.options.text("clickhouse")));
    stream.schema = WEIR_TRY(codec->describe(resolve(context_.project_folder, request.stream), stop));
  } else if (kind.format == Format::Bytes) {
    WEIR_TRY(file_version(resolve(context_.project_folder, request.stream)));
    stream.schema = bytes_schema();
  } else {
    const auto file = WEIR_TRY(text_file(context_, request, kind));
    WEIR_TRY(file_version(file.path));
    stream.schema.fields = kind.format == Format::JsonLines ? WEIR_TRY(read_json_fields(file, stop))
                                                            : WEIR_TRY(read_csv_layout(file, stop)).fields;
  }
  if (request.columns.empty()) return stream;
  data::Schema schema;
  for (const auto index : WEIR_TRY(wanted_columns(stream.schema.fields, request))) {
    schema.fields.push_back(stream.schema.fields[index]);
  }
  stream.schema = std::move(schema);
  return stream;
}

Result<std::vector<flow::Partition>> FilesSource::partitions(const flow::ReadRequest& request, int wanted,
                                                             std::stop_token stop) {
  const auto kind = WEIR_TRY(kind_of(request));
  const auto version = WEIR_TRY(file_version(resolve(context_.project_folder, request.stream)));
  const Part whole{{0, version.bytes}, version};
  const bool is_plain_csv =
      (kind.format == Format::Csv || kind.format == Format::Tsv) && kind.compression == Compression::None;
  const auto parts =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max(wanted, 1)), version.bytes / kPartBytesMin);
  if (!is_plain_csv || parts < 2) return std::vector{flow::Partition{whole.text()}};

  const auto file = WEIR_TRY(text_file(context_, request, kind));
  // Where malformed rows are left out, quotes do not say for sure where a record begins.
  if (file.format.bad_records == BadRecords::Skip) return std::vector{flow::Partition{whole.text()}};
  const auto layout = WEIR_TRY(read_csv_layout(file, stop));
  const auto begins = WEIR_TRY(split_csv(file, layout, parts, stop));
  std::vector<flow::Partition> partitions;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const auto end = i + 1 < begins.size() ? begins[i + 1] : version.bytes;
    partitions.push_back({Part{{begins[i], end}, version}.text()});
  }
  return partitions;
}

Result<std::unique_ptr<flow::Reader>> FilesSource::open(const flow::ReadRequest& request,
                                                        const flow::Partition& partition,
                                                        const std::optional<flow::Checkpoint>& from,
                                                        std::stop_token stop) {
  if (from)
    return Error::user(Code::Unsupported, "a file is read as a whole, not from a checkpoint: {}", request.stream);
  const auto kind = WEIR_TRY(kind_of(request));
  if (kind.format == Format::Parquet) {
    auto codec = WEIR_TRY(open_parquet_(context_, request.options.text("clickhouse")));
    return codec->read(resolve(context_.project_folder, request.stream), request.columns, request.limits, stop);
  }
  const auto part = WEIR_TRY(Part::parse(partition));
  const auto path = resolve(context_.project_folder, request.stream);
  if (part.version != WEIR_TRY(file_version(path))) {
    return Error{Fault::External, Code::Conflict, fmt::format("the file changed while it was read: {}", request.stream)}
        .retry(Retry::Later);
  }
  if (kind.format == Format::Bytes) return open_bytes(path, part.range, request.limits);
  return open_text(WEIR_TRY(text_file(context_, request, kind)), kind.format, request, part.range, stop);
}

Result<std::unique_ptr<flow::Reader>> FilesSource::open_text(const TextFile& file, Format format,
                                                             const flow::ReadRequest& request, ByteRange range,
                                                             std::stop_token stop) {
  if (format == Format::JsonLines) {
    const auto fields = WEIR_TRY(read_json_fields(file, stop));
    return open_json_lines(file, fields, WEIR_TRY(wanted_columns(fields, request)), request.limits, *context_.log);
  }
  const auto layout = WEIR_TRY(read_csv_layout(file, stop));
  range.begin = std::max(range.begin, layout.rows_begin);
  return open_csv(file, layout, WEIR_TRY(wanted_columns(layout.fields, request)), range, request.limits, *context_.log);
}

}  // namespace weir::files
