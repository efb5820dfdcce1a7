#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/type.hpp"

// How nested documents become rows.
//
// A path is the names that lead to a value, joined by dots; lists do not count: "cores.landing.type" is in every element
// of the list cores. What stands at a path becomes
//
//   a scalar    a column of the nearest table: its name is the path below that table, joined by "_" (device.os → device_os)
//   an object   its members, as said here
//   a list      a table of its own, a row an element; elements that are no objects stand in its column "value"
//
// or, where a rule says so, one json column (Json) or nothing (Skip). Values of several kinds may stand at one path: an
// object's members become columns, a list's elements rows, and what is neither stands in the path's own column.
//
// Types are inferred over all values of a column, and only ever widen:
//   true, false                            bool
//   integers                               int64; beyond it decimal(38,0), then decimal(76,0)
//   other numbers, also among integers     float64
//   text                                   string; with Times::Detect date or timestamp(us, UTC) when all of it is so
//   null alone                             string
//   several kinds in one column            json, and so are numbers of which float64 would lose whole digits
namespace weir::documents {

enum class Treatment { Columns, Table, Json, Skip };
enum class Times { Text, Detect };

// What happens to a value that would change what is already known of a table.
enum class Contract {
  Evolve,        // the table follows
  Freeze,        // the load fails
  DiscardRow,    // the document is left out, and kept as a reject with the reason
  DiscardValue,  // the document is loaded without the value
};

struct Contracts {
  Contract tables = Contract::Evolve;   // new lists
  Contract columns = Contract::Evolve;  // new names
  Contract types = Contract::Evolve;    // values of another type

  bool rejects() const { return is_strict(tables) || is_strict(columns) || is_strict(types); }

 private:
  static bool is_strict(Contract contract) { return contract == Contract::Freeze || contract == Contract::DiscardRow; }
};

struct Rules {
  std::string name;                        // of the root table: what key columns of its child tables begin with
  std::vector<std::string> key;            // paths of scalars in the root
  Treatment objects = Treatment::Columns;  // or Json
  Treatment lists = Treatment::Table;      // or Json
  std::map<std::string, Treatment, std::less<>> paths;  // instead of these two
  std::map<std::string, data::Type, std::less<>>
      types;  // stated by the user: values that do not fit are against the contract
  Times times = Times::Text;
  int levels_max = 12;              // objects and lists nested deeper are json
  std::size_t columns_max = 1'000;  // of one table; more is a map whose names are data
  Contracts contracts;
};

}  // namespace weir::documents
