#include "models/seed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <regex>
#include <vector>

#include "models/properties.hpp"

namespace weir::models {
namespace {

using Cell = std::optional<std::string>;  // absent is NULL

struct Row {
  std::vector<Cell> cells;
  int line = 0;
};

bool is_null(std::string_view text) {
  constexpr std::string_view kNull = "null";
  return text.empty() || std::ranges::equal(text, kNull, [](unsigned char a, char b) { return std::tolower(a) == b; });
}

// RFC 4180: quotes around a field, doubled inside it; lines end with LF or CRLF.
class CsvReader {
 public:
  CsvReader(std::string_view path, std::string_view text) : path_(path), text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  }

  Result<std::vector<Row>> read() {
    std::vector<Row> rows;
    while (at_ < text_.size()) {
      // A line without anything is no row; `null` or "" in a single column is one.
      const bool blank = text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
      auto row = WEIR_TRY(read_row());
      if (!blank) rows.push_back(std::move(row));
    }
    if (rows.empty()) return mistake(1, "a seed needs a line with the names of its columns");
    for (const auto& row : rows) {
      if (row.cells.size() == rows.front().cells.size()) continue;
      return mistake(row.line,
                     fmt::format("a row has {} fields, and the head {}", row.cells.size(), rows.front().cells.size()));
    }
    return rows;
  }

  Error mistake(int line, std::string message) const {
    return Error(Fault::User, Code::InvalidData, std::move(message)).at({std::string{path_}, line, 0});
  }

 private:
  Result<Row> read_row() {
    Row row{{}, line_};
    for (;;) {
      row.cells.push_back(WEIR_TRY(read_cell()));
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      if (text_.substr(at_).starts_with("\r\n")) ++at_;
      if (at_ < text_.size()) ++at_;
      ++line_;
      return row;
    }
  }

  Result<Cell> read_cell() {
    if (at_ < text_.size() && text_[at_] == '"') return read_quoted();
    const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string text{text_.substr(at_, end - at_)};
    at_ = end;
    return is_null(text) ? Cell{} : Cell{std::move(text)};
  }

  Result<Cell> read_quoted() {
    const int begin = line_;
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      const char letter = text_[at_];
      if (letter == '\n') ++line_;
      if (letter != '"') {
        text += letter;
      } else if (text_.substr(at_ + 1).starts_with('"')) {
        text += text_[++at_];
      } else {
        ++at_;
        if (at_ < text_.size() && text_.find_first_of(",\r\n", at_) != at_)
          return mistake(line_, "text follows a closing quote");
        return is_null(text) ? Cell{} : Cell{std::move(text)};
      }
    }
    return mistake(begin, "a quote is not closed");
  }

  std::string_view path_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

struct Types {
  std::string_view integer, real, date, timestamp, boolean, text;
};

// Those of dbt-clickhouse and dbt-postgres.
Types types_of(const flow::Dialect& dialect) {
  if (dialect.name() == "clickhouse") return {"Int32", "Float32", "Date", "DateTime", "Bool", "String"};
  return {"integer", "float8", "date", "timestamp without time zone", "boolean", "text"};
}

bool all_match(const std::vector<Row>& rows, std::size_t column, const std::regex& pattern) {
  return std::all_of(rows.begin() + 1, rows.end(), [&](const Row& row) {
    return !row.cells[column] || std::regex_match(*row.cells[column], pattern);
  });
}

std::string_view inferred_type(const std::vector<Row>& rows, std::size_t column, const Types& types) {
  static const std::regex kInteger(R"(\s*[-+]?\d+\s*)");
  static const std::regex kReal(R"(\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*)");
  static const std::regex kDate(R"(\d{4}-\d\d-\d\d)");
  static const std::regex kTimestamp(R"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?)");
  static const std::regex kBoolean(R"(true|false)", std::regex::icase);
  if (all_match(rows, column, kInteger)) return types.integer;
  if (all_match(rows, column, kReal)) return types.real;
  if (all_match(rows, column, kDate)) return types.date;
  if (all_match(rows, column, kTimestamp)) return types.timestamp;
  return all_match(rows, column, kBoolean) ? types.boolean : types.text;
}

struct Column {
  std::string name;
  std::string type;
};

std::string clickhouse_cell(const Cell& cell, const Column& column, const flow::Dialect& dialect) {
  const auto type = dialect.literal(column.type);
  if (cell) return fmt::format("cast({}, {})", dialect.literal(*cell), type);
  return column.type.find("Nullable(") != std::string::npos ? "NULL" : fmt::format("defaultValueOfTypeName({})", type);
}

std::string clickhouse_select(const std::vector<Row>& rows, const std::vector<Column>& columns,
                              const flow::Dialect& dialect) {
  std::string structure;
  for (const auto& column : columns) {
    structure += fmt::format("{}{} {}", structure.empty() ? "" : ", ", dialect.quote(column.name), column.type);
  }
  if (rows.size() == 1) return fmt::format("select * from null({})", dialect.literal(structure));
  auto select = fmt::format("select * from values({}", dialect.literal(structure));
  for (std::size_t row = 1; row < rows.size(); ++row) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < columns.size(); ++i)
      cells.push_back(clickhouse_cell(rows[row].cells[i], columns[i], dialect));
    select += fmt::format(",\n  tuple({})", fmt::join(cells, ", "));
  }
  return select + ")";
}

std::string standard_select(const std::vector<Row>& rows, const std::vector<Column>& columns,
                            const flow::Dialect& dialect) {
  std::vector<std::string> names;
  std::vector<std::string> casts;
  std::vector<std::string> nulls;
  for (const auto& column : columns) {
    names.push_back(dialect.quote(column.name));
    casts.push_back(fmt::format("cast(seed.{0} as {1}) as {0}", names.back(), column.type));
    nulls.push_back(fmt::format("cast(null as {1}) as {0}", names.back(), column.type));
  }
  if (rows.size() == 1) return fmt::format("select {} where false", fmt::join(nulls, ", "));
  std::vector<std::string> lines;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    std::vector<std::string> cells;
    for (const auto& cell : rows[row].cells) cells.push_back(cell ? dialect.literal(*cell) : "null");
    lines.push_back(fmt::format("({})", fmt::join(cells, ", ")));
  }
  return fmt::format("select {}\nfrom (values\n  {}) as seed ({})", fmt::join(casts, ", "), fmt::join(lines, ",\n  "),
                     fmt::join(names, ", "));
}

}  // namespace

Result<std::string> seed_select(std::string_view path, std::string_view csv, const Json& column_types,
                                const flow::Dialect& dialect) {
  CsvReader reader{path, csv};
  const auto rows = WEIR_TRY(reader.read());
  const auto types = types_of(dialect);
  std::vector<Column> columns;
  for (std::size_t i = 0; i < rows.front().cells.size(); ++i) {
    const auto& name = rows.front().cells[i];
    if (!name) return reader.mistake(rows.front().line, "a column of the seed has no name");
    auto type = text_of(column_types, *name);
    if (type.empty()) type = inferred_type(rows, i, types);
    columns.push_back({*name, std::move(type)});
  }
  return dialect.name() == "clickhouse" ? clickhouse_select(rows, columns, dialect)
                                        : standard_select(rows, columns, dialect);
}

}  // namespace weir::models
