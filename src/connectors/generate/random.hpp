#pragma once

#include <cstdint>
#include <string_view>

namespace weir::generate {

// Random numbers by counter: the number of a row depends on nothing but the seed, what it is for and the row, so that any
// row can be made at any time by any thread. SplitMix64's output function (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", 2014) over key + row × its increment.
class RandomStream {
 public:
  // `purpose` keeps streams of one seed apart: a column's name, and what of it is drawn.
  RandomStream(std::uint64_t seed, std::string_view purpose) : key_(mix(seed)) {
    for (const char c : purpose) key_ = mix(key_ ^ static_cast<unsigned char>(c));
  }

  std::uint64_t at(std::uint64_t row) const { return mix(key_ + (row + 1) * 0x9e3779b97f4a7c15U); }
  // In [0, bound); the bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t row, std::uint64_t bound) const { return scale(at(row), bound); }
  // In [0, 1), with 53 bits.
  double unit(std::uint64_t row) const { return static_cast<double>(at(row) >> 11) * 0x1.0p-53; }

  static std::uint64_t scale(std::uint64_t random, std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(random) * bound >> 64);
  }

 private:
  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
  }

  std::uint64_t key_;
};

}  // namespace weir::generate
