#include "connectors/generate/alias_table.hpp"

#include <algorithm>
#include <numeric>

namespace weir::generate {

AliasTable::AliasTable(std::span<const double> weights) : slots_(weights.size()) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> share(weights.size());  // 1 is exactly one slot
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < share.size(); ++i) {
    share[i] = weights[i] / total * static_cast<double>(weights.size());
    (share[i] < 1 ? small : large).push_back(i);
  }
  const auto keep = [](double part) {
    return static_cast<std::uint32_t>(std::clamp(part * 0x1.0p32, 0.0, 0x1.0p32 - 1));
  };
  while (!small.empty() && !large.empty()) {
    const auto poor = small.back();
    const auto rich = large.back();
    small.pop_back();
    slots_[poor] = {keep(share[poor]), rich};
    share[rich] -= 1 - share[poor];
    if (share[rich] >= 1) continue;
    large.pop_back();
    small.push_back(rich);
  }
  for (const auto i : large) slots_[i] = {0, i};
  // What rounding leaves over: the heaviest index takes it, so that a weight of zero is never drawn.
  const auto heaviest = static_cast<std::uint32_t>(std::ranges::max_element(weights) - weights.begin());
  for (const auto i : small) slots_[i] = {keep(share[i]), heaviest};
}

}  // namespace weir::generate
