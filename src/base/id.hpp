#pragma once

#include <compare>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace weir {

// A name that cannot be mistaken for another kind of name: RunId and CommitId do not convert into each other.
template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

using RunId = Id<struct RunTag>;
// Names one atomic change of one destination. The same id committed twice changes the destination once.
using CommitId = Id<struct CommitTag>;

// "20260301-124500-k3f9": sorts by time, short enough to type, unique by its random tail.
RunId generate_run_id(Instant now);

}  // namespace weir
