#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace weir::project {

// A YAML value with the place where it stands. Unlike yaml-cpp's own tree it keeps the order of keys, the place of every
// node, and whether a scalar was quoted; aliases and merge keys (<<) are resolved.
struct Node {
  enum class Kind { Null, Scalar, List, Map };
  // How a scalar was written. Only plain ones can mean a number, a flag or null.
  enum class Style { Plain, Quoted, Literal, Folded };

  Kind kind = Kind::Null;
  Style style = Style::Plain;
  std::string text;         // Scalar
  std::vector<Node> keys;   // Map: scalars; keys[i] names items[i]
  std::vector<Node> items;  // List, Map
  int line = 0;             // both count from 1
  int column = 0;

  const Node* find(std::string_view key) const;
};

// Collects every mistake: malformed YAML (one, the first), duplicate keys, keys that are not text. What could be read is
// returned even then; an empty file is Null. `text` has no byte order mark.
Node parse_yaml(const std::string& file, const std::string& text, std::vector<Error>& mistakes);

// YAML 1.2's core schema: null, true/false, integers, floats; everything else is text.
Json to_json(const Node& node);
// The other way, for values that did not come from a file: every node stands nowhere.
Node from_json(const Json& json);

// "a list", "a map", "text" …: what a node is, for messages.
std::string_view describe(const Node& node);

}  // namespace weir::project
