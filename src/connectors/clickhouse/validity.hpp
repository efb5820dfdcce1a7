#pragma once

#include <cstdint>
#include <cstring>

#include "data/buffer.hpp"

namespace weir::clickhouse {

// Appends one bit a byte to a bitmap that holds `rows` bits: set where the byte is not zero. Eight bytes become a byte of
// bits by one multiplication. Returns how many bits were set.
inline std::size_t append_bits(data::BufferBuilder& bitmap, std::size_t rows, const std::uint8_t* bytes,
                               std::size_t count) {
  bitmap.resize((rows + count + 7) / 8);
  auto* bits = bitmap.as<std::uint8_t>();
  std::size_t set = 0;
  std::size_t i = 0;
  for (; i < count && (rows + i) % 8 != 0; ++i) {
    const auto mask = static_cast<std::uint8_t>(1U << ((rows + i) % 8));
    bits[(rows + i) / 8] = static_cast<std::uint8_t>((bits[(rows + i) / 8] & ~mask) | (bytes[i] != 0 ? mask : 0));
    set += bytes[i] != 0 ? 1 : 0;
  }
  for (; i + 8 <= count; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, 8);
    // Any non-zero byte to 1, then gather the eight lowest bits into the top byte.
    word |= word >> 4;
    word |= word >> 2;
    word |= word >> 1;
    word &= 0x0101010101010101ULL;
    const auto packed = static_cast<std::uint8_t>((word * 0x0102040810204080ULL) >> 56);
    bits[(rows + i) / 8] = packed;
    set += static_cast<std::size_t>(__builtin_popcount(packed));
  }
  if (i < count) bits[(rows + i) / 8] = 0;
  for (; i < count; ++i) {
    if (bytes[i] == 0) continue;
    bits[(rows + i) / 8] = static_cast<std::uint8_t>(bits[(rows + i) / 8] | (1U << ((rows + i) % 8)));
    ++set;
  }
  return set;
}

// One byte a bit: 1 where the bit is set.
inline void expand_bits(std::uint8_t* bytes, const std::uint8_t* bitmap, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes[i] = bitmap[i >> 3] >> (i & 7) & 1;
}

}  // namespace weir::clickhouse
