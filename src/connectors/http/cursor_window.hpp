#pragma once

#include <compare>
#include <optional>
#include <set>
#include <string>

#include "connectors/http/api.hpp"
#include "connectors/http/page_file.hpp"

namespace weir::http {

// A value of a cursor: numbers compare as numbers, dates and instants by time, other texts byte for byte.
struct CursorValue {
  enum class Kind { Number, Time, Text } kind = Kind::Text;
  std::string text;
  double number = 0;
  std::int64_t micros = 0;

  // Nothing for null, flags, objects and lists.
  static std::optional<CursorValue> read(const ItemField& field);
  static std::optional<CursorValue> read(const Json& json);
  std::weak_ordering operator<=>(const CursorValue& other) const;
  bool operator==(const CursorValue& other) const { return std::is_eq(*this <=> other); }
};

// Which items a run of an incremental resource takes, and where the next one begins. Items at the last run's greatest value
// may have come since: they are read again, and those that were loaded are known by their fingerprints.
class CursorWindow {
 public:
  // `state` is what state() gave after the last run; null: begins at the rule's start.
  static Result<CursorWindow> open(const CursorRule& rule, const Json& state);

  enum class Verdict { Take, Skip, SkipAndStop };
  // `fingerprint` names the item among those of equal value. InvalidData where a value is missing and may not.
  Result<Verdict> judge(const ItemField& field, const std::string& fingerprint) const;
  // Counts an item that was taken towards the next run's begin.
  void advance(const ItemField& field, const std::string& fingerprint);

  // For `{cursor.from}` and `{cursor.to}`, and the parameters; "" when there is none.
  const std::string& from_text() const { return from_text_; }
  const std::string& to_text() const { return to_text_; }
  // Null when no item was ever taken.
  Json state() const;

 private:
  explicit CursorWindow(const CursorRule& rule) : rule_(&rule) {}

  const CursorRule* rule_;
  std::optional<CursorValue> begin_;  // with the lag
  std::optional<CursorValue> end_;
  std::optional<CursorValue> last_;  // of the last run
  std::set<std::string> boundary_;   // what it took of that value
  std::string from_text_;
  std::string to_text_;

  std::optional<CursorValue> greatest_;
  std::set<std::string> at_greatest_;
};

}  // namespace weir::http
