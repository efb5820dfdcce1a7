#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::net {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};

// CityHash128 as Google published it in version 1.0.2 (Geoff Pike and Jyrki Alakuijala, MIT licence): the checksum of
// ClickHouse's compressed frames. Version 1.0.3 and later give other values, and so does every packaged library.
Hash128 city_hash_128(std::span<const std::byte> bytes);

}  // namespace weir::net
