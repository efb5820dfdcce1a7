#include "net/city_hash.hpp"

#include <bit>
#include <cstring>
#include <utility>

namespace weir::net {
namespace {

static_assert(std::endian::native == std::endian::little, "the hash reads its input as little-endian words");

// The algorithm's multipliers: primes between 2^63 and 2^64.
constexpr std::uint64_t kPrime0 = 0xc3a5c85c97cb3127;
constexpr std::uint64_t kPrime1 = 0xb492b66fbe98f273;
constexpr std::uint64_t kPrime2 = 0x9ae16a3b2f90404f;
constexpr std::uint64_t kPrime3 = 0xc949d7c7509e6557;
constexpr std::uint64_t kMurmur = 0x9ddfea08eb382d69;

struct Pair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

template <typename Word>
std::uint64_t load(const std::byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
std::uint64_t load64(const std::byte* at) { return load<std::uint64_t>(at); }
std::uint64_t load32(const std::byte* at) { return load<std::uint32_t>(at); }

// CityHash rotates to the right.
std::uint64_t rotate(std::uint64_t value, int bits) { return std::rotr(value, bits); }

std::uint64_t mix(std::uint64_t value) { return value ^ (value >> 47); }

std::uint64_t combine(std::uint64_t low, std::uint64_t high) {
  const std::uint64_t a = mix((low ^ high) * kMurmur);
  return mix((high ^ a) * kMurmur) * kMurmur;
}

std::uint64_t hash_up_to_16(const std::byte* at, std::size_t size) {
  if (size > 8) {
    const auto first = load64(at);
    const auto last = load64(at + size - 8);
    return combine(first, rotate(last + size, static_cast<int>(size))) ^ last;
  }
  if (size >= 4) return combine(size + (load32(at) << 3), load32(at + size - 4));
  if (size == 0) return kPrime2;
  const auto first = std::to_integer<std::uint32_t>(at[0]);
  const auto middle = std::to_integer<std::uint32_t>(at[size >> 1]);
  const auto last = std::to_integer<std::uint32_t>(at[size - 1]);
  const std::uint32_t y = first + (middle << 8);
  const std::uint32_t z = static_cast<std::uint32_t>(size) + (last << 2);
  return mix(y * kPrime2 ^ z * kPrime3) * kPrime2;
}

// Folds 32 bytes into a pair of seeds.
Pair fold_32(const std::byte* at, std::uint64_t a, std::uint64_t b) {
  const auto z = load64(at + 24);
  a += load64(at);
  b = rotate(b + a + z, 21);
  const auto c = a;
  a += load64(at + 8) + load64(at + 16);
  b += rotate(a, 44);
  return {a + z, b + c};
}

// The whole hash for fewer than 128 bytes.
Hash128 murmur(const std::byte* at, std::size_t size, Hash128 seed) {
  std::uint64_t a = seed.low;
  std::uint64_t b = seed.high;
  std::uint64_t c = 0;
  std::uint64_t d = 0;
  if (size <= 16) {
    a = mix(a * kPrime1) * kPrime1;
    c = b * kPrime1 + hash_up_to_16(at, size);
    d = mix(a + (size >= 8 ? load64(at) : c));
  } else {
    c = combine(load64(at + size - 8) + kPrime1, a);
    d = combine(b + size, c + load64(at + size - 16));
    a += d;
    // Steps of 16 over all but the last 1 to 16 bytes, which c and d already hold.
    for (const auto* end = at + size - 16; at < end; at += 16) {
      a = (a ^ mix(load64(at) * kPrime1) * kPrime1) * kPrime1;
      b ^= a;
      c = (c ^ mix(load64(at + 8) * kPrime1) * kPrime1) * kPrime1;
      d ^= c;
    }
  }
  a = combine(a, c);
  b = combine(d, b);
  return {a ^ b, combine(b, a)};
}

struct State {
  std::uint64_t x = 0;
  std::uint64_t y = 0;
  std::uint64_t z = 0;
  Pair v;
  Pair w;

  void step_64(const std::byte* at) {
    x = rotate(x + y + v.first + load64(at + 16), 37) * kPrime1;
    y = rotate(y + v.second + load64(at + 48), 42) * kPrime1;
    x ^= w.second;
    y ^= v.first;
    z = rotate(z ^ w.first, 33);
    v = fold_32(at, v.second * kPrime1, x + w.first);
    w = fold_32(at + 32, z + w.second, y);
    std::swap(z, x);
  }
};

Hash128 hash_with_seed(const std::byte* at, std::size_t size, Hash128 seed) {
  if (size < 128) return murmur(at, size, seed);
  State s;
  s.x = seed.low;
  s.y = seed.high;
  s.z = size * kPrime1;
  s.v.first = rotate(s.y ^ kPrime1, 49) * kPrime1 + load64(at);
  s.v.second = rotate(s.v.first, 42) * kPrime1 + load64(at + 8);
  s.w.first = rotate(s.y + s.z, 35) * kPrime1 + s.x;
  s.w.second = rotate(s.x + load64(at + 88), 53) * kPrime1;
  for (; size >= 128; size -= 128, at += 128) {
    s.step_64(at);
    s.step_64(at + 64);
  }
  s.y += rotate(s.w.first, 37) * kPrime0 + s.z;
  s.x += rotate(s.v.first + s.z, 49) * kPrime0;
  // The rest in pieces of 32 from its end; the last piece may reach back into what is hashed already.
  for (std::size_t done = 0; done < size;) {
    done += 32;
    const auto* piece = at + size - done;
    s.y = rotate(s.y - s.x, 42) * kPrime0 + s.v.second;
    s.w.first += load64(piece + 16);
    s.x = rotate(s.x, 49) * kPrime0 + s.w.first;
    s.w.first += s.v.first;
    s.v = fold_32(piece, s.v.first, s.v.second);
  }
  const auto x = combine(s.x, s.v.first);
  const auto y = combine(s.y, s.w.first);
  return {combine(x + s.v.second, s.w.second) + y, combine(x + s.w.second, y + s.v.second)};
}

}  // namespace

Hash128 city_hash_128(std::span<const std::byte> bytes) {
  const auto* at = bytes.data();
  const auto size = bytes.size();
  if (size >= 16) return hash_with_seed(at + 16, size - 16, {load64(at) ^ kPrime3, load64(at + 8)});
  if (size >= 8) return hash_with_seed(at, 0, {load64(at) ^ (size * kPrime0), load64(at + size - 8) ^ kPrime1});
  return hash_with_seed(at, size, {kPrime0, kPrime1});
}

}  // namespace weir::net
