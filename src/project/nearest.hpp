#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::project {

// The candidate that a mistyped word most likely meant: within an edit distance of a third of the word's length. Nothing when
// none is that near.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

// A hint from it: "did you mean name?", else "one of: a, b, c", else `otherwise` when there are no or too many to list.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view otherwise = {});

// The names of records with a `name` member, for the two above.
template <typename Range>
std::vector<std::string_view> names_of(const Range& records) {
  std::vector<std::string_view> names;
  for (const auto& record : records) names.push_back(record.name);
  return names;
}

}  // namespace weir::project
