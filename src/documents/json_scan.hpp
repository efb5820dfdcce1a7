#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::documents {

// Looks at many bytes of a JSON text at once (SSE2, which every x86-64 has).

// The first quote, backslash or control character (RFC 8259, section 7: what a string does not hold as it is) in [at, end);
// `end` when there is none. Up to 15 bytes behind the end are read.
inline const char* find_string_special(const char* at, const char* end) {
  const auto quote = _mm_set1_epi8('"');
  const auto backslash = _mm_set1_epi8('\\');
  const auto last_control = _mm_set1_epi8(0x1F);
  for (; at < end; at += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                      _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (found == 0) continue;
    at += std::countr_zero(found);
    return at < end ? at : end;
  }
  return end;
}

// Whether all bytes are ASCII; false may be said of a text whose last 15 bytes have others behind them. Up to 15 bytes behind
// the end are read.
inline bool is_ascii(const char* at, const char* end) {
  auto all = _mm_setzero_si128();
  for (; at < end; at += 16) all = _mm_or_si128(all, _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  return _mm_movemask_epi8(all) == 0;
}

// Finds where an object or a list ends, by its brackets and quotes alone. It may be fed piece by piece.
class NestingScan {
 public:
  // Begins inside of so many brackets.
  void begin(std::size_t depth) {
    depth_ = depth;
    in_string_ = false;
    escaped_ = false;
    closed_ = false;
  }
  // The place behind the bracket that closes the outermost, or `end`. Up to 63 bytes behind the end are read.
  const char* run(const char* at, const char* end) {
    for (; at < end; at += kBlock) {
      const auto left = static_cast<std::size_t>(end - at);
      const auto* closing = run_block(at, left < kBlock ? left : kBlock);
      if (closing != nullptr) return closing;
    }
    return end;
  }
  bool closed() const { return closed_; }

 private:
  static constexpr std::size_t kBlock = 64;
  static constexpr std::size_t kParts = 4;
  struct Block {
    __m128i parts[kParts];
  };

  // Which of the bytes are the wanted one, once `bits` are set in both.
  static std::uint64_t match(const Block& block, char wanted, char bits = 0) {
    std::uint64_t mask = 0;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kParts; ++i) {
      const auto bytes = _mm_or_si128(block.parts[i], _mm_set1_epi8(bits));
      const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted))));
      mask |= std::uint64_t{found} << (16 * i);
    }
    return mask;
  }

  static bool has(const Block& block, char wanted) {
    auto found = _mm_setzero_si128();
#pragma GCC unroll 4
    for (const auto& part : block.parts) found = _mm_or_si128(found, _mm_cmpeq_epi8(part, _mm_set1_epi8(wanted)));
    return _mm_movemask_epi8(found) != 0;
  }

  // A bit is set when the number of set bits up to it is odd.
  static std::uint64_t prefix_xor(std::uint64_t bits) {
#pragma GCC unroll 6
    for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
  }

  // Which of the bytes stand behind a backslash that is not escaped itself.
  std::uint64_t find_escaped(std::uint64_t backslashes, std::size_t size) {
    std::uint64_t found = escaped_ ? 1 : 0;
    escaped_ = false;
    for (auto rest = backslashes & ~found; rest != 0;) {
      const auto next = static_cast<std::size_t>(std::countr_zero(rest)) + 1;
      if (next == size) {
        escaped_ = true;
        break;
      }
      found |= std::uint64_t{1} << next;
      rest &= rest - 1;
      rest &= ~found;
    }
    return found;
  }

  const char* run_block(const char* at, std::size_t size) {
    Block block;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kParts; ++i) block.parts[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    const auto valid = size == kBlock ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    auto quotes = match(block, '"') & valid;
    if (escaped_ || has(block, '\\')) quotes &= ~find_escaped(match(block, '\\') & valid, size);
    const auto inside = prefix_xor(quotes) ^ (in_string_ ? ~std::uint64_t{0} : 0);
    in_string_ = (inside >> 63) != 0;
    // The four brackets are alike but for three bits; the few others that are like them are looked at and let go.
    constexpr char kBits = 0x26;
    for (auto left = match(block, '{' | kBits, kBits) & valid & ~inside; left != 0; left &= left - 1) {
      const auto* place = at + std::countr_zero(left);
      if (*place == '{' || *place == '[') {
        ++depth_;
      } else if ((*place == '}' || *place == ']') && --depth_ == 0) {
        closed_ = true;
        return place + 1;
      }
    }
    return nullptr;
  }

  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool closed_ = false;
};

}  // namespace weir::documents
