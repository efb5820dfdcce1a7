#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "documents/rules.hpp"
#include "documents/scalar_kinds.hpp"
#include "documents/value.hpp"

namespace weir::documents {

// Names are short, and compared for every value.
inline bool same_name(std::string_view left, std::string_view right) {
  const auto size = left.size();
  if (size != right.size()) return false;
  const auto same = [&](auto word) {
    const auto last = size - sizeof word;
    const auto at = [&](std::string_view text, std::size_t place) {
      std::memcpy(&word, text.data() + place, sizeof word);
      return word;
    };
    return at(left, 0) == at(right, 0) && at(left, last) == at(right, last);
  };
  if (size > 16) return left == right;
  if (size >= 8) return same(std::uint64_t{});
  if (size >= 4) return same(std::uint32_t{});
  return left == right;
}

// What was seen at one path. A path may have values of its own, members and elements at once.
struct ShapeNode {
  std::string name;  // the last of the path
  std::string path;
  enum class Role { Member, Element } role = Role::Member;  // an element has its list's path
  Treatment treatment = Treatment::Columns;                 // Json, Skip, or else what it is made of
  std::optional<data::Type> stated;
  ScalarKinds kinds;
  std::optional<ScalarKinds> known;  // before this load; nothing: the path is new
  std::vector<std::unique_ptr<ShapeNode>> members;
  std::unique_ptr<ShapeNode> element;  // of the lists at this path

  ShapeNode* find(std::string_view member);
  const ShapeNode* find(std::string_view member) const;
  bool has_column() const { return !kinds.empty() || stated; }
  data::Type type() const { return stated ? *stated : kinds.type(); }

 private:
  mutable std::size_t next_ = 0;  // members mostly come in the order in which they came before
};

// Everything that is known of a stream's documents: grows with each that is observed. Used by one thread.
class Shape {
 public:
  explicit Shape(Rules rules);
  Shape clone() const;
  // With what an earlier load knew; InvalidData when the text is not of to_json().
  static Result<Shape> from_json(Rules rules, const Json& json);
  Json to_json() const;

  // Why a document is against the contracts; nothing when it is not, or when they only evolve or discard values. An error
  // where they freeze.
  Result<std::optional<std::string>> check(Value& document) const;
  // Takes a document in. Its whole content is validated. User error when it has more names than a table may have columns.
  Result<void> observe(Value& document);
  // Takes in all that another one of the same rules has seen.
  void add(const Shape& other);

  const Rules& rules() const { return rules_; }
  const ShapeNode& root() const { return *root_; }
  // Grows with every name, list and kind of value that observe() has not met before.
  std::uint64_t growth() const { return growth_; }
  // Values that contracts left out so far.
  std::uint64_t discarded() const { return discarded_; }

 private:
  std::unique_ptr<ShapeNode> make_member(std::string name, std::string path) const;
  std::unique_ptr<ShapeNode> make_element(const ShapeNode& list) const;
  void state_types();
  void add(ShapeNode& node, const ShapeNode& other);
  Result<void> observe(ShapeNode& node, Value& value, int level);
  Result<void> observe_kept(ShapeNode& node, Value& value);
  Result<ShapeNode*> add_member(ShapeNode& node, std::string_view name);

  Rules rules_;
  std::unique_ptr<ShapeNode> root_;
  std::uint64_t growth_ = 0;
  std::uint64_t discarded_ = 0;
  std::string scratch_;
};

// Whether values of the kinds fit a column that was stated or known before.
bool fits(const ShapeNode& node, ScalarKinds kinds, const Value& value);
// Whether an object or a list at this level of this node is kept as json.
bool is_kept(const Rules& rules, const ShapeNode& node, Value::Kind kind, int level);

}  // namespace weir::documents
