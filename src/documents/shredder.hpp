#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/batch.hpp"
#include "documents/scalar.hpp"
#include "documents/tables.hpp"

namespace weir::documents {

// Reads one document: hands its root to the function. May be called several times.
using Document = std::function<Result<void>(const TakeElement&)>;

// Turns documents into the rows of one of their tables. The shape must have observed all of them (or what contracts leave
// out is left out again), and must not change any more. Where a document repeats a name, the last value counts. Used by one
// thread.
class Shredder {
 public:
  // `wanted`: the columns' indexes in the table.
  Shredder(const Shape& shape, const Table& table, const std::vector<std::size_t>& wanted);

  // `row` is the document's fingerprint (see tables_of); `added` are further members of its root.
  Result<void> add(const Document& document, std::string_view row, const Document& added = {});

  // A row of the document's key alone, with positions of 0: what a delete of all rows of that document says.
  Result<void> add_keys(const Document& document);

  const data::SchemaPtr& schema() const { return schema_; }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }  // of the values, roughly
  // The rows so far; leaves none.
  data::Batch take();
  std::uint64_t discarded() const { return discarded_; }  // values that the contract left out
  std::uint64_t repeated() const { return repeated_; }    // values that a later one of the same name replaced

 private:
  // A value on its way into the row.
  struct Cell {
    enum class State { Empty, Set } state = State::Empty;
    Scalar scalar;
  };
  // Where the values below a node go.
  struct Target {
    const ShapeNode* node = nullptr;
    int column = -1;
    std::vector<Target> members;
    std::size_t next = 0;

    Target* find(std::string_view name);
  };

  Target make_target(const ShapeNode& node) const;
  Result<void> read_keys(const Document& document);
  Result<void> read_key(const ShapeNode& node, std::string_view path, Value& value);
  Result<void> walk(std::size_t step, Value& value, int level);
  Result<void> fill(Target& target, Value& value, int level);
  Result<void> put(Target& target, Value& value);
  Result<void> end_row();
  Result<void> append(std::size_t index, const Cell& cell);
  Result<void> read_scalar(std::size_t column, Value& value, Scalar& scalar);
  std::string& keep(std::string_view text);

  const Shape& shape_;
  const Table& table_;
  std::vector<std::size_t> wanted_;
  data::SchemaPtr schema_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<ColumnForm> forms_;  // of the wanted columns

  std::vector<const ShapeNode*> way_;  // from the root to the table's node
  Target target_;
  std::vector<Cell> cells_;                           // a wanted column each
  std::vector<std::int64_t> positions_;               // of the lists on the way
  std::vector<std::pair<std::size_t, Scalar>> keys_;  // key columns among the wanted, and this document's values
  std::string row_;
  std::deque<std::string> kept_;  // texts that the cells of this document point to
  std::size_t kept_count_ = 0;

  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t repeated_ = 0;
};

}  // namespace weir::documents
