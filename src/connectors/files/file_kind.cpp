#include "connectors/files/file_kind.hpp"

#include <optional>

namespace weir::files {
namespace {

std::optional<Format> parse_format(std::string_view name) {
  if (name == "csv") return Format::Csv;
  if (name == "tsv" || name == "tab") return Format::Tsv;
  if (name == "jsonl" || name == "ndjson") return Format::JsonLines;
  if (name == "parquet") return Format::Parquet;
  return std::nullopt;
}

// The lower-case extension without its dot.
std::string extension(const std::filesystem::path& path) {
  auto text = path.extension().string();
  if (!text.empty()) text.erase(0, 1);
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

Result<FileKind> file_kind(std::string_view path, std::string_view format) {
  // What it is compressed with is part of what it is.
  if (format == kBytesFormat) return FileKind{Format::Bytes, Compression::None};
  FileKind kind;
  std::filesystem::path inner{path};
  const auto outer = extension(inner);
  if (outer == "gz") kind.compression = Compression::Gzip;
  if (outer == "zst") kind.compression = Compression::Zstd;
  if (kind.compression != Compression::None) inner = inner.stem();
  const auto found = parse_format(format.empty() ? extension(inner) : format);
  if (!found) {
    return Error::user(Code::InvalidArgument, "unknown format of file: {}", path)
        .hint(
            "end it in .csv, .tsv, .jsonl or .parquet (then .gz or .zst), or say format: csv; bytes copies any file as "
            "it is");
  }
  kind.format = *found;
  if (kind.format == Format::Parquet && kind.compression != Compression::None) {
    return Error::user(Code::Unsupported, "Parquet compresses itself: {}", path).hint("end it in .parquet alone");
  }
  return kind;
}

std::filesystem::path resolve(const std::filesystem::path& project_folder, std::string_view path) {
  return project_folder / std::filesystem::path{path};
}

}  // namespace weir::files
