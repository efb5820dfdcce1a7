#pragma once

#include <cstdint>
#include <memory>
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
// The days up to the run's date, or to some days before it.
struct Days {
  std::int64_t count = 365;
  std::int64_t ends_before = 0;
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

// A bell of logarithms: half of the values lie below the median, a few far above it, as waiting times do.
struct Skewed {
  double median = 1;
  double spread = 1;  // the standard deviation of the logarithm
  double from = 0;
  double to = 0;  // values outside of from and to are moved to them
  int scale = 0;
};
struct Flag {
  double rate = 0.5;  // the share of true
};
// Milliseconds since 1970-01-01 UTC: some time of a day, or so many seconds after another column.
struct Moment {
  std::size_t base = 0;  // a date or a moment
  std::optional<std::size_t> seconds;
  int seconds_scale = 0;
  std::vector<double> hour_weights;  // 24, or none: every hour alike
};

// What values look like outside: their type, and for texts of a closed list the texts, of which values are indexes.
struct Shown {
  data::Type type;
  std::vector<std::string> texts;
};
// Values that come from outside of the scope: a column above the list, an element's position.
struct Given {
  Shown shown;
};
struct Same {
  std::size_t column = 0;
  Shown shown;
};
// The sum of a column over the elements of a list so far, this one included.
struct Running {
  std::size_t column = 0;
  std::size_t position = 0;  // the column of the elements' positions
  int scale = 0;
};
// What a column of a list above has in its last element.
struct Last {
  std::size_t list = 0;
  std::size_t column = 0;
  Shown shown;
};

struct ColumnSpec;
struct Scope;
using ScopePtr = std::shared_ptr<const Scope>;

struct Record {
  ScopePtr fields;
};
// A list. Its scope begins with the columns above that it may use, then an element's position and, with words, its word.
struct Elements {
  std::size_t length = 0;          // a column of whole numbers
  bool is_worded = false;          // `length` is a column of texts instead: an element for each of their words
  std::vector<std::string> words;  // all that there are
  std::vector<std::vector<std::int64_t>> of_text;  // the words of each text, by their indexes
  ScopePtr fields;

  // The one written column where it is called "value": elements are then its values, else objects.
  const ColumnSpec* plain() const;
};
// One of several, by the text of another column. Each scope's last column is the value.
struct Alternatives {
  std::size_t column = 0;
  std::vector<std::optional<std::size_t>> of_text;  // which one; nothing: no value
  std::vector<ScopePtr> scopes;
  data::Type type;  // json where they differ
  // Where all are values of the same type; `index_of` turns each one's texts into those of `shown`.
  std::optional<Shown> shown;
  std::vector<std::vector<std::int64_t>> index_of;
};

struct ColumnSpec {
  std::string name;
  std::variant<Sequence, Uniform, Zipf, Choice, Days, Walk, Arithmetic, TextPattern, Skewed, Flag, Moment, Given, Same,
               Running, Last, Record, Elements, Alternatives>
      kind;
  bool is_written = true;  // else it only feeds other columns
  std::string path = {};   // with what it lies in, "messages.at": names its random numbers
  double present = 1;      // the share of rows that have it
  double odd_rate = 0;     // the share of those that have one of odd_values instead: JSON
  std::vector<std::string> odd_values = {};

  // The type of its values while no defect spoils them.
  data::Type type() const;
  // The same without its odd values.
  data::Type plain_type() const;
  // Digits after the point; nothing for a column that is no number.
  std::optional<int> scale() const;
  // Texts of a closed list; null for other columns.
  const std::vector<std::string>* texts() const;
  // Whether BlockValues has its values.
  bool has_values() const;
  // A list, an object, a moment or another value that only documents have.
  bool is_of_documents() const;
};

// Columns inside of another one: the first come from around it, by their indexes there.
struct Scope {
  std::vector<ColumnSpec> columns;
  std::vector<std::size_t> inherited;
};

// The most elements that a list has.
inline constexpr std::int64_t kElementsMax = 1000;

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

  // Whether rows have what lines of text do not: nesting, moments, columns that are missing or oddly typed.
  bool is_of_documents() const;
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
