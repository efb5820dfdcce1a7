#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::generate {

// Draws an index with given weights in constant time (A. J. Walker's alias method, in M. Vose's construction of 1991).
class AliasTable {
 public:
  // Weights are not negative and not all zero; fewer than 2^32 of them.
  explicit AliasTable(std::span<const double> weights);

  // The index for 64 random bits.
  std::uint32_t draw(std::uint64_t random) const {
    const auto slot = static_cast<std::uint32_t>((random >> 32) * slots_.size() >> 32);
    return static_cast<std::uint32_t>(random) < slots_[slot].keep ? slot : slots_[slot].other;
  }

 private:
  struct Slot {
    std::uint32_t keep;   // of 2^32: how much of the slot is its own index
    std::uint32_t other;  // the index that has the rest
  };
  std::vector<Slot> slots_;
};

}  // namespace weir::generate
