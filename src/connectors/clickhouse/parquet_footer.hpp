#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "connectors/clickhouse/thrift.hpp"
#include "data/type.hpp"

// A Parquet file's footer: https://github.com/apache/parquet-format, README.md "File format", LogicalTypes.md and
// src/main/thrift/parquet.thrift.
namespace weir::clickhouse {

// A node of the file's schema.
struct ParquetNode {
  std::string name;
  // What the stored integers or bytes mean where ClickHouse's own reading of them would lose something: a date of any year, a
  // time of day, a clock's reading in no zone, bytes, JSON as it was written. The server is then shown plain integers or
  // text, and their meaning is given back to them here.
  std::optional<data::Type> meaning;
  bool repeated = false;
  std::vector<ParquetNode> children;
};

// Rows that lie together in the file; a group without rows lies nowhere.
struct RowGroup {
  std::uint64_t begin = 0;  // bytes of the file
  std::uint64_t end = 0;
  std::uint64_t rows = 0;
};

class ParquetFooter {
 public:
  // InvalidData, the user's fault, when the file is not Parquet or is cut off.
  static Result<ParquetFooter> read(const Descriptor& file, const std::filesystem::path& path);

  const std::vector<ParquetNode>& columns() const { return columns_; }
  const std::vector<RowGroup>& groups() const { return groups_; }

  // What has to stand behind "PAR1" and the bytes of some neighbouring groups, moved to the file's beginning, to make a
  // Parquet file of them; meanings are taken out of its schema. No groups: a file without rows.
  Result<std::string> end_of_file(std::size_t first, std::size_t count) const;

 private:
  ThriftValue file_;  // FileMetaData, its row groups unread
  std::vector<ParquetNode> columns_;
  std::vector<RowGroup> groups_;
};

inline constexpr std::string_view kParquetMagic = "PAR1";

// The type in which a column's values go through the server on their way into a file: integers for dates and times.
data::Type stored_type(const data::Type& type);
// The type that a file can hold: Parquet has no seconds, and times of day in milliseconds have another width.
data::Type parquet_type(const data::Type& type);
// Gives the columns of a finished file, which hold stored types, the meaning of their Parquet types. The file's rows are
// what was written, else the file is not whole.
Result<void> annotate_file(const Descriptor& file, const std::filesystem::path& path, const data::Schema& schema,
                           std::uint64_t rows);

}  // namespace weir::clickhouse
