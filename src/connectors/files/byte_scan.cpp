#include "connectors/files/byte_scan.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir::files {
namespace {

// One bit a byte of a block of 64.
struct BlockMasks {
  std::uint64_t structural = 0;
  std::uint64_t non_ascii = 0;
  std::uint64_t nul = 0;
};

// Makes the masks of `count` blocks; one function for each instruction set.
using MakeMasks = void (*)(const char* text, std::size_t count, const Marks& marks, BlockMasks* masks);

#if defined(__x86_64__)

__attribute__((target("avx2"))) void make_masks_avx2(const char* text, std::size_t count, const Marks& marks,
                                                     BlockMasks* masks) {
  const auto delimiter = _mm256_set1_epi8(marks.delimiter);
  const auto quote = _mm256_set1_epi8(marks.quote);
  const auto feed = _mm256_set1_epi8('\n');
  const auto zero = _mm256_setzero_si256();
  for (std::size_t i = 0; i < count; ++i, text += 64) {
    BlockMasks block;
    for (int half = 1; half >= 0; --half) {
      const auto bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + half * 32));
      const auto marked =
          _mm256_or_si256(_mm256_cmpeq_epi8(bytes, delimiter),
                          _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, feed)));
      block.structural = block.structural << 32 | static_cast<std::uint32_t>(_mm256_movemask_epi8(marked));
      block.non_ascii = block.non_ascii << 32 | static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
      block.nul = block.nul << 32 | static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, zero)));
    }
    masks[i] = block;
  }
}

void make_masks_portable(const char* text, std::size_t count, const Marks& marks, BlockMasks* masks) {
  const auto delimiter = _mm_set1_epi8(marks.delimiter);
  const auto quote = _mm_set1_epi8(marks.quote);
  const auto feed = _mm_set1_epi8('\n');
  const auto zero = _mm_setzero_si128();
  for (std::size_t i = 0; i < count; ++i, text += 64) {
    BlockMasks block;
    for (int quarter = 3; quarter >= 0; --quarter) {
      const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + quarter * 16));
      const auto marked = _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiter),
                                       _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, feed)));
      block.structural = block.structural << 16 | static_cast<std::uint32_t>(_mm_movemask_epi8(marked));
      block.non_ascii = block.non_ascii << 16 | static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
      block.nul = block.nul << 16 | static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zero)));
    }
    masks[i] = block;
  }
}

MakeMasks best_make_masks() { return __builtin_cpu_supports("avx2") != 0 ? make_masks_avx2 : make_masks_portable; }

#else

void make_masks_portable(const char* text, std::size_t count, const Marks& marks, BlockMasks* masks) {
  for (std::size_t i = 0; i < count; ++i, text += 64) {
    BlockMasks block;
    for (int byte = 63; byte >= 0; --byte) {
      const char c = text[byte];
      block.structural =
          block.structural << 1 | static_cast<unsigned>(c == marks.delimiter || c == marks.quote || c == '\n');
      block.non_ascii = block.non_ascii << 1 | static_cast<unsigned>((c & 0x80) != 0);
      block.nul = block.nul << 1 | static_cast<unsigned>(c == '\0');
    }
    masks[i] = block;
  }
}

MakeMasks best_make_masks() { return make_masks_portable; }

#endif

// Writes the positions of the mask's bits; returns their end. `out` has room for 64.
std::uint32_t* write_positions(std::uint64_t mask, std::size_t base, std::uint32_t* out) {
  for (; mask != 0; mask &= mask - 1)
    *out++ = static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(std::countr_zero(mask));
  return out;
}

// The bytes that a UTF-8 sequence takes, 0 where none begins; overlong forms, surrogates and what lies beyond U+10FFFF are
// none.
std::size_t sequence_length(const unsigned char* at, std::size_t left) {
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < left && at[i] >= low && at[i] <= high;
  };
  const unsigned first = at[0];
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void scan(const char* text, std::size_t size, const Marks& marks, ScanResult& result) {
  static const MakeMasks kMakeMasks = best_make_masks();
  constexpr std::size_t kBlocks = 64;  // at a time: their masks stay in the first cache
  BlockMasks masks[kBlocks];
  BlockMasks seen;
  result.count = 0;
  for (std::size_t at = 0; at < size; at += 64 * kBlocks) {
    const auto blocks = std::min(kBlocks, (size - at + 63) / 64);
    kMakeMasks(text + at, blocks, marks, masks);
    if (size - at < 64 * blocks) {
      auto& last = masks[blocks - 1];
      const auto inside = (std::uint64_t{1} << (size - at) % 64) - 1;
      last = {last.structural & inside, last.non_ascii & inside, last.nul & inside};
    }
    if (result.positions.size() < result.count + 64 * blocks) {
      result.positions.resize(std::max(2 * result.positions.size(), result.count + 64 * kBlocks));
    }
    auto* const begin = result.positions.data();
    auto* out = begin + result.count;
    for (std::size_t i = 0; i < blocks; ++i) {
      out = write_positions(masks[i].structural, at + 64 * i, out);
      seen.non_ascii |= masks[i].non_ascii;
      seen.nul |= masks[i].nul;
    }
    result.count = static_cast<std::size_t>(out - begin);
  }
  result.has_non_ascii = seen.non_ascii != 0;
  result.has_nul = seen.nul != 0;
}

std::uint64_t count_byte(const char* text, std::size_t size, char byte) {
  std::uint64_t count = 0;
  std::size_t at = 0;
#if defined(__x86_64__)
  const auto wanted = _mm_set1_epi8(byte);
  for (; at + 16 <= size; at += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + at));
    count += static_cast<std::uint64_t>(
        std::popcount(static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)))));
  }
#endif
  return count + static_cast<std::uint64_t>(std::count(text + at, text + size, byte));
}

std::size_t find_invalid_text(const char* text, std::size_t size) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text);
  for (std::size_t at = 0; at < size;) {
    if (bytes[at] < 0x80) {
      if (bytes[at] == 0) return at;
      ++at;
      continue;
    }
    const auto length = sequence_length(bytes + at, size - at);
    if (length == 0) return at;
    at += length;
  }
  return size;
}

}  // namespace weir::files
