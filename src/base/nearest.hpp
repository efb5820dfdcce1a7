#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// Edits (insert, delete, replace, swap of neighbours) between two words: the restricted Damerau-Levenshtein distance.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The known name that a mistyped one most likely means, for hints; "" when none is near (a third of its letters, at least
// two edits).
template <typename Range>
std::string nearest_name(std::string_view name, const Range& known) {
  std::string nearest;
  auto best = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : known) {
    const auto distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace weir
