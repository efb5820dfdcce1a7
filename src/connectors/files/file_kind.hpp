#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weir::files {

// Bytes: whatever it is, taken as it is.
enum class Format { Csv, Tsv, JsonLines, Parquet, Bytes };
enum class Compression { None, Gzip, Zstd };

// The format's name that no file ends in.
inline constexpr std::string_view kBytesFormat = "bytes";

// How a file is written: "sales.csv.gz" is CSV in gzip.
struct FileKind {
  Format format = Format::Csv;
  Compression compression = Compression::None;

  bool operator==(const FileKind&) const = default;
};

// By the path's extensions; `format` ("csv", "tsv", "jsonl", "parquet", "bytes"), when not empty, overrules the inner one.
// InvalidArgument when neither says it.
Result<FileKind> file_kind(std::string_view path, std::string_view format);

// A path as the user wrote it, relative to the project's folder unless it is absolute.
std::filesystem::path resolve(const std::filesystem::path& project_folder, std::string_view path);

}  // namespace weir::files
