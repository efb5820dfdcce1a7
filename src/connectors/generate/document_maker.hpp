#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/generate/column_values.hpp"
#include "connectors/generate/random.hpp"
#include "connectors/generate/spec.hpp"
#include "data/column.hpp"

namespace weir::generate {

// The values of some rows of one scope, and of what is inside of them.
struct DocumentValues {
  struct Inside {
    std::vector<std::size_t> begins;   // of each row's elements, and the end of the last
    std::vector<std::size_t> parents;  // each element's row
    std::unique_ptr<DocumentValues> values;
  };

  std::vector<std::uint64_t> numbers;  // the rows', which their random numbers come from
  BlockValues columns;
  std::map<std::size_t, std::vector<Inside>> inside;  // of a column; Alternatives have one each
};

// Makes rows with nesting: every list, object and alternative is a scope of its own, whose rows are made in the same way as
// those of a file, many at once. An element's number follows from its row's and its position, so a document depends on the
// description, the seed and its number alone. Immutable: threads share it.
class DocumentMaker {
 public:
  // `columns` must outlive it.
  DocumentMaker(std::span<const ColumnSpec> columns, const Variation& variation);

  // Appends the rows [begin, end), a builder for each written column. False when a value does not fit 64 bits.
  bool append(std::uint64_t begin, std::uint64_t end, std::vector<data::ColumnBuilder>& builders) const;

 private:
  struct Column {
    std::unique_ptr<ColumnValues> values;
    RandomStream present;
    RandomStream odd;
    std::vector<std::unique_ptr<DocumentMaker>> inside;
  };
  using Inside = DocumentValues::Inside;

  // The columns given from outside and the numbers are there already.
  bool fill(DocumentValues& rows) const;
  bool fill_column(std::size_t column, DocumentValues& rows) const;
  // Hands the columns that the scope takes from around it to its rows, and fills the others.
  bool fill_inside(const DocumentMaker& maker, const Scope& scope, const DocumentValues& rows, Inside& inside) const;
  bool fill_elements(std::size_t column, const Elements& elements, DocumentValues& rows) const;
  bool fill_alternatives(std::size_t column, const Alternatives& alternatives, DocumentValues& rows) const;

  bool is_present(std::size_t column, const DocumentValues& rows, std::size_t row) const;
  bool is_odd(std::size_t column, const DocumentValues& rows, std::size_t row) const;
  void append(data::ColumnBuilder& out, std::size_t column, const DocumentValues& rows, std::size_t row) const;
  void append_plain(data::ColumnBuilder& out, std::size_t column, const DocumentValues& rows, std::size_t row) const;
  void append_fields(data::ColumnBuilder& out, const DocumentValues& rows, std::size_t row) const;
  void append_json(std::string& out, std::size_t column, const DocumentValues& rows, std::size_t row) const;
  void append_plain_json(std::string& out, std::size_t column, const DocumentValues& rows, std::size_t row) const;
  void append_json_fields(std::string& out, const DocumentValues& rows, std::size_t row) const;
  void append_text(std::string& out, std::size_t column, const DocumentValues& rows, std::size_t row) const;

  std::span<const ColumnSpec> specs_;
  std::vector<Column> columns_;
};

}  // namespace weir::generate
