#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"

namespace weir::bench {

enum class Better { Higher, Lower };

// Where the reference comes from: the same run on the same machine, or a number that the project states.
enum class Reference { Measured, Stated };

// One number beside what it is compared with. The ratio says how many times better than the reference we are, so a
// figure holds when its ratio reaches the goal, whichever way its unit points.
struct Figure {
  std::string name;  // "postgres/load": the scenario's part, then what was measured
  double ours = 0;
  double reference = 0;
  double goal = 1;  // the smallest ratio that holds
  std::string unit;
  Better better = Better::Higher;
  Reference origin = Reference::Measured;
  std::string against;  // what the reference is, in words

  double ratio() const;
  bool holds() const { return ratio() >= goal; }
};

Json to_json(const Figure& figure);
// One row a figure, aligned, with a heading.
std::string table(const std::vector<Figure>& figures);

}  // namespace weir::bench
