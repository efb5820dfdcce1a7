#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "documents/scalar.hpp"
#include "documents/shape.hpp"

namespace weir::documents {

// What a column of a table is filled from.
struct TableColumn {
  enum class From {
    Node,      // the value at a path below the table
    Key,       // a value of the root that names it
    Row,       // the root's fingerprint, where it has no key
    Position,  // of a list's element, counted from 0: of this table or of one above it
  };
  From from = From::Node;
  const ShapeNode* node = nullptr;  // Node and Key
  std::size_t level = 0;            // Position: of which of the lists that lead here, outermost first
};

// One relational table that a stream's documents make.
struct Table {
  std::string path;  // "" is the root; else that of the list whose elements are the rows: "cores.landings"
  const ShapeNode* node = nullptr;
  data::Schema schema;
  std::vector<TableColumn> columns;  // a field each
  std::vector<std::string> key;      // the columns that name a row; empty when the root has none
};

// The root, then every list that has elements, parents first. The shape must live as long and change no more. The root of
// documents without a key has a column _row when there are child tables: a fingerprint, equal for equal documents.
//
// Of two lists of one path, below an object and below a list's elements that both stand there, the second is called path_2.
// Names that would be given twice: the shorter path keeps it, the other is joined by "__", and numbered if need be.
std::vector<Table> tables_of(const Shape& shape);

// How values come into a column of a table.
ColumnForm column_form(const Table& table, std::size_t column);

// The node at a path of names below the root; null when no document had it.
const ShapeNode* find_node(const Shape& shape, std::string_view path);

// The nodes from the root to the table's, each the member or the element of the one before.
std::vector<const ShapeNode*> way_to(const Shape& shape, const Table& table);

}  // namespace weir::documents
