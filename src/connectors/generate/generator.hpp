#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/generate/column_values.hpp"
#include "connectors/generate/random.hpp"
#include "connectors/generate/spec.hpp"
#include "data/buffer.hpp"

namespace weir::generate {

// How many rows got each of Spec::defects, by its index.
using DefectCounts = std::vector<std::uint64_t>;

// Makes the rows of one file. A row depends on the description, the variation and its number alone. Immutable: threads
// share it, each with a Scratch of its own.
class Generator {
 public:
  Generator(Spec spec, Variation variation);

  const Spec& spec() const { return spec_; }
  std::uint64_t rows() const { return variation_.rows; }

  // What a thread needs while it makes rows.
  struct Scratch {
    BlockValues values;
    std::vector<std::uint64_t> sources;
    std::vector<std::int8_t> defects;
    BlockValues one;
    std::vector<std::string> cells;
    std::string line;
  };

  void append_header(std::string& out) const;
  // Appends the rows [begin, end) as CSV (RFC 4180, LF). Counts defects up. False when a formula's value does not fit 64
  // bits.
  bool append_csv(std::uint64_t begin, std::uint64_t end, Scratch& scratch, data::BufferBuilder& out,
                  DefectCounts& counts) const;
  // The written columns' texts of the rows [begin, end), row after row, "" where a defect left nothing.
  bool append_cells(std::uint64_t begin, std::uint64_t end, Scratch& scratch, std::vector<std::string>& out,
                    DefectCounts& counts) const;

 private:
  // How a column's values are written.
  struct Cell {
    enum class Kind { Integer, Decimal, Date, Choice, Text } kind = Kind::Integer;
    std::size_t column = 0;
    int scale = 0;
    std::int64_t first_day = 0;
    std::string days;                      // ten characters a day
    std::vector<std::string> choices;      // as they are
    std::vector<std::string> csv_choices;  // as CSV writes them
    std::size_t width_max = 0;             // in CSV, with the delimiter
  };

  static constexpr std::int8_t kClean = -1;
  static constexpr std::size_t kBlockRows = 1024;

  Cell make_cell(std::size_t column) const;
  std::int8_t drawn_defect(std::uint64_t row) const;
  // The clean row before this one that a duplicate repeats; the row itself when there is none.
  std::uint64_t original_of(std::uint64_t row, const DefectSpec& defect) const;
  bool fill(std::span<const std::uint64_t> rows, BlockValues& values) const;
  // Decides and evaluates the rows of one block.
  bool fill_block(std::uint64_t begin, std::size_t rows, Scratch& scratch) const;
  char* write_value(char* out, const Cell& cell, const BlockValues& values, std::size_t row) const;
  void append_text(std::string& out, const Cell& cell, const BlockValues& values, std::size_t row) const;
  // All cells of a row as text, spoilt as decided; counts the defect if it took place.
  void make_cells(std::uint64_t number, std::size_t row, Scratch& scratch, DefectCounts& counts) const;
  // Writes the scratch's cells as a line.
  void append_slowly(Scratch& scratch, data::BufferBuilder& out) const;

  const Spec spec_;
  const Variation variation_;
  std::vector<std::unique_ptr<ColumnValues>> values_;
  std::vector<Cell> cells_;  // of every column
  std::vector<std::size_t> written_;
  std::size_t row_width_max_ = 0;
  bool needs_quotes_ = false;  // of a text pattern's column: it is written the slow way

  RandomStream defect_draw_;
  RandomStream defect_detail_;
  std::vector<std::uint64_t> defect_ends_;  // below the i-th of 2^64 a draw is one of the first i defects
};

// The text of a value, spoilt: `random` decides how. False when this value cannot be spoilt so.
struct SpoilContext {
  const ColumnSpec& column;
  std::int64_t value = 0;    // as BlockValues has it
  std::int64_t divisor = 0;  // of DefectSpec::indivisible_by; 0 without
};
bool spoil(const DefectSpec& defect, const SpoilContext& context, std::uint64_t random, std::string& text);

}  // namespace weir::generate
