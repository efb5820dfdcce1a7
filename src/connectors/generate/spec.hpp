#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/setting.hpp"
#include "connectors/generate/formula.hpp"
#include "data/type.hpp"

namespace weir::generate {

// What a generator's description says: plain data. A column refers only to columns above it, by index.

struct Sequence {
  std::int64_t start = 1;
};
// Every value equally likely; with a scale, a decimal.
struct Uniform {
  std::int64_t from = 0;
  std::int64_t to = 0;  // inclusive
  int scale = 0;
};
// Rank r has the weight 1 / r^exponent.
struct Zipf {
  std::int64_t from = 1;
  std::int64_t to = 1;
  double exponent = 1;
  bool is_shuffled = false;  // popular values lie anywhere in the range, not at its begin
};
struct Choice {
  std::vector<std::string> values;
  std::vector<double> weights;
};
// The days up to the run's date.
struct Days {
  std::int64_t count = 365;
  bool is_ascending = false;                          // rows are in the order of their dates
  double weekday_weights[7] = {1, 1, 1, 1, 1, 1, 1};  // Monday first
  double month_weights[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  double growth = 0;  // from the first day to the last: 0.2 is a fifth more
};
// A number for every value of a key column that drifts as the date column goes on.
struct Walk {
  std::size_t key = 0;
  std::size_t date = 0;
  double from = 1;
  double to = 1;
  int scale = 2;
  double drift = 0;       // a year
  double volatility = 0;  // standard deviation of a year's change
  std::int64_t every_days = 7;
};
struct Arithmetic {
  Formula formula;
};
// Literal texts with the values of columns between them.
struct TextPattern {
  struct Piece {
    std::string literal;                // before the column
    std::optional<std::size_t> column;  // nothing in the last piece
    int width = 0;                      // numbers are padded with zeros to this width
  };
  std::vector<Piece> pieces;
};

struct ColumnSpec {
  std::string name;
  std::variant<Sequence, Uniform, Zipf, Choice, Days, Walk, Arithmetic, TextPattern> kind;
  bool is_written = true;  // else it only feeds other columns

  // The type of its values while no defect spoils them.
  data::Type type() const;
  // Digits after the point; nothing for a column that is no number.
  std::optional<int> scale() const;
};

enum class DefectKind { Duplicate, Conflict, Empty, Malformed, Negative, Unknown, Mismatch, Whitespace, Case };
constexpr int kDefectKinds = 9;

std::string_view name(DefectKind kind);

struct DefectSpec {
  DefectKind kind = DefectKind::Duplicate;
  double rate = 0;                            // share of the rows
  std::vector<std::size_t> columns;           // Conflict: those that are kept; else one of these is spoilt
  std::vector<std::string> values;            // Unknown, and Malformed where its own texts are not wanted
  std::int64_t within = 10'000;               // Duplicate, Conflict: how many rows back the original may lie
  std::optional<std::size_t> indivisible_by;  // Mismatch: the spoilt value is no multiple of this column's
};

struct Spec {
  std::vector<ColumnSpec> columns;
  std::vector<DefectSpec> defects;  // in the order of DefectKind, at most one of a kind

  // The written columns. Defects put text where numbers belong: with any of them every column is text.
  data::Schema schema() const;
};

// What is wrong in a description, with the setting's path ("columns.quantity.zipf.to").
struct SpecMistake {
  std::string path;
  Error error;
};

struct SpecOutcome {
  std::optional<Spec> spec;  // absent when there is any mistake
  std::vector<SpecMistake> mistakes;
};

// The keys of generators/*.yml: what Settings for parse_spec are validated by.
std::vector<Setting> generator_settings();
// Everything that the settings' types cannot say: names that are not there, ranges the wrong way round.
SpecOutcome parse_spec(const Settings& settings);

}  // namespace weir::generate
