#include "project/nearest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.hpp"

namespace weir::project {
namespace {

constexpr std::size_t kListedMax = 12;

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  // A third of the letters may be wrong, but never all of a short word.
  auto best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto length_gap = std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
    if (length_gap >= best_distance) continue;
    const auto d = edit_distance(word, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view otherwise) {
  if (const auto found = nearest(word, candidates)) return fmt::format("did you mean {}?", *found);
  if (candidates.empty() || candidates.size() > kListedMax) return std::string{otherwise};
  return fmt::format("one of: {}", fmt::join(candidates, ", "));
}

}  // namespace weir::project
